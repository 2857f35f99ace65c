"""A line for every file that a command wrote: its name, and what opens it."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from sw_driver.system.console import Output

if TYPE_CHECKING:
    from golden.data.source import Source

__all__ = ["WAVES", "data_option", "quoted", "say_trained", "say_written"]

WAVES = "GTKWave or Surfer"


def say_written(out: Output, path: Path, opener: str) -> None:
    """Say that a file is there, and what opens it; nothing with --quiet or --json.

    Parameters
    ----------
    out
        How the command talks.
    path
        Of the file or folder.
    opener
        A command, the name of a program or an address.
    """
    out.text(f"{path} written: {opener}")


def say_trained(
    out: Output, path: Path, data: "Source | None", epochs: int, *, trained: bool
) -> None:
    """Say that a model is there, or that all its epochs were done already."""
    compiles = (
        f"clostorus compile {quoted(path)}{data_option(data)} --torus 4x4 "
        f"-o {quoted(path.with_suffix('.ctz'))}"
    )
    if trained:
        say_written(out, path, compiles)
    else:
        out.text(f"nothing to do: all {epochs} epochs of {path} are done, and it stays as it is")


def data_option(data: "Source | None") -> str:
    """Write --data for the command that comes next, if its file cannot name them."""
    from golden.data.datasets import NAMES

    return "" if data is None or data.data in NAMES else f" --data {shlex.quote(data.data)}"


def quoted(path: Path) -> str:
    """Write a path for a command line."""
    return shlex.quote(str(path))
