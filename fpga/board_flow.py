"""The steps after synthesis, for each family: place and route, and the bitstream."""

import dataclasses
import re
import zlib
from collections.abc import Callable
from pathlib import Path

from golden.system.runner import Runner, in_turn
from sw_driver.system.scratch import temporary_folder

from .boards import BOARDS, Board
from .errors import BoardError, FlowFailed
from .families import Flow
from .place_route import Routed, read_routed
from .tools import Tool, find_tool, run_tool

__all__ = ["MOST_SEED", "RouteJob", "RouteRow", "pack", "route", "route_job", "route_seeds"]

# What a router tells of the cells that it has packed, before it gives up.
_PACKED = re.compile(r"(\w+): +(\d+)/ *(\d+) +\d+%")
_MORE_SEEDS = 2
_NETLIST = "netlist.json"
MOST_SEED = 2**31 - 1 - _MORE_SEEDS  # nextpnr's, less those that are tried beyond what was asked.


@dataclasses.dataclass(frozen=True)
class RouteJob:
    """A netlist and a seed to place it with: all that another process or machine must know.

    Parameters
    ----------
    board
        Its name.
    router
        The tool; that of another version is refused.
    netlist
        As Yosys writes it, compressed by zlib.
    constraints
        The text of the file of constraints.
    seed, target_mhz
        As for `route`.
    """

    board: str
    router: Tool
    netlist: bytes
    constraints: str
    seed: int
    target_mhz: float


@dataclasses.dataclass(frozen=True)
class RouteRow:
    """What came of a seed.

    Parameters
    ----------
    routed
        The result; None if it finds no route.
    placed
        What `pack` needs, compressed by zlib; empty without a route.
    error
        Why it finds no route.
    """

    routed: Routed | None
    placed: bytes
    error: str


def route_job(job: RouteJob) -> RouteRow:
    """Place and route one netlist in a folder of its own.

    Raises
    ------
    BoardError, FpgaToolMissing
        As `route`.
    FlowFailed
        The tool has another version here.
    """
    board = BOARDS[job.board]
    flow = board.family.flow
    router = find_tool(job.router.name)
    if router.version != job.router.version:
        raise FlowFailed(f"{job.router.name} must be {job.router.version} wherever seeds are "
                         f"tried, not {router.version}")
    with temporary_folder() as folder:
        (folder / _NETLIST).write_bytes(zlib.decompress(job.netlist))
        (folder / flow.constraints).write_text(job.constraints)
        try:
            routed = route(board, flow, router, folder, job.seed, job.target_mhz)
        except FlowFailed as error:
            return RouteRow(None, b"", str(error))
        return RouteRow(routed, zlib.compress((folder / _placed(job.seed)).read_bytes(), 1), "")


def route_seeds(board: Board, flow: Flow, router: Tool, folder: Path, seeds: range,
                target_mhz: float, tell: Callable[[str], object],
                runner: Runner = in_turn) -> dict[int, Routed | None]:
    """Place and route `folder / "netlist.json"` with every seed; None for one without a route.

    If none of them finds one, two more are tried, one after the other: a part that is nearly full
    has a place for all cells with some seeds only. What `pack` needs of each goes to the folder.

    Parameters
    ----------
    tell
        Hears which seeds are tried, and which are done.
    runner
        Tries them.

    Raises
    ------
    BoardError, FpgaToolMissing
        As `route`.
    FlowFailed
        No seed finds a route: what the last one says.
    """
    netlist = zlib.compress((folder / _NETLIST).read_bytes(), 1)
    text = (folder / flow.constraints).read_text()
    results: dict[int, Routed | None] = {}
    error = ""
    for tried in (seeds, *(range(seeds.stop + more, seeds.stop + more + 1)
                           for more in range(_MORE_SEEDS))):
        if any(results.values()):
            break
        tell(f"seed {tried[0]}" if len(tried) == 1 else f"seeds {tried[0]} to {tried[-1]}")
        jobs = [RouteJob(board.name, router, netlist, text, seed, target_mhz) for seed in tried]
        for job, row in runner(route_job, jobs):
            tell(f"seed {job.seed} is done")
            results[job.seed] = row.routed
            if row.routed is None:
                error = row.error
            else:
                (folder / _placed(job.seed)).write_bytes(zlib.decompress(row.placed))
    if not any(results.values()):
        raise FlowFailed(error)
    return dict(sorted(results.items()))


def route(board: Board, flow: Flow, router: Tool, folder: Path, seed: int,
          target_mhz: float) -> Routed:
    """Place and route `folder / "netlist.json"`; what `pack` needs stays in the folder.

    Raises
    ------
    BoardError
        The packed cells are more than the part has.
    FpgaToolMissing, FlowFailed
        As `run_tool`; also if the design has not exactly one clock.
    """
    arguments = [*board.part, "--json", _NETLIST, "--seed", str(seed), "--freq",
                 f"{target_mhz:g}", "--timing-allow-fail", "--report", "timing.json"]
    arguments += _options(flow.route, seed)
    try:
        run_tool(router.command, arguments, folder)
    except FlowFailed as error:
        counts = [(kind, int(used), int(available))
                  for kind, used, available in _PACKED.findall(str(error))]
        if not any(used > available for _, used, available in counts):
            raise
        packed = ", ".join(f"{used} of {available} {kind}" for kind, used, available in counts
                           if used)
        raise BoardError(f"the torus does not fit {board.name}: with its cells packed it needs "
                         f"{packed}") from error
    return read_routed(folder / "timing.json")


def _placed(seed: int) -> str:
    return f"placed_{seed}"


def _options(options: tuple[str, ...], seed: int) -> list[str]:
    """The options of a flow for one seed."""
    return [option.format(placed=_placed(seed)) for option in options]


def pack(board: Board, flow: Flow, packer: Tool, folder: Path, seed: int) -> None:
    """Write the bitstream of what `route` has placed with a seed.

    Raises
    ------
    FpgaToolMissing, FlowFailed
        As `run_tool`; also if the bitstream is empty.
    """
    run_tool(packer.command, [*board.packing, *_options(flow.pack, seed)], folder)
    if not (folder / flow.bitstream).stat().st_size:
        raise FlowFailed(f"{packer.name} wrote an empty bitstream")
