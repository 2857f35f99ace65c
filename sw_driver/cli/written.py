"""A line for every file that a command wrote: its name, and what opens it."""

import shlex
from pathlib import Path

from sw_driver.system.console import Output

__all__ = ["WAVES", "quoted", "say_trained", "say_written"]

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


def say_trained(out: Output, path: Path, epochs: int, *, trained: bool) -> None:
    """Say that a model is there, or that all its epochs were done already."""
    compiles = f"clostorus compile {quoted(path)} --torus 4x4 -o {quoted(path.with_suffix('.ctz'))}"
    if trained:
        say_written(out, path, compiles)
    else:
        out.text(f"nothing to do: all {epochs} epochs of {path} are done, and it stays as it is")


def quoted(path: Path) -> str:
    """Write a path for a command line."""
    return shlex.quote(str(path))
