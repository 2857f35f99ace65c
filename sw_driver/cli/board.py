"""`clostorus board`: a board where there is none, behind a port that any host opens."""

import contextlib
import dataclasses
import os
import time
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sw_driver.cli.configuration import (
    Held,
    check_source,
    held_configuration,
    new_configuration,
)
from sw_driver.cli.options import InputBits, Json, Quiet, make_output

if TYPE_CHECKING:
    from sim.model.board_terminal import BoardTerminal
    from sw_driver.system.console import Output

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "clostorus board --simulate --config-from model.ctz",
    "clostorus board --simulate --config-from model.ctz --link board --damage-per-mille 5",
    "clostorus board --simulate --config-from model.ctz --input-bits 8",
    "clostorus board --simulate --bake model.ctz --seconds 60",
    "clostorus board --simulate --board ulx3s-85f --torus 2x2",
)

_LOOK_S = 0.2

_Simulate = Annotated[
    bool, typer.Option("--simulate", help="Simulate the board: there is no other kind here.")
]
_Torus = Annotated[
    str | None, typer.Option(metavar="RxC", help="Size of a torus with default memories.")
]
_Board = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="With --torus: its memories as build --board makes them."),
]
_ConfigFrom = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The torus of a compiled model, or of a model file that was trained on a torus.",
    ),
]
_Bake = Annotated[
    Path | None,
    typer.Option(metavar="ARTIFACT", help="The torus of a compiled model, with its weights."),
]
_Fifo = Annotated[
    bool,
    typer.Option("--fifo", help="Its link is the FIFO of an FT2232H instead of a UART."),
]
_Link = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A symbolic link to the port, while the board is there."),
]
_Damage = Annotated[
    float,
    typer.Option(
        min=0, max=1000, help="Of 1000 bytes, how many are dropped, doubled or changed on the wire."
    ),
]
_Seconds = Annotated[
    float | None, typer.Option(min=0, max=1e9, help="End after so long [default: at Ctrl-C].")
]


def command(
    ctx: typer.Context,
    simulate: _Simulate = False,
    config_from: _ConfigFrom = None,
    bake: _Bake = None,
    torus: _Torus = None,
    board: _Board = None,
    train: Annotated[bool, typer.Option("--train", help="With --torus: one that trains.")] = False,
    link: _Link = None,
    input_bits: InputBits = 0,
    fifo: _Fifo = False,
    damage_per_mille: _Damage = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="Of the damage.")] = 0,
    seconds: _Seconds = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Offer a board on a pseudo-terminal, for hosts to be tried on.

    The board's RTL runs in Verilator: its UART or FIFO, its host link and its torus, as
    docs/host_link.md has them. Any baud rate does. The first line of output is the name of the
    port. The first run of a configuration builds it, which takes a while and needs g++ and perl.
    """
    from sw_driver.errors import DriverError

    out = make_output(ctx, json, quiet)
    if not simulate:
        raise DriverError("board needs --simulate: a real board needs no command to be there")
    _check_link(link)
    check_source(bake, config_from, train=train, fold=False)
    held = _held(config_from=config_from, bake=bake, torus=torus, board=board, train=train)
    from sim.model.board import SIM_LINK, BoardModel
    from sim.model.board_terminal import BoardTerminal
    from sim.model.fifo_board import FIFO_LINK, FifoBoardModel
    from sim.model.wire import Damage

    kind, base = (FifoBoardModel, FIFO_LINK) if fifo else (BoardModel, SIM_LINK)
    sim_link = dataclasses.replace(base, input_bits=input_bits)
    sim_link.check_words(held.config.word_bits)
    with out.progress() as tell:
        tell("build the board", 0, 1)
        model = kind.of(held.config, sim_link, **(held.images or {}))
        tell("build the board", 1, 1)
    damage = Damage(damage_per_mille, seed)
    with model, BoardTerminal(model, damage) as terminal, _linked(link, terminal.port):
        typer.echo(link or terminal.port)  # With --quiet and --json, too: it is what was asked for.
        out.text(
            f"a simulated {held.config.rows}x{held.config.cols} torus, hardware id "
            f"{held.config.hardware_id:016x}; Ctrl-C ends it{_after(seconds)}"
        )
        _wait(terminal, seconds)
        _report(out, terminal, held)


def _after(seconds: float | None) -> str:
    return "" if seconds is None else f", or the end of {seconds:g} s"


def _check_link(link: Path | None) -> None:
    from sw_driver.errors import DriverError
    from sw_driver.system.files import check_folder

    if link is None:
        return
    if link.is_symlink() and not link.exists():
        raise DriverError(f"link must be a name that is free, but {link} is a link to a port that "
                          "is gone: remove it")
    if os.path.lexists(link):
        raise DriverError(f"link must be a name that is free, not {link}")
    check_folder(link.parent)
    if not link.parent.is_dir():
        raise DriverError(f"link must lie in a folder that is there, not in {link.parent}")


def _held(
    *,
    config_from: Path | None,
    bake: Path | None,
    torus: str | None,
    board: str | None,
    train: bool,
) -> Held:
    """The torus that the options name, and what its memories hold."""
    from sw_driver.errors import DriverError
    from sw_driver.torus import parse_torus

    held = held_configuration(
        torus=torus, train=train, config_from=config_from, bake=bake, fold=False
    )
    if board is not None and (held is not None or torus is None):
        raise DriverError("board needs --torus: files name a torus with memories of its own")
    if held is not None:
        return held
    if torus is None:
        raise DriverError("one of --config-from, --bake and --torus must name a torus")
    if board is not None:
        from fpga.board_design import board_config
        from fpga.boards import find_board

        rows, cols = parse_torus(torus)
        return Held(board_config(find_board(board), rows, cols, train=train), None)
    return Held(new_configuration(torus, {}, train=train), None)


@contextlib.contextmanager
def _linked(link: Path | None, port: str) -> Generator[None]:
    """Have a link to the port for a while."""
    from sw_driver.errors import DriverError

    if link is None:
        yield
        return
    try:
        link.symlink_to(port)
    except OSError as error:
        raise DriverError(f"link {link} cannot be made: {error.strerror}") from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            link.unlink()


def _wait(terminal: "BoardTerminal", seconds: float | None) -> None:
    """Let the board run for so long, or until it fails or the user ends it."""
    end = None if seconds is None else time.monotonic() + seconds
    while terminal.runs and (end is None or time.monotonic() < end):
        time.sleep(_LOOK_S)


def _report(out: "Output", terminal: "BoardTerminal", held: Held) -> None:
    """Say what went over the wires."""
    facts = {
        "bytes_to_board": terminal.to_board.bytes,
        "bytes_from_board": terminal.from_board.bytes,
        "frames_to_board": terminal.to_board.frames,
        "frames_from_board": terminal.from_board.frames,
        "damaged_bytes": terminal.to_board.damaged + terminal.from_board.damaged,
    }
    out.facts("On the wires", [(name.replace("_", " "), str(n)) for name, n in facts.items()])
    out.result({"port": terminal.port, "hardware_id": f"{held.config.hardware_id:016x}", **facts})
