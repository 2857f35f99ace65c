"""Combinational paths through a component, found in its netlist."""

import tempfile
from pathlib import Path

from amaranth.lib import wiring

from fpga.yosys import run_yosys
from hw.emit import emit_verilog

__all__ = ["combinational_inputs"]


def combinational_inputs(component: wiring.Component, output: str) -> set[str]:
    """Return the inputs of `component` on which `output` depends within the same cycle.

    Ports are named as `hw.emit` names them. What a register holds is no such path.
    """
    verilog = emit_verilog(component, "dut")
    with tempfile.TemporaryDirectory() as folder:
        # Back from the output through all cells but registers; memories are made of registers.
        run_yosys(Path(folder), verilog,
                  "prep -flatten -top dut; memory_map; opt_clean; select -assert-any o:" + output
                  + f"; tee -q -o inputs.txt select -list o:{output} %ci*:-$dff i:* %i")
        found = (Path(folder) / "inputs.txt").read_text().split()
    return {name.removeprefix("dut/") for name in found}
