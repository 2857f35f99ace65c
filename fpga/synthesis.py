"""From Verilog to the cells of an FPGA family, and how many of each there are."""

import dataclasses
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from golden.system.names import moved_names

from .clock_networks import move_logic_off_networks
from .drivers import driven_bits
from .errors import FlowFailed
from .families import ECP5, Family
from .tools import YOSYS, read_json
from .yosys import run_yosys

__all__ = ["Area", "area_of", "areas_by_module", "lut_sites", "synthesise"]

__getattr__ = moved_names(__name__, {
    "FAMILIES": "fpga.families", "GOWIN": "fpga.families:GW1N", "ICE40": "fpga.families"})


@dataclasses.dataclass(frozen=True)
class Area:
    """Cells of a design after synthesis.

    Parameters
    ----------
    luts
        4-input LUTs that compute logic.
    carries
        Carry cells: two bits each on the ECP5, in the place of two LUTs; one on the iCE40, beside
        a LUT that is counted; one on Gowin parts, in the place of a LUT.
    flip_flops, multipliers, block_rams
        What the names say. A block RAM is 4 Kbit on the iCE40, else 18 Kbit.
    lut_rams
        Distributed memories of 16 words of 4 bits, each in the place of some LUTs.
    """

    luts: int
    carries: int
    flip_flops: int
    multipliers: int
    block_rams: int
    lut_rams: int


def lut_sites(area: Area, family: Family) -> int:
    """LUTs of a part that a design takes: carry cells and LUT RAMs take some, too."""
    return (area.luts + family.carry_sites * area.carries
            + family.lut_ram_sites * area.lut_rams)


def synthesise(folder: Path, verilog: str, top: str, family: Family, yosys: str = YOSYS) -> Area:
    """Synthesise a design into `folder / "netlist.json"`; return its cells.

    `yosys` is the one to run, as `run_tool` takes it.

    Raises
    ------
    FpgaToolMissing, FlowFailed
        As `run_yosys`; also if a cell is left that the family does not have, or if two cells
        drive one net.
    """
    run_yosys(folder, verilog,
              f"{family.command} -top {top} -json netlist.json; tee -q -o cells.json stat -json",
              yosys)
    netlist = read_json(folder / "netlist.json")
    _refuse_conflicts(netlist)
    if family is ECP5 and move_logic_off_networks(netlist):
        (folder / "netlist.json").write_text(json.dumps(netlist))
    return _area(read_json(folder / "cells.json"), top, family)


def _refuse_conflicts(netlist: Mapping[str, Any]) -> None:
    """Refuse a netlist in which two cells drive one net: Yosys has made another design of it."""
    for module in netlist["modules"].values():
        driver: dict[int, str] = {}
        for bit, name, _ in driven_bits(module):
            if bit in driver:
                raise FlowFailed(
                    f"netlist must have one driver for each net, but {driver[bit]} and {name} "
                    "drive the same one: Yosys took two signals for one, see docs/tool-notes.md")
            driver[bit] = name


def areas_by_module(folder: Path, verilog: str, top: str, family: Family) -> dict[str, Area]:
    """Synthesise a design module by module; return the cells of each, without those inside it.

    There are some more than in `synthesise`, which optimises across modules. Modules are named by
    their place in the design, the top module by its own name.

    Raises
    ------
    FpgaToolMissing, FlowFailed
        As `synthesise`.
    """
    run_yosys(folder, verilog,
              f"{family.command} -noflatten -top {top}; tee -q -o cells.json stat -json")
    report = read_json(folder / "cells.json")
    modules = {name.removeprefix("\\") for name in report["modules"]}
    return {name.removeprefix(f"{top}."): _area(report, name, family, modules)
            for name in sorted(modules) if not name.startswith("$")}


def _area(report: dict[str, Any], module: str, family: Family,
          inside: Collection[str] = ()) -> Area:
    cells: dict[str, int] = report["modules"][f"\\{module}"]["num_cells_by_type"]
    return area_of(cells, module, family, inside)


def area_of(cells: Mapping[str, int], module: str, family: Family,
            inside: Collection[str] = ()) -> Area:
    """Sum up the cells of a module, given by Yosys's names of their kinds.

    Parameters
    ----------
    cells
        How many there are of each.
    module, family
        The module's name, for the message; and the family that it was synthesised for.
    inside
        Names of modules, which may stand among the cells and do not count.

    Raises
    ------
    FlowFailed
        A cell is left that the family does not have.
    """
    left = [name for name in cells if name.startswith("$") and name != "$scopeinfo"
            and name not in inside]
    if left:
        raise FlowFailed(
            f"{module} must be all {family.name} cells; left over are {', '.join(left)}")
    patterns = {field.name: getattr(family, field.name) for field in dataclasses.fields(Area)}

    def count(names: tuple[str, ...]) -> int:
        return sum(number for cell, number in cells.items() for name in names
                   if cell == name or name.endswith("*") and cell.startswith(name[:-1]))

    return Area(**{kind: count(names) for kind, names in patterns.items()})
