"""`clostorus plan`: the largest torus of a board."""

import dataclasses
from typing import Annotated

import typer

from sw_driver.cli.options import Json, Quiet, make_output

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "clostorus plan --board ulx3s-85f",
    "clostorus plan --board ulx3s-85f --train",
)


def command(
    ctx: typer.Context,
    board: Annotated[str, typer.Option(metavar="NAME", help="As build --help lists them.")],
    train: Annotated[bool, typer.Option("--train", help="A torus that trains.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Estimate the largest torus that a board holds, and the weights that fit it.

    Cells come from a model that was fitted to synthesised tori; nothing is synthesised here. Its
    error is that of tori left out of the fit.
    """
    from fpga.boards import find_board

    out = make_output(ctx, json, quiet)
    target = find_board(board)
    from fpga.plan import plan  # Takes NumPy and SciPy.

    found = plan(target, train=train)
    config, errors = found.config, found.errors
    size = f"{config.rows}x{config.cols}"
    weights = config.rows * config.cols * config.weight_words
    out.facts(
        f"{board}, estimated",
        [
            ("torus", size + (" that trains" if train else "")),
            ("weights that fit", str(weights)),
            *((used.name, f"{used.used} of {used.available}") for used in found.usage),
            ("error of LUTs", f"mean {errors.mean:.0%}, largest {errors.largest:.0%}"),
        ],
    )
    out.result(
        {
            "board": board,
            "torus": dataclasses.asdict(config),
            "weights_that_fit": weights,
            "cells": {used.name: dataclasses.asdict(used) for used in found.usage},
            "error": dataclasses.asdict(errors),
        }
    )
