"""`clostorus verilog`: the RTL as Verilog."""

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sw_driver.cli.cocotb_test import check_cocotb
from sw_driver.cli.configuration import Held, check_source, check_trains, named_configuration
from sw_driver.cli.data_options import make_source
from sw_driver.cli.options import Json, LanesIn, LanesOut, LinkWords, Quiet, lanes_of, make_output
from sw_driver.cli.script_source import read_script
from sw_driver.cli.verilog_design import design_of
from sw_driver.cli.verilog_link import Baud, BufferBytes, ClockMhz, InputBits, link_of
from sw_driver.cli.verilog_options import (
    Bake,
    Cells,
    Cocotb,
    ConfigFrom,
    Data,
    Fold,
    Models,
    Samples,
    Split,
    Top,
    Torus,
    Train,
    Waivers,
)
from sw_driver.cli.written import quoted, say_written

if TYPE_CHECKING:
    from golden.data.source import Source
    from hw.config import TorusConfig
    from hw.link_config import LinkConfig
    from sw_driver.cli.script_source import FileScript
    from sw_driver.system.console import Output

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "clostorus verilog --torus 4x4 -o torus.v --waivers torus.vlt",
    "clostorus verilog --config-from model.ctz --top pe -o pe.v",
    "clostorus verilog --bake model.ctz -o with_weights.v",
    "clostorus verilog --torus 2x2 --cells ecp5 -o ecp5.v --models cells.v",
    "clostorus verilog --torus 4x4 --train --top training-router -o router.v",
    "clostorus verilog --bake model.ctz --fold --top board --clock-mhz 25 -o board.v",
    "clostorus verilog --config-from model.ctz --top axi -o axi.v",
    "clostorus verilog --bake model.ctz --split -o handover",
    "clostorus verilog --config-from model.ctz --cocotb bench -o torus.v",
)


@dataclasses.dataclass(frozen=True)
class _Wanted:
    """What the command line asks for."""

    output: Path
    torus: str | None
    top: str
    train: bool
    bake: Path | None
    fold: bool
    config_from: Path | None
    cells: str
    split: bool
    waivers: Path | None
    models: Path | None
    cocotb: Path | None
    source: "Source | None"
    samples: int | None
    lanes: dict[str, int]


def command(
    ctx: typer.Context,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the Verilog goes.")],
    torus: Torus = None,
    top: Top = "torus",
    train: Train = False,
    bake: Bake = None,
    fold: Fold = False,
    config_from: ConfigFrom = None,
    cells: Cells = "generic",
    clock_mhz: ClockMhz = None,
    baud: Baud = None,
    buffer_bytes: BufferBytes = None,
    input_bits: InputBits = None,
    split: Split = False,
    waivers: Waivers = None,
    models: Models = None,
    cocotb: Cocotb = None,
    data: Data = None,
    samples: Samples = None,
    lanes_in: LanesIn = None,
    lanes_out: LanesOut = None,
    link_words: LinkWords = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write the Verilog of a torus, of one of its blocks, or of a torus on a link or bus.

    The configuration is the default one of a size (--torus) or that of a model
    (--config-from, --bake). The same configuration gives the same bytes. docs/export.md says what
    --cocotb writes, and how its test is run.
    """
    out = make_output(ctx, json, quiet)
    wanted = _Wanted(output, torus, top, train, bake, fold, config_from, cells, split, waivers,
                     models, cocotb, make_source(data, None, None, None), samples,
                     lanes_of(lanes_in, lanes_out, link_words))
    check_cocotb(cocotb, bake or config_from, top, wanted.source, samples)
    _check_files(wanted)
    _check_top(wanted)
    link = link_of(top, cells, clock_mhz, baud, buffer_bytes, input_bits)
    held = _held(wanted)
    if link is not None:
        link.check_words(held.config.word_bits)
    file, found = bake or config_from, None
    if cocotb is not None and file is not None:
        found = read_script(file, wanted.source, samples, baked=bake is not None)
    with out.progress() as tell:
        tell("write Verilog", 0, 1)
        text, memories = design_of(top, held, link, cells=cells, fold=fold, split=split)
    files = _write(wanted, text, memories, link, found)
    _report(out, wanted, held.config, text, files)


def _check_top(wanted: _Wanted) -> None:
    """Refuse a top module or cells that there are not, and weights where none are held."""
    from hw.tops import BOARD_MODULE, CELLS, TOPS, WHOLE_TOPS
    from sw_driver.errors import DriverError

    top, cells = wanted.top, wanted.cells
    tops = {**TOPS, "board": BOARD_MODULE}
    if top not in tops:
        raise DriverError(f"top must be one of {', '.join(tops)}, not {top!r}")
    if cells not in CELLS:
        raise DriverError(f"cells must be one of {', '.join(CELLS)}, not {cells!r}")
    if wanted.bake is not None and top not in (*WHOLE_TOPS, "board"):
        kinds = f"{', '.join(WHOLE_TOPS)} or board"
        raise DriverError(f"bake needs --top {kinds}: {top} has no weights of its own")


def _check_files(wanted: _Wanted) -> None:
    """Refuse files that contradict each other or the options; it takes no Amaranth yet."""
    from sim.model.verilog_files import held_files
    from sw_driver.errors import DriverError
    from sw_driver.files.data_files import source_files
    from sw_driver.script.names import BENCH_FILES
    from sw_driver.system.files import check_folder, check_outputs

    output, waivers, models = wanted.output, wanted.waivers, wanted.models
    if wanted.split and (waivers, models) != (None, None):
        raise DriverError("waivers and models are for one file: --split writes both into OUTPUT")
    if models is not None and wanted.cells == "generic":
        raise DriverError("models needs --cells ecp5: generic Verilog has no cells")
    folder = wanted.cocotb
    if wanted.split:
        check_folder(output)
        if folder is not None and os.path.realpath(folder) == os.path.realpath(output):
            raise DriverError(f"output and cocotb must be different, not both {output}")
    cocotb = None if folder is None else [folder / name for name in BENCH_FILES]
    check_outputs(
        {
            "--output": held_files(output) if wanted.split else output,
            "--waivers": waivers,
            "--models": models,
            "--cocotb": cocotb,
        },
        {
            "--bake": wanted.bake,
            "--config-from": wanted.config_from,
            **source_files(wanted.source),
        },
    )
    check_source(wanted.bake, wanted.config_from, train=wanted.train, fold=wanted.fold)


def _held(wanted: _Wanted) -> Held:
    """The configuration, and what its memories hold from the start."""
    held = named_configuration(torus=wanted.torus, lanes=wanted.lanes, train=wanted.train,
                               bake=wanted.bake, config_from=wanted.config_from, fold=wanted.fold)
    check_trains(wanted.top, held.config)
    return held


def _write(
    wanted: _Wanted,
    text: str,
    memories: dict[str, str],
    link: "LinkConfig | None",
    found: "FileScript | None",
) -> list[str]:
    """Write the Verilog and what goes with it; return the names of its files."""
    from fpga.cell_models import models_of
    from fpga.families import ECP5
    from sim.model.lint import waivers_of
    from sim.model.verilog_files import write_verilog_files
    from sim.testbenches.script_bench_files import write_script_bench
    from sw_driver.system.files import write_text

    if wanted.cocotb is not None and found is not None:
        write_script_bench(wanted.cocotb, found.compiled, found.script, baked=found.baked,
                           top=wanted.top)
    if wanted.split:
        clock_hz = None if link is None else link.clock_hz
        return write_verilog_files(wanted.output, text, memories, clock_hz)
    contents = {wanted.output: text}
    if wanted.waivers is not None:
        contents[wanted.waivers] = waivers_of([wanted.output.name])
    if wanted.models is not None:
        contents[wanted.models] = models_of(text, ECP5)
    for path, content in contents.items():
        write_text(path, content)
    return [path.name for path in contents]


def _report(
    out: "Output", wanted: _Wanted, config: "TorusConfig", text: str, files: list[str]
) -> None:
    """Say what was written."""
    from hw.tops import BOARD_MODULE, TOPS
    from sim.model.verilog_files import FILE_LIST

    output, waivers, models = wanted.output, wanted.waivers, wanted.models
    facts = {
        "top_module": {**TOPS, "board": BOARD_MODULE}[wanted.top],
        "lines": text.count("\n"),
        "hardware_id": f"{config.hardware_id:016x}",
        "baked": wanted.bake is not None,
        "folded": wanted.fold,
        "cells": wanted.cells,
        "files": len(files),
    }
    out.facts(str(output), [(name.replace("_", " "), str(value)) for name, value in facts.items()])
    if wanted.split:
        say_written(out, output, f"{FILE_LIST} there names its sources, in order")
    else:
        say_written(out, output, "any simulator or synthesis")
    if wanted.cocotb is not None:
        say_written(out, wanted.cocotb, f"python {quoted(wanted.cocotb / 'runner.py')} VERILOG")
    if waivers is not None:
        say_written(out, waivers, f"verilator {quoted(waivers)} {quoted(output)}")
    if models is not None:
        say_written(out, models, f"a simulator, as the library of {output}")
    cocotb = None if wanted.cocotb is None else str(wanted.cocotb)
    written = {"verilog": str(output), "cocotb": cocotb}
    out.result({**written, "torus": dataclasses.asdict(config), **facts})
