"""`clostorus area`: what a processing element takes as an ASIC, in gate equivalents."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sw_driver.cli.configuration import check_trains, named_configuration
from sw_driver.cli.options import Json, LanesIn, LanesOut, LinkWords, Quiet, lanes_of, make_output
from sw_driver.cli.verilog_options import ConfigFrom, Torus, Train
from sw_driver.cli.written import say_written

if TYPE_CHECKING:
    from fpga.asic import AsicArea
    from fpga.black_boxes import Memory
    from fpga.liberty import Library
    from hw.config import TorusConfig
    from sw_driver.system.console import Output

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "clostorus area --liberty cells.lib --torus 4x4",
    "clostorus area --liberty cells.lib --preset fitted",
    "clostorus area --liberty cells.lib --config-from model.ctz --json",
    "clostorus area --liberty cells.lib --torus 4x4 --train --top training-router",
    "clostorus area --liberty cells.lib --torus 1x1 --top torus -o mapped",
)

_NETLIST, _MEMORIES = "netlist.v", "memories.v"
_PATTERN = re.compile(r"[\w*?]+")
_SHOWN_MODULES = 20

_Liberty = Annotated[
    Path, typer.Option(metavar="FILE", help="The cells of a process: a liberty file (.lib).")
]
_Top = Annotated[
    str,
    typer.Option(
        metavar="pe|torus|inference-router|training-router|axi|wishbone", help="Top module."
    ),
]
_Preset = Annotated[
    str | None, typer.Option(metavar="NAME", help="A torus that hw/presets.py names: fitted.")
]
_DontUse = Annotated[
    list[str] | None,
    typer.Option(metavar="CELL", help="A cell not to be used; * stands for anything. Repeat it."),
]
_Registers = Annotated[
    int,
    typer.Option(
        min=0,
        max=1 << 20,
        help="Memories of so many bits or fewer are flip-flops, the others are left out.",
    ),
]
_Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="DIR",
        help=f"Write the cells there ({_NETLIST}), and what the memories do ({_MEMORIES}).",
    ),
]


def command(
    ctx: typer.Context,
    liberty: _Liberty,
    torus: Torus = None,
    preset: _Preset = None,
    config_from: ConfigFrom = None,
    top: _Top = "pe",
    train: Train = False,
    dont_use: _DontUse = None,
    registers: _Registers = 0,
    output: _Output = None,
    lanes_in: LanesIn = None,
    lanes_out: LanesOut = None,
    link_words: LinkWords = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Map a processing element to the cells of a liberty file, and count gate equivalents.

    A gate equivalent is the area of the file's smallest NAND of two inputs. Memories are black
    boxes, which are listed and are in no area. docs/asic.md says what their ports are, and what the
    figures hold for: no wires, no clock tree, and no timing.
    """
    from fpga.black_box_models import box_models
    from fpga.liberty import read_library
    from sw_driver.system.files import check_folder, check_outputs, write_files

    out = make_output(ctx, json, quiet)
    patterns = tuple(dont_use or ())
    _check_options(top, patterns)
    if output is not None:
        check_folder(output)
        files = [output / name for name in (_NETLIST, _MEMORIES)]
        check_outputs({"--output": files}, {"--liberty": liberty, "--config-from": config_from})
    lanes = lanes_of(lanes_in, lanes_out, link_words)
    config = _configuration(torus, preset, config_from, lanes, train=train)
    check_trains(top, config)
    library = read_library(liberty)
    library.check_unused(patterns)
    area = _mapped(out, config, top, liberty, library, patterns, registers)
    if output is not None:
        models = box_models(area.memories)
        write_files(output, {_NETLIST: area.netlist.encode(), _MEMORIES: models.encode()})
    _say(out, top, area)
    if output is not None:
        say_written(out, output, "any simulator, with the models of the library's cells")
    out.result({
        "library": library.name,
        "top": top,
        "hardware_id": f"{config.hardware_id:016x}",
        "trains": config.training is not None,
        **_described(area),
        "output": None if output is None else str(output),
    })


def _check_options(top: str, patterns: tuple[str, ...]) -> None:
    from hw.tops import TOPS
    from sw_driver.errors import DriverError

    if top not in TOPS:
        raise DriverError(f"top must be one of {', '.join(TOPS)}, not {top!r}")
    for pattern in patterns:
        if not _PATTERN.fullmatch(pattern):
            raise DriverError(
                f"dont-use must be the name of a cell, in which * stands for anything, not "
                f"{pattern!r}"
            )


def _configuration(
    torus: str | None, preset: str | None, config_from: Path | None, lanes: dict[str, int], *,
    train: bool,
) -> "TorusConfig":
    """The torus that the options name."""
    from hw.presets import PRESETS
    from sw_driver.errors import DriverError

    if preset is not None:
        if torus is not None or config_from is not None or train or lanes:
            raise DriverError("preset names the whole torus: leave out --torus, --config-from, "
                              "--train and lanes")
        if preset not in PRESETS:
            raise DriverError(f"preset must be one of {', '.join(PRESETS)}, not {preset!r}")
        return PRESETS[preset]
    if torus is None and config_from is None:
        raise DriverError("one of --torus, --preset and --config-from must name a configuration")
    return named_configuration(torus=torus, lanes=lanes, train=train,
                               config_from=config_from).config


def _mapped(
    out: "Output", config: "TorusConfig", top: str, liberty: Path, library: "Library",
    patterns: tuple[str, ...], registers: int,
) -> "AsicArea":
    from fpga.asic import map_to_cells
    from hw.tops import TOPS, top_verilog  # pyright: ignore[reportUnknownVariableType]
    from sw_driver.system.scratch import temporary_folder

    with out.progress() as tell, temporary_folder() as folder:
        tell(f"map {top} to {library.name}", 0, 1)
        return map_to_cells(folder, top_verilog(top, config), TOPS[top], liberty, library,
                            dont_use=patterns, largest_in_cells=registers)


def _say(out: "Output", top: str, area: "AsicArea") -> None:
    library = area.library
    nand = library.nand2

    def both(value: float) -> str:
        return f"{value:.0f}, {library.gates(value) / 1000:.2f} kGE"

    out.facts(f"{top} in cells of {library.name}", [
        ("area, memories left out", both(area.area)),
        ("a gate equivalent (GE)", f"{nand.name}, {nand.area:g} of the library's units of area"),
        ("flip-flops", f"{area.flip_flops}, {both(area.flip_flop_area)}"),
        ("logic", both(area.area - area.flip_flop_area)),
        ("bits of memories, left out", str(area.memory_bits)),
    ])
    out.table("memories", ("black box", "words", "bits of a word", "how many", "bits"), [
        (memory.name, str(memory.words), str(memory.width), str(count), str(memory.bits * count))
        for memory, count in area.memories.items()])
    kinds = sorted(area.cells, key=lambda name: (-area.area_of(name), name))
    out.table("cells", ("cell", "how many", "area", "share"), [
        (name, str(area.cells[name]), f"{area.area_of(name):.0f}",
         f"{area.area_of(name) / area.area:.1%}") for name in kinds])
    total = max((module.whole for module in area.modules), default=0.0) or 1.0
    rows = [(module.name or "(all)", str(module.copies),
             *(f"{library.gates(value):.0f}" for value in (module.own, module.whole)),
             f"{module.whole * module.copies / total:.1%}")
            for module in area.modules if module.whole]
    shown = rows[:_SHOWN_MODULES]
    hidden = len(rows) - len(shown)
    left = f"; {hidden} smaller ones are in --json" if hidden else ""
    out.table(f"modules, mapped one by one, which takes a little more{left}",
              ("module", "copies", "GE of its own", "GE with what is inside", "share of all"),
              shown)


def _described(area: "AsicArea") -> dict[str, Any]:
    """All of it for --json; areas are in the library's unit."""
    library = area.library
    return {
        "nand2": {"name": library.nand2.name, "area": library.nand2.area},
        "area": area.area,
        "gate_equivalents": library.gates(area.area),
        "flip_flops": area.flip_flops,
        "flip_flop_area": area.flip_flop_area,
        "memory_bits": area.memory_bits,
        "memories": [_memory(memory, count) for memory, count in area.memories.items()],
        "cells": {name: {"count": count, "area": area.area_of(name)}
                  for name, count in area.cells.items()},
        "modules": [{"name": module.name, "copies": module.copies, "own_area": module.own,
                     "area": module.whole} for module in area.modules],
    }


def _memory(memory: "Memory", count: int) -> dict[str, Any]:
    return {"module": memory.name, "words": memory.words, "width": memory.width,
            "read": memory.read, "ports": memory.port_bits, "count": count,
            "bits": memory.bits * count}
