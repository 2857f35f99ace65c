"""A clock that is faster or slower than a board's oscillator, by the PLL of its part."""

import dataclasses
import re
from pathlib import Path

from .boards import Board
from .errors import BoardError, FlowFailed
from .tools import find_tool, run_tool

__all__ = ["PLL", "Clock", "make_clock"]

PLL = "pll"  # Name of its module.
_FILE = "pll.v"


@dataclasses.dataclass(frozen=True)
class Clock:
    """What a torus runs on.

    Parameters
    ----------
    hz
        Its frequency.
    verilog
        The module `pll`, with what it needs; empty if the clock is the oscillator itself.
    ports
        Of that module: the oscillator, the clock, and whether the clock is steady.
    """

    hz: int
    verilog: str = ""
    ports: tuple[str, str, str] = ("", "", "")


@dataclasses.dataclass(frozen=True)
class _Maker:
    """The program that knows a family's PLLs."""

    program: str
    arguments: tuple[str, ...]
    range_mhz: tuple[int, int]
    made: re.Pattern[str]
    ports: tuple[str, str, str]


# The pin of the oscillator of an iCE40 belongs to its PLL: -p.
_MAKERS = {
    "ecp5": _Maker("ecppll", ("-n", PLL, "-f", _FILE), (10, 400),
                   re.compile(r"clkout0 frequency: ([\d.]+) MHz"),
                   ("clkin", "clkout0", "locked")),
    "ice40": _Maker("icepll", ("-p", "-m", "-n", PLL, "-f", _FILE), (16, 275),
                    re.compile(r"F_PLLOUT: +([\d.]+) MHz \(achieved\)"),
                    ("clock_in", "clock_out", "locked")),
}


def make_clock(board: Board, clock_mhz: float | None, folder: Path) -> Clock:
    """The clock of a torus on a board: its oscillator, or what its PLL comes nearest to.

    Parameters
    ----------
    board
        The board.
    clock_mhz
        The clock that is wanted; None for the oscillator.
    folder
        Where the program that computes the PLL's settings writes.

    Raises
    ------
    BoardError
        The PLL cannot make such a clock, or is of a family whose PLLs are not supported.
    FpgaToolMissing, FlowFailed
        As `run_tool`.
    """
    oscillator_mhz = board.clock_hz / 1e6
    if clock_mhz is None or clock_mhz == oscillator_mhz:
        return Clock(board.clock_hz)
    maker = _MAKERS.get(board.family.name)
    if maker is None:
        raise BoardError(f"clock-mhz must be {oscillator_mhz:g}, the oscillator of {board.name}, "
                         f"whose PLL is not supported, not {clock_mhz:g}")
    low, high = maker.range_mhz
    if not low <= clock_mhz <= high:
        raise BoardError(f"clock-mhz must be {low} to {high}, what the PLL of {board.name} makes, "
                         f"not {clock_mhz:g}")
    printed = run_tool(
        find_tool(maker.program).command,
        ["-i", f"{oscillator_mhz:g}", "-o", f"{clock_mhz:g}", *maker.arguments], folder)
    made = maker.made.search(printed)
    if made is None:
        raise FlowFailed(f"{maker.program} made no PLL for {clock_mhz:g} MHz:\n{printed}")
    return Clock(round(1e6 * float(made[1])), (folder / _FILE).read_text(), maker.ports)
