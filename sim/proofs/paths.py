"""Paths through a component, found in its netlist."""

from collections.abc import Iterable

from amaranth.lib import wiring

from fpga.yosys import run_yosys
from hw.emit import emit_verilog
from sw_driver.system.scratch import temporary_folder

__all__ = ["all_inputs", "combinational_inputs"]


def combinational_inputs(component: wiring.Component, output: str) -> set[str]:
    """Return the inputs of `component` on which `output` depends within the same cycle.

    Ports are named as `hw.emit` names them. What a register holds is no such path.
    """
    return _inputs(component, [output], "%ci*:-$dff")


def all_inputs(component: wiring.Component, outputs: Iterable[str]) -> set[str]:
    """Return the inputs on which any of these outputs depends, in the same cycle or ever after.

    So the outputs are functions of these inputs alone. Clock and reset are among them.
    """
    return _inputs(component, outputs, "%ci*")


def _inputs(component: wiring.Component, outputs: Iterable[str], backwards: str) -> set[str]:
    """Go back from outputs through cells; memories are made of registers."""
    verilog = emit_verilog(component, "dut")
    ports = [f"o:{output}" for output in outputs]
    with temporary_folder() as folder:
        run_yosys(folder, verilog, "; ".join((
            "prep -flatten -top dut", "memory_map", "opt_clean",
            *(f"select -assert-any {port}" for port in ports),
            f"select -set outputs {' '.join(ports)}",
            f"tee -q -o inputs.txt select -list @outputs {backwards} i:* %i")))
        found = (folder / "inputs.txt").read_text().split()
    return {name.removeprefix("dut/") for name in found}
