"""The steps after synthesis, for each family: place and route, and the bitstream."""

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

from .boards import Board
from .errors import BoardError, FlowFailed
from .place_route import Routed, read_routed
from .tools import Tool, run_tool

__all__ = ["FLOWS", "MOST_SEED", "Flow", "pack", "route", "route_seeds"]

# What a router tells of the cells that it has packed, before it gives up.
_PACKED = re.compile(r"(\w+): +(\d+)/ *(\d+) +\d+%")
_MORE_SEEDS = 2
MOST_SEED = 2**31 - 1 - _MORE_SEEDS  # nextpnr's, less those that are tried beyond what was asked.


@dataclasses.dataclass(frozen=True)
class Flow:
    """Programs and names of files of a family."""

    router: str
    packer: str
    constraints: str
    bitstream: str


FLOWS = {
    "ecp5": Flow("nextpnr-ecp5", "ecppack", "constraints.lpf", "bitstream.bit"),
    "ice40": Flow("nextpnr-ice40", "icepack", "constraints.pcf", "bitstream.bin"),
    "gowin": Flow("nextpnr-himbaechel-gowin", "gowin_pack", "constraints.cst", "bitstream.fs"),
}


def route_seeds(board: Board, flow: Flow, router: Tool, folder: Path, seeds: range,
                target_mhz: float, tell: Callable[[int], object]) -> dict[int, Routed | None]:
    """Place and route with every seed, after telling which; None for one that finds no route.

    If none of them does, two more are tried: a part that is nearly full has a place for all cells
    with some seeds only.

    Raises
    ------
    BoardError, FpgaToolMissing
        As `route`.
    FlowFailed
        As `route`, if no seed finds one: that of the last.
    """
    results: dict[int, Routed | None] = {}
    last = seeds[-1] + _MORE_SEEDS
    for seed in range(seeds[0], last + 1):
        if seed not in seeds and any(results.values()):
            break
        tell(seed)
        try:
            results[seed] = route(board, flow, router, folder, seed, target_mhz)
        except FlowFailed:
            if seed == last and not any(results.values()):
                raise
            results[seed] = None
    return results


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
    arguments = [*board.part, "--json", "netlist.json", "--seed", str(seed), "--freq",
                 f"{target_mhz:g}", "--timing-allow-fail", "--report", "timing.json"]
    placed = _placed(seed)
    arguments += {
        "ecp5": ["--lpf", flow.constraints, "--textcfg", placed],
        "ice40": ["--pcf", flow.constraints, "--asc", placed],
        "gowin": ["--vopt", f"cst={flow.constraints}", "--write", placed],
    }[board.family.name]
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


def pack(board: Board, flow: Flow, packer: Tool, folder: Path, seed: int) -> None:
    """Write the bitstream of what `route` has placed with a seed.

    Raises
    ------
    FpgaToolMissing, FlowFailed
        As `run_tool`; also if the bitstream is empty.
    """
    placed = _placed(seed)
    arguments = {
        "ecp5": ["--compress", placed, flow.bitstream],
        "ice40": [placed, flow.bitstream],
        "gowin": ["-d", "GW1N-9C", "-o", flow.bitstream, "--sspi_as_gpio", "--mspi_as_gpio",
                  placed],
    }[board.family.name]
    run_tool(packer.command, arguments, folder)
    if not (folder / flow.bitstream).stat().st_size:
        raise FlowFailed(f"{packer.name} wrote an empty bitstream")
