"""What stands in a Verilog text."""

import re


def memory_words(verilog, module, memory):
    """The initial contents of a memory in a Verilog text."""
    body = verilog.split(f"module \\{module} (")[1].split("endmodule")[0]
    return [int(word, 16) for word in re.findall(rf"{memory}\[\d+\] = \d+'h([0-9a-f]+);", body)]
