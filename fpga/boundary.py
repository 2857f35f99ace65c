"""A design between registers, so that place-and-route times all of it and can drop none of it."""

import re

from hw.emit import synthesis_text

from .errors import FlowFailed

__all__ = ["BOUNDARY", "DESIGN", "INSTANCE", "as_synthesised", "with_boundary"]

BOUNDARY = "boundary"  # Name of the top module around the design.
DESIGN = "design"      # Name of the design in it.
# As Verilog writes it, of which `design` is a keyword since 2001; Yosys alone takes it for a name.
INSTANCE = rf"\{DESIGN} "
_CLOCK = "clk"


def as_synthesised(verilog: str) -> str:
    """Return the text under which what was measured of a design is kept.

    It is the same for texts that Yosys makes the same netlist of, byte for byte but for columns of
    the text (tests/fpga/test_equivalence.py): what is there for simulators alone is left out
    (`hw.emit.synthesis_text`), and so is how the name of the design is written.
    """
    return synthesis_text(verilog).replace(f" {INSTANCE}(", f" {DESIGN} (")


def with_boundary(verilog: str, top: str) -> str:
    """Add a top module `boundary` with three pins: clk, and the ends of two shift registers.

    Every input of the design, the reset too, comes from a register: a bit of one shift register.
    Every output goes to a register, whose bits are folded into another shift register by XOR. So
    all inputs can be set, all outputs matter, and no path to or from a pin is timed with the
    design.

    Parameters
    ----------
    verilog
        A design as Yosys writes it, with a clock `clk`.
    top
        Its top module.

    Raises
    ------
    FlowFailed
        There is no such module.
    """
    match = re.search(rf"^module {top} *\(.*?^endmodule$", verilog, re.M | re.S)
    if match is None:
        raise FlowFailed(f"the Verilog must have a module {top}")
    ports = {direction: _ports(match[0], direction) for direction in ("input", "output")}
    inputs = {name: bits for name, bits in ports["input"].items() if name != _CLOCK}
    outputs = ports["output"]
    in_bits, out_bits = sum(inputs.values()), sum(outputs.values())
    connections = [f".{_CLOCK}(clk)"] if _CLOCK in ports["input"] else []
    for vector, group in (("in_bits", inputs), ("out_wires", outputs)):
        low = 0
        for name, bits in group.items():
            connections.append(f".{name}({vector}[{low + bits - 1}:{low}])")
            low += bits
    lines = [
        f"module {BOUNDARY}(input clk, input in, output out);",
        f"  reg [{in_bits - 1}:0] in_bits = 0;",
        f"  wire [{out_bits - 1}:0] out_wires;",
        f"  reg [{out_bits - 1}:0] out_bits = 0;",
        f"  reg [{out_bits - 1}:0] folded = 0;",
        f"  assign out = folded[{out_bits - 1}];",
        "  always @(posedge clk) begin",
        "    in_bits <= (in_bits << 1) | in;",
        "    out_bits <= out_wires;",
        "    folded <= (folded << 1) ^ out_bits;",
        "  end",
        f"  {top} {INSTANCE}({', '.join(connections)});",
        "endmodule",
    ]
    return verilog + "\n" + "\n".join(lines) + "\n"


def _ports(module: str, direction: str) -> dict[str, int]:
    """Names and widths of the ports of a module."""
    found = re.findall(rf"^  {direction} (?:\[(\d+):0\] )?(\w+);$", module, re.M)
    return {name: int(high or 0) + 1 for high, name in found}
