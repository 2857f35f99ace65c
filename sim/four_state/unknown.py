"""A design in which everything is unknown until it is reset or written, and stays so visibly.

Verilog hides unknown values: `if` and `case` take an unknown condition for a false one, and
Amaranth declares registers with values and fills memories with zeros. Here registers begin unknown,
each condition is an operator `?:`, whose result is unknown wherever the condition matters, and
memories are the models of `fpga.black_box_models`, which have no contents.

What is known in a simulation of the result is so whatever the unknown bits are, since each operator
gives x unless its known inputs alone decide. So a design that passes needs no value at the start.
"""

import re
from pathlib import Path

from fpga.black_box_models import box_models
from fpga.black_boxes import BOXED, box_design
from fpga.tools import YOSYS, run_tool

from ..errors import BuildFailed

__all__ = ["unknown_start"]

_REWRITE = (f"{BOXED}; memory_map; dffunmap; opt_clean; "
            "pmuxtree; opt_clean; write_verilog -noattr unknown.v")
_HIDES = re.compile(r"^\s*(?:if|else|casez?|initial)\b.*", re.M)


def unknown_start(verilog: str, top: str, folder: Path, bench: str) -> str:
    """Rewrite a design of `hw.emit`, with the models of its memories.

    Parameters
    ----------
    verilog, top
        The design, and the name of its top module.
    folder
        Where Yosys runs.
    bench
        The module around it, as `box_models` takes it.

    Raises
    ------
    FpgaToolMissing, FlowFailed
        As `fpga.black_boxes.box_design`.
    BuildFailed
        The result has something that hides unknown values.
    """
    memories = box_design(folder, verilog, top)
    run_tool(YOSYS, ["-q", "-p", _REWRITE], folder)
    text = (folder / "unknown.v").read_text()
    hidden = _HIDES.search(text)
    if hidden:
        raise BuildFailed(f"the Verilog must have nothing that hides unknown values, but has "
                          f"{hidden[0].strip()!r}")
    return f"{text}\n{box_models(memories, bench)}"
