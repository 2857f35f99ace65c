"""`clostorus plan`: the largest torus of a board, or the fastest one for a net."""

import contextlib
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sw_driver.cli.best_torus import (
    Auto,
    Lanes,
    describe_proposal,
    find_best,
    read_auto,
    say_proposal,
)
from sw_driver.cli.layer_option import Layer
from sw_driver.cli.options import (
    Json,
    LanesIn,
    LanesOut,
    LinkWords,
    Quiet,
    lanes_of,
    make_output,
)

if TYPE_CHECKING:
    from fpga.boards import Board
    from fpga.resources import Errors
    from golden.layers.dense import LayerShape
    from sw_driver.system.console import Output

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "clostorus plan --board ulx3s-85f",
    "clostorus plan --board ulx3s-85f --train",
    "clostorus plan --board ulx3s-85f --layer 784,256,28,8,16 --lanes auto",
    "clostorus plan --board ulx3s-25f --net model.pt --torus 2x2 --lanes auto",
    "clostorus plan --board ulx3s-85f --layer 1024,1024,32,62,32 --lanes auto --word-bits 8",
)

_Net = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A model file, an ONNX file or a compiled model."),
]
_Torus = Annotated[
    str | None,
    typer.Option(metavar="RxC|auto", help="With a net: the size of the torus [default: auto]."),
]
_WordBits = Annotated[
    int | None,
    typer.Option(
        metavar="<int>",
        help="With a net: bits of activations and weights [default: those of build --board].",
    ),
]


def command(
    ctx: typer.Context,
    board: Annotated[str, typer.Option(metavar="NAME", help="As build --help lists them.")],
    train: Annotated[bool, typer.Option("--train", help="A torus that trains.")] = False,
    layer: Layer = None,
    net: _Net = None,
    torus: _Torus = None,
    lanes: Lanes = None,
    lanes_in: LanesIn = None,
    lanes_out: LanesOut = None,
    link_words: LinkWords = None,
    word_bits: _WordBits = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Estimate the largest torus that a board holds, or find the fastest one for a net.

    Without a net it is the torus with most elements, and the weights that fit it. With a net
    (--layer or --net) it is the torus on which a sample takes the fewest cycles: its rows and
    columns, and with --lanes auto its lanes; --link-words says what its links move. Cycles are
    exact, by the cycle model, with the host never stalling; the clock is not looked at.

    Cells come from a model that was fitted to synthesised tori; nothing is synthesised here. Its
    error is that of tori left out of the fit.
    """
    from fpga.boards import find_board
    from sw_driver.errors import DriverError

    out = make_output(ctx, json, quiet)
    target = find_board(board)
    auto = read_auto(torus, lanes, lanes_of(lanes_in, lanes_out, link_words))
    if layer and net is not None:
        raise DriverError("layer and net must not be given together: both name the net")
    if train and (layer or net is not None):
        raise DriverError("train must be left out with a net: plan proposes tori for inference")
    if layer or net is not None:
        _for_net(out, target, layer, net, auto, word_bits)
        return
    if torus is not None or lanes is not None or word_bits is not None:
        raise DriverError(
            "torus, lanes and word-bits need a net, whose cycles or memories they change: "
            "--layer or --net"
        )
    _largest(out, target, auto, train=train)


def _for_net(
    out: "Output",
    board: "Board",
    layer: list[str] | None,
    net: Path | None,
    auto: Auto,
    word_bits: int | None,
) -> None:
    """Find the fastest torus for a net."""
    from fpga.resources import model_errors

    shapes, widths = _shapes(layer, net)
    widths = _given_widths(widths, word_bits)
    with out.progress() as tell:
        proposal = find_best(board, shapes, auto, tell, **widths)
    errors = model_errors(board.family)
    say_proposal(out, board.name, proposal)
    out.facts(f"{board.name}, the model", [_error_row(errors)])
    out.result(
        {"board": board.name, **describe_proposal(proposal), "error": dataclasses.asdict(errors)}
    )


def _given_widths(widths: dict[str, int], word_bits: int | None) -> dict[str, int]:
    """The widths of the words that the command line asks for, or those of a compiled model."""
    from hw.config import RANGES
    from sw_driver.errors import DriverError

    if word_bits is None:
        return widths
    if widths:
        raise DriverError(
            f"word-bits must not be given with a compiled model, whose words have "
            f"{widths['act_bits']} and {widths['weight_bits']} bits, not {word_bits}"
        )
    least, most = RANGES["act_bits"]
    if not least <= word_bits <= most:
        raise DriverError(f"word-bits must be {least} to {most}, not {word_bits}")
    return {"act_bits": word_bits, "weight_bits": word_bits}


def _shapes(layer: list[str] | None, net: Path | None) -> "tuple[list[LayerShape], dict[str, int]]":
    """The layers that the command line names, and the widths of a compiled model."""
    from sw_driver.cli.layer_option import parse_layer

    if net is None:
        return [parse_layer(text) for text in layer or ()], {}
    from sw_driver.files.archive import ArchiveError
    from sw_driver.files.artifact import load_artifact

    with contextlib.suppress(ArchiveError):
        quantised = load_artifact(net).net
        widths = {"act_bits": quantised.act_bits, "weight_bits": quantised.weight_bits}
        return list(quantised.shapes), widths
    from golden.models.read import read_chain
    from sw_driver.cli.given_net import check_model
    from sw_driver.files.given_nets import load_net

    check_model(net, None, exported=False)
    model, _, _ = load_net(net, None)
    return [item.shape for item in read_chain(model)], {}


def _largest(out: "Output", board: "Board", auto: Auto, *, train: bool) -> None:
    """Find the largest torus."""
    from fpga.plan import plan  # Takes NumPy and SciPy.

    found = plan(board, train=train, lanes=auto.lanes or (1, 1), link_words=auto.link_words)
    config, errors = found.config, found.errors
    size = f"{config.rows}x{config.cols}"
    weights = config.rows * config.cols * config.weight_words
    lanes: list[tuple[str, str]] = []
    if config.row_weights > 1:
        lanes = [("lanes in x out", f"{config.lanes_in} x {config.lanes_out}")]
    if config.link_words > 1:
        lanes.append(("words a link moves", str(config.link_words)))
    out.facts(
        f"{board.name}, estimated",
        [
            ("torus", size + (" that trains" if train else "")),
            *lanes,
            ("weights that fit", str(weights)),
            *((used.name, f"{used.used} of {used.available}") for used in found.usage),
            _error_row(errors),
        ],
    )
    result: dict[str, Any] = {
        "board": board.name,
        "torus": dataclasses.asdict(config),
        "weights_that_fit": weights,
        "cells": {used.name: dataclasses.asdict(used) for used in found.usage},
        "error": dataclasses.asdict(errors),
    }
    out.result(result)


def _error_row(errors: "Errors") -> tuple[str, str]:
    return "error of LUTs", f"mean {errors.mean:.0%}, largest {errors.largest:.0%}"
