"""Area and clock on an ECP5, and area on an iCE40."""

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from fpga.designs import DESIGNS
from fpga.families import ECP5, ICE40
from fpga.synthesis import Area, areas_by_module
from fpga.tools import tool_version
from sw_driver.system.scratch import temporary_folder

from .placements import (
    DEVICE,
    ROUTER,
    SYNTHESISER,
    TARGET_MHZ,
    Work,
    areas,
    depends_on,
    routes,
)
from .results import Bench, Table, markdown_table, paragraphs

__all__ = ["TITLE", "TRAINING_TITLE", "measure", "measure_training"]

TITLE = "Area and clock"
TRAINING_TITLE = "Area and clock of training"

_SEEDS = (1, 2, 3)
# A torus takes its time. The training one of 4x4 is synthesised only: it would take hours to place.
_FEWER_SEEDS = {"torus-2x2": (1,), "torus-4x4": (1,), "training-torus-2x2": (1,),
                "training-torus-4x4": ()}
_LEFT_OUT = {("torus-4x4", "generic")}
_TRAINING = "training-"
_CELLS = ("generic", "ecp5")
_QUICK = ("link-side", "pe")


def measure(bench: Bench) -> Table:
    """Place and route all designs that infer; quick: two of them. About 30 minutes.

    On one core; a 4x4 torus takes 15 of them. Quick, of ECP5 cells and with one seed: 1.
    """
    names = _QUICK if bench.quick else [
        name for name in DESIGNS if not name.startswith(_TRAINING)]
    cells = ("ecp5",) if bench.quick else _CELLS
    jobs = [job for name in names for job in _jobs(bench, name, cells)]
    values = _values(bench, "area", jobs)
    generic = [] if bench.quick else [
        job for job in jobs if job.cells == "generic" and job.design.name != "torus-4x4"]
    small = [(job.design.name, area)
             for job, area in areas(bench, "area", generic, ICE40).items()]
    element = next(job for job in jobs if (job.design.name, job.cells) == ("pe", "ecp5"))
    modules = _modules(bench, element)
    text = paragraphs(f"""
        {_flow()} Words have 16 bits. Memories, counters and shifter are as large as (784, 256, 28,
        8, 16) needs on a 4x4 torus; "pe-general" is `TorusConfig()` instead, and
        "pe-word-steps" has the option `word_steps` for partial sums of dense layers.

        A carry cell stands in the place of two LUTs, and a LUT RAM in the place of four. The
        command fails if a design has not as many multipliers and block RAMs as it should. "generic"
        cells are inferred by Yosys; "ecp5" cells are instantiated with their own registers
        (`hw/cells/ecp5.py`). The link side is two `Hop`s, which a word passes on its way through a
        node. Hoplite, the leanest published torus router, takes 91 LUT4 and 43 flip-flops at 237
        MHz for 16-bit words in the same flow.""")
    return Table(f"{text}\n{_tables(values)}\n{_details(modules, small)}",
                 {"ecp5": values, "pe_modules": modules, "ice40": dict(small)})


def measure_training(bench: Bench) -> Table:
    """Place and route what trains; quick: the router, with one seed. About 20 minutes."""
    names = ["training-router"] if bench.quick else [
        name for name in DESIGNS if name.startswith(_TRAINING)]
    values = _values(bench, "training-area",
                     [job for name in names for job in _jobs(bench, name, ("ecp5",))])
    text = paragraphs(f"""
        {_flow()} The designs are those of "{TITLE}" for the same layer, configured to train, in
        "ecp5" cells. Words have 16 bits and stored weights have 24; "batches" has velocities of 36
        bits. The 4x4 torus is synthesised only, which says how many cells it takes: to place it
        would take hours.""")
    return Table(f"{text}\n{_tables(values)}", {"ecp5": values})


def _jobs(bench: Bench, name: str, cells: Sequence[str]) -> list[Work]:
    design = DESIGNS[name]
    seeds = (1,) if bench.quick else _seeds(name)
    return [Work(design, kind, design.verilog(kind), seeds)
            for kind in cells if (name, kind) not in _LEFT_OUT]


def _values(bench: Bench, table: str, jobs: Sequence[Work]) -> list[dict[str, Any]]:
    """Area, clock and critical path of each, in order."""
    begun = jobs[::-1]  # What takes longest begins first.
    cells, routed = areas(bench, table, begun, ECP5), routes(bench, table, begun)
    return [{"design": job.design.name, "cells": job.cells, "area": cells[job],
             "fmax_mhz": [routed[job, seed]["fmax_mhz"] for seed in job.seeds],
             "paths": [routed[job, seed]["path"] for seed in job.seeds]} for job in jobs]


def _seeds(name: str) -> Sequence[int]:
    return _FEWER_SEEDS.get(name, _SEEDS)


def _modules(bench: Bench, job: Work) -> dict[str, dict[str, int]]:
    """Cells of each module of a design."""
    def run() -> dict[str, dict[str, int]]:
        with temporary_folder() as folder:
            areas = areas_by_module(folder, job.verilog, job.design.top, ECP5)
        return {name: dataclasses.asdict(area) for name, area in areas.items()}

    return bench.result("modules", depends_on(job.verilog) | {"command": ECP5.command}, run)


def _flow() -> str:
    return (f"ECP5 figures come from `{ECP5.command}` ({tool_version(SYNTHESISER)}), without "
            f"input and output cells, and from {tool_version(ROUTER)} "
            f"--{DEVICE.size} --speed {DEVICE.speed_grade} --freq {TARGET_MHZ:g}, with every "
            "port of the design to and from a register (`fpga/boundary.py`).")


def _tables(values: Sequence[dict[str, Any]]) -> str:
    clock_header = ("design", "best MHz", "median MHz", "seeds", "critical path of the best")
    areas = [(_name(value), *value["area"].values()) for value in values]
    clocks = [(_name(value), f"{max(value['fmax_mhz']):.1f}",
               f"{statistics.median(value['fmax_mhz']):.1f}", len(value["fmax_mhz"]), _path(value))
              for value in values if value["fmax_mhz"]]
    return (markdown_table(("design", *_kinds()), areas) + "\n"
            + markdown_table(clock_header, clocks))


def _details(modules: Mapping[str, dict[str, int]],
             small: Sequence[tuple[str, dict[str, int]]]) -> str:
    text = paragraphs("""
        This is the processing element by module, in "ecp5" cells, each module without the modules
        inside it. Modules are synthesised one by one (`-noflatten`), so their sum is a little more
        than the figure above.""")
    rows = [(name, *area.values()) for name, area in modules.items() if any(area.values())]
    text += "\n" + markdown_table(("module", *_kinds()), rows)
    if small:
        text += "\n" + paragraphs(f"""
            iCE40 figures come from `{ICE40.command}` with generic cells. A block RAM has 4 Kbit. A
            carry cell stands beside a LUT.""")
        rows = [(name, *area.values()) for name, area in small]
        text += "\n" + markdown_table(("design", *_kinds()), rows)
    return text


def _kinds() -> list[str]:
    return [field.name.replace("_", " ") for field in dataclasses.fields(Area)]


def _name(value: dict[str, Any]) -> str:
    return f"{value['design']}, {value['cells']}"


def _path(value: dict[str, Any]) -> str:
    path = value["paths"][value["fmax_mhz"].index(max(value["fmax_mhz"]))]
    return (f"`{path['start']}` to `{path['end']}`: {path['levels']} levels, "
            f"{path['logic_ns']:.1f} ns cells, {path['routing_ns']:.1f} ns wires")
