"""`clostorus verilog`: the RTL as Verilog."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from sw_driver.cli.configuration import Held, held_configuration
from sw_driver.cli.options import Json, Quiet, make_output
from sw_driver.cli.written import quoted, say_written

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "clostorus verilog --torus 4x4 -o torus.v --waivers torus.vlt",
    "clostorus verilog --config-from model.ctz --top pe -o pe.v",
    "clostorus verilog --bake model.ctz -o with_weights.v",
    "clostorus verilog --torus 2x2 --cells ecp5 -o ecp5.v --models cells.v",
    "clostorus verilog --torus 4x4 --train --top training-router -o router.v",
    "clostorus verilog --bake model.ctz --fold --top board --clock-mhz 25 -o board.v",
    "clostorus verilog --bake model.ctz --split -o handover",
)

_CLOCK_MHZ = 25.0
_BAUD = 1_000_000
_BUFFER_BYTES = 2048


def command(
    ctx: typer.Context,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the Verilog goes.")],
    torus: Annotated[
        str | None, typer.Option(metavar="RxC", help="Size of a torus with default memories.")
    ] = None,
    top: Annotated[
        str,
        typer.Option(
            metavar="torus|pe|inference-router|training-router|board", help="The top module."
        ),
    ] = "torus",
    train: Annotated[
        bool, typer.Option("--train", help="With --torus: one that trains, with default widths.")
    ] = False,
    bake: Annotated[
        Path | None,
        typer.Option(metavar="ARTIFACT", help="Put its weights into the torus's memories."),
    ] = None,
    fold: Annotated[
        bool, typer.Option("--fold", help="With --bake: as logic, which cannot be loaded.")
    ] = False,
    config_from: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The torus of a compiled model, or of a model file that was trained on a torus.",
        ),
    ] = None,
    cells: Annotated[
        str,
        typer.Option(
            metavar="generic|ecp5",
            help="What memories, multipliers, accumulators and a board's reset are: plain Verilog, "
            "or a vendor's cells.",
        ),
    ] = "generic",
    clock_mhz: Annotated[
        float | None, typer.Option(help="With --top board: its clock [default: 25].")
    ] = None,
    baud: Annotated[
        int | None, typer.Option(help="With --top board: bits a second [default: 1000000].")
    ] = None,
    buffer_bytes: Annotated[
        int | None,
        typer.Option(
            help="With --top board: bytes of each buffer of its link; 512 is one block RAM of an "
            "iCE40, as in its boards [default: 2048]."
        ),
    ] = None,
    split: Annotated[
        bool,
        typer.Option(
            "--split",
            help="OUTPUT is a folder: sources, a file list, .mem files, and what --waivers and "
            "--models write.",
        ),
    ] = False,
    waivers: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Where the warnings of Verilator that are accepted go (.vlt)."
        ),
    ] = None,
    models: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="With --cells: where models of the cells go, for simulators."
        ),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write the Verilog of a torus, of one of its blocks, or of a torus with its host link.

    The configuration is the default one of a size (--torus) or that of a model
    (--config-from, --bake). The same configuration gives the same bytes.
    """
    from fpga.cell_models import models_of
    from fpga.synthesis import ECP5
    from hw.config import TorusConfig, TrainingConfig
    from hw.link_config import CLOCK_HZ_RANGE, LinkConfig
    from hw.tops import (
        BOARD_MODULE,
        CELLS,
        TOPS,
        TRAINING_TOPS,
        board_verilog,  # pyright: ignore[reportUnknownVariableType]
        top_verilog,  # pyright: ignore[reportUnknownVariableType]
    )
    from sim.model.lint import waivers_of
    from sim.model.verilog_files import FILE_LIST, held_files, write_verilog_files
    from sw_driver.compiler import parse_torus
    from sw_driver.errors import DriverError
    from sw_driver.system.files import check_folder, check_outputs, write_text

    out = make_output(ctx, json, quiet)
    tops = {**TOPS, "board": BOARD_MODULE}
    if top not in tops:
        raise DriverError(f"top must be one of {', '.join(tops)}, not {top!r}")
    if cells not in CELLS:
        raise DriverError(f"cells must be one of {', '.join(CELLS)}, not {cells!r}")
    if bake is not None and top not in ("torus", "board"):
        raise DriverError(f"bake needs --top torus or board: {top} has no weights of its own")
    link = None
    if top == "board":
        megahertz = _CLOCK_MHZ if clock_mhz is None else clock_mhz
        least, most = (hertz / 1e6 for hertz in CLOCK_HZ_RANGE)
        if not least <= megahertz <= most:
            raise DriverError(f"clock-mhz must be {least:g} to {most:g}, not {megahertz:g}")
        link = LinkConfig(clock_hz=round(1e6 * megahertz),
                          baud=_BAUD if baud is None else baud,
                          buffer_bytes=_BUFFER_BYTES if buffer_bytes is None else buffer_bytes,
                          registered=cells == "ecp5")
    elif (clock_mhz, baud, buffer_bytes) != (None, None, None):
        raise DriverError(f"clock-mhz, baud and buffer-bytes need --top board: {top} has no UART")
    if split and (waivers, models) != (None, None):
        raise DriverError("waivers and models are for one file: --split writes both into OUTPUT")
    if models is not None and cells == "generic":
        raise DriverError("models needs --cells ecp5: generic Verilog has no cells")
    if split:
        check_folder(output)
    check_outputs(
        {
            "--output": held_files(output) if split else output,
            "--waivers": waivers,
            "--models": models,
        },
        {"--bake": bake, "--config-from": config_from},
    )
    held = held_configuration(
        torus=torus, train=train, config_from=config_from, bake=bake, fold=fold
    )
    if held is None:
        if torus is None:
            raise DriverError("one of --torus, --config-from and --bake must name a configuration")
        rows, cols = parse_torus(torus)
        training = TrainingConfig() if train else None
        held = Held(TorusConfig(rows=rows, cols=cols, training=training), None)
    config, images = held.config, held.images or {}
    if top in TRAINING_TOPS and config.training is None:
        raise DriverError(f"top {top} needs a torus that trains, such as that of --train")
    with out.progress() as tell:
        tell("write Verilog", 0, 1)
        text: str = (top_verilog(top, config, cells=cells, folded=fold, **images) if link is None
                     else board_verilog(config, link, cells=cells, folded=fold, **images))
    if split:
        files = write_verilog_files(output, text)
    else:
        contents = {output: text}
        if waivers is not None:
            contents[waivers] = waivers_of([output.name])
        if models is not None:
            contents[models] = models_of(text, ECP5)
        for path, content in contents.items():
            write_text(path, content)
        files = [path.name for path in contents]
    facts = {
        "top_module": tops[top],
        "lines": text.count("\n"),
        "hardware_id": f"{config.hardware_id:016x}",
        "baked": bake is not None,
        "folded": fold,
        "cells": cells,
        "files": len(files),
    }
    out.facts(str(output), [(name.replace("_", " "), str(value)) for name, value in facts.items()])
    if split:
        say_written(out, output, f"{FILE_LIST} there names its sources, in order")
    else:
        say_written(out, output, "any simulator or synthesis")
    if waivers is not None:
        say_written(out, waivers, f"verilator {quoted(waivers)} {quoted(output)}")
    if models is not None:
        say_written(out, models, f"a simulator, as the library of {output}")
    out.result({"verilog": str(output), "torus": dataclasses.asdict(config), **facts})
