"""Options that several commands have, and what becomes of them."""

import contextlib
import os
import stat
from pathlib import Path
from typing import Annotated

import typer

from hw.link_config import BAUD_RANGE
from sw_driver.system.console import Output

__all__ = [
    "MOST_WORKERS",
    "Baud",
    "CompiledModel",
    "Engine",
    "InputBits",
    "Json",
    "LanesIn",
    "LanesOut",
    "LinkWords",
    "Port",
    "Quiet",
    "Torus",
    "Workers",
    "checked_engine",
    "checked_port",
    "checked_workers",
    "examples",
    "failed",
    "lanes_of",
    "make_output",
    "summary_of",
]

CompiledModel = Annotated[Path, typer.Argument(help="A compiled model, as compile writes it.")]
MOST_WORKERS = 1024  # Processes at once.
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, and no tables.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print no tables and no progress.")]
Torus = Annotated[str, typer.Option(metavar="RxC", help="Rows and columns of the torus: 4x4.")]
LanesIn = Annotated[
    int | None, typer.Option(help="Words of a sum that a MAC takes a cycle: 1 or 2 [default: 1].")
]
LanesOut = Annotated[
    int | None, typer.Option(help="Sums that a MAC makes at once: 1, 2, 4 or 8 [default: 1].")
]
LinkWords = Annotated[
    int | None,
    typer.Option(
        help="Words that a link moves at once: 1, or 2 with --lanes-in 2 [default: 1]."
    ),
]

Workers = Annotated[
    int,
    typer.Option(
        min=1,
        max=MOST_WORKERS,
        help="Simulate so many tori at once, each with its share of the samples: best as many as "
        "there are cores; sim only.",
    ),
]
Port = Annotated[
    str | None, typer.Option(metavar="PORT", help="The serial port of the board: /dev/ttyUSB0.")
]
Baud = Annotated[
    int | None,
    typer.Option(
        min=BAUD_RANGE[0],
        max=BAUD_RANGE[1],
        help="Bits per second that the board was built for [default: 1000000].",
    ),
]
InputBits = Annotated[
    int,
    typer.Option(
        metavar="BITS",
        help="The board takes packed beats, of words of so many bits, beside whole ones "
        "[default: it takes none].",
        show_default=False,
    ),
]
Engine = Annotated[
    str | None,
    typer.Option(
        metavar="auto|vector|verilator",
        help="What simulates: Verilator; PEs side by side as vectors; or these from 64 PEs on, "
        "where the processor has AVX2; sim only [default: auto].",
    ),
]


def checked_engine(device: str, engine: str | None, **asked: object) -> str:
    """Return the engine that simulates; of a device that is not simulated, it does not matter.

    `asked` are options, with their values, that Verilator alone can do.

    Raises
    ------
    DriverError
        If there is no such engine, it cannot do what is asked for, or nothing is simulated.
    """
    from sw_driver.errors import DriverError

    if engine is None:
        return "auto"
    if engine not in ("auto", "vector", "verilator"):
        raise DriverError(f"engine must be auto, vector or verilator, not {engine!r}")
    if device != "sim":
        raise DriverError(f"engine needs --device sim, not {device}")
    for name, value in asked.items():
        if engine == "vector" and value:
            raise DriverError(
                f"{name} needs --engine verilator: the vector engine writes no waveforms"
            )
    return engine


def checked_workers(device: str, workers: int, **asked: object) -> int:
    """Return how many models the samples are split over.

    `asked` are options, with their values, that one model alone can do.

    Raises
    ------
    DriverError
        If several are asked for of what is not simulated, or with such an option.
    """
    from sw_driver.errors import DriverError

    if workers > 1 and device != "sim":
        raise DriverError(f"workers needs --device sim, not {device}")
    for name, value in asked.items():
        if workers > 1 and value:
            raise DriverError(f"{name} needs --workers 1, not {workers}: one torus is watched")
    return workers


def checked_port(device: str, port: str | None, baud: int | None) -> tuple[str, int] | None:
    """Return the port and the baud rate of a board; None of a device that is no board.

    Raises
    ------
    DriverError
        If a board has no port, or another device has one.
    """
    from sw_driver.errors import DriverError

    if device == "serial":
        if port is None:
            raise DriverError("port must name the serial port of the board, such as /dev/ttyUSB0")
        if not _is_device(port):
            raise DriverError(
                f"port must be the serial port of the board, such as /dev/ttyUSB0, but {port} is "
                "not there, or no device"
            )
        from sw_driver.serial.connection import DEFAULT_BAUD

        return port, DEFAULT_BAUD if baud is None else baud
    for name, value in (("port", port), ("baud", baud)):
        if value is not None:
            raise DriverError(f"{name} needs --device serial, not {device}")
    return None


def _is_device(port: str) -> bool:
    try:
        return stat.S_ISCHR(os.stat(port).st_mode)
    except (OSError, ValueError):
        return False


def lanes_of(
    lanes_in: int | None, lanes_out: int | None, link_words: int | None = None
) -> dict[str, int]:
    """The lanes and links that the command line names, by the names of a configuration."""
    given = {"lanes_in": lanes_in, "lanes_out": lanes_out, "link_words": link_words}
    return {name: count for name, count in given.items() if count is not None}


def summary_of(documented: object) -> str:
    """The first paragraph of a docstring, in one line."""
    return " ".join((documented.__doc__ or "").split("\n\n")[0].split())


def make_output(ctx: typer.Context, json: bool, quiet: bool) -> Output:
    """How a command talks: --json and --quiet may stand before or after it."""
    json_before, quiet_before = ctx.obj
    return Output(as_json=json or json_before, quiet=quiet or quiet_before)


def examples(*lines: str) -> str:
    """The last part of a help text, its lines kept as they are."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def failed(message: str, status: int) -> typer.Exit:
    """Say what went wrong, in one line; raise what is returned."""
    with contextlib.suppress(OSError):  # The status says it too, where nobody listens.
        typer.echo(f"clostorus: {message}", err=True)
    return typer.Exit(status)
