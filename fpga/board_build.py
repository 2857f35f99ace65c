"""From a configuration to the bitstream of a board, with a report."""

import dataclasses
import json
import os
import re
import shutil
import stat
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from golden.system.progress import Progress
from golden.system.runner import Runner, in_turn
from golden.system.stopping import cleared, held
from hw.config import ConfigError, TorusConfig
from hw.link_config import LinkConfig
from hw.tops import TOPS
from sw_driver.errors import DriverError
from sw_driver.system.files import check_folder, files_in, make_folder
from sw_driver.system.scratch import locked, temporary_folder, work_folder

from .board_design import TOP, board_design, board_link
from .board_flow import MOST_SEED, pack, route_seeds
from .boards import Board, Pin
from .build_parts import deep_paths, module_cells
from .capacity import Usage, check_estimate, check_usage, usage
from .constraints import constraints
from .designs import Design
from .errors import BoardError
from .families import FAMILIES
from .place_route import Routed
from .pll import make_clock
from .report import check_blocks, summarise
from .synthesis import synthesise
from .tools import Tool, find_tool, read_json

__all__ = ["NET_FILE", "PAGE_FILE", "Build", "build", "is_report"]

NET_FILE = "model.ctz"
"""The artifact of a net that was compiled for the torus of a build."""

PAGE_FILE = "report.html"
"""A page about the build, which may lie in its folder until the build is made again."""

_STEPS = 4
_PATHS = 20  # That a report names.


@dataclasses.dataclass(frozen=True)
class Build:
    """A bitstream and what is known of it.

    Parameters
    ----------
    report
        As it stands in report.json.
    usage
        Cells that are used, of how many.
    """

    report: dict[str, Any]
    usage: tuple[Usage, ...]


_FORMER = ".former"
_NAME_PART = 40  # Characters of a name that are kept: with what is added, never too long.
# All that a build leaves in its folder.
_FILES = {"design.v", "report.json", NET_FILE, PAGE_FILE} | {
    name for family in FAMILIES.values()
    for name in (family.flow.constraints, family.flow.bitstream)}


def build(board: Board, config: TorusConfig, out: Path, *, images: dict[str, Any] | None = None,
          folded: bool = False, baud: int = 1_000_000, input_bits: int = 0,
          fifo_pins: dict[str, Pin] | None = None, clock_mhz: float | None = None, seed: int = 1,
          tries: int = 1, target_mhz: float | None = None, tell: Progress = lambda *_: None,
          runner: Runner = in_turn,
          write_more: Callable[[Path], None] = lambda _: None) -> Build:
    """Build a torus for a board into the folder `out`.

    It gets the Verilog, the constraints, the bitstream and `report.json`. A folder that was there
    is replaced when all is done; if anything fails it stays as it was.

    Parameters
    ----------
    board, config
        For which board; of the torus.
    out
        A folder of a former build, or nothing yet.
    images, folded
        `weights` and `biases` that stand in the memories from the start, as `top_verilog` takes
        them; or they are logic, and cannot be loaded.
    baud, input_bits
        Bits per second of the UART; bits of a word in packed beats, or 0 for none.
    fifo_pins
        Of an FT2232H's FIFO instead of the UART, as `read_fifo_pins` returns them.
    clock_mhz
        Clock of the torus, made by the part's PLL as near as it can; the oscillator's if None.
    seed, tries
        Seed of the placer, and how many to try from that one on: the fastest result is kept. Those
        that find no route are left out; if none does, two more are tried.
    target_mhz
        What place and route aims at, if not at the clock of the torus; without a PLL only.
    tell, runner, write_more
        Told of each step; tries the seeds; writes `NET_FILE` into the folder that is to be `out`.

    Raises
    ------
    BoardError
        The torus does not fit the board, by an estimate or after synthesis; the adapter of its UART
        does not have the baud rate; the clock is one that the PLL cannot make, or faster than the
        torus gets; or there is no such seed.
    DriverError
        `out` is something else than a build, or cannot be written.
    hw.config.ConfigError
        The clock cannot make this baud rate, or packed words are as wide as those of the torus.
    ValueError
        As `hw.tops.board_verilog`, if `folded` does not go with the rest.
    FpgaToolMissing, FlowFailed
        As `run_tool`; also if multipliers or memories were optimised away.
    """
    seeds = _seeds(seed, tries)
    flow = board.family.flow
    check_estimate(board, config)
    yosys, router, packer = (find_tool(name) for name in ("yosys", flow.router, flow.packer))
    with temporary_folder() as scratch:
        clock = make_clock(board, clock_mhz, scratch)
    link = board_link(board, baud, clock.hz, input_bits, fifo=fifo_pins is not None)
    link.check_words(config.word_bits)
    with _replacing(out) as folder:
        tell("build: Verilog", 0, _STEPS)
        design = board_design(board, config, link, images, folded=folded, clock=clock)
        tell("build: synthesis", 1, _STEPS)
        used = _synthesised(board, config, folder, design, yosys, folded=folded)
        aim_mhz = target_mhz or clock.hz / 1e6
        # Place and route itself derives the clock of a PLL from that of its pin.
        pin_mhz = board.clock_hz / 1e6 if clock.verilog else aim_mhz
        (folder / flow.constraints).write_text(constraints(board, pin_mhz, fifo_pins))
        parts = _parts(folder, board)
        results = route_seeds(
            board, flow, router, folder, seeds, aim_mhz,
            lambda tried: tell(f"build: place and route, {tried}", 2, _STEPS), runner)
        best, routed = _fastest(board, results, clock.hz / 1e6)
        tell("build: bitstream", 3, _STEPS)
        pack(board, flow, packer, folder, best)
        report = _report(board, config, link, used, results, routed, best, (yosys, router, packer),
                         target_mhz=aim_mhz, baked=images is not None, folded=folded)
        report |= parts
        _finish(folder, report)
        write_more(folder)
        tell("build: bitstream", _STEPS, _STEPS)
    return Build(report, used)


def _seeds(first: int, count: int) -> range:
    if not 1 <= first <= first + count - 1 <= MOST_SEED:
        raise BoardError(f"seed and tries must be at least 1, and the last seed at most "
                         f"{MOST_SEED}, not {first} and {count}")
    return range(first, first + count)


def _synthesised(board: Board, config: TorusConfig, folder: Path, design: str, yosys: Tool, *,
                 folded: bool) -> tuple[Usage, ...]:
    """Synthesise a design; refuse it if it does not fit the board, or if blocks are missing."""
    area = synthesise(folder, design, TOP, board.family, yosys.command)
    used = usage(board, area)
    check_usage(board, config, used)
    check_blocks(area, Design("torus", TOPS["torus"], config), board.family, folded=folded)
    return used


def _parts(folder: Path, board: Board) -> dict[str, Any]:
    """What the report says of the netlist: the cells of each module, and its deepest paths."""
    netlist = read_json(folder / "netlist.json")
    return {"modules": module_cells(netlist, TOP, board.family),
            "paths": deep_paths(netlist, board.family, _PATHS)}


def _fastest(board: Board, results: dict[int, Routed | None],
             clock_mhz: float) -> tuple[int, Routed]:
    """Return the seed with the highest clock and its result, which must reach `clock_mhz`."""
    found = {one: result for one, result in results.items() if result is not None}
    best = max(found, key=lambda one: found[one].fmax_mhz)
    routed = found[best]
    if routed.fmax_mhz < clock_mhz:
        raise BoardError(
            f"the clock of {board.name} is {clock_mhz:g} MHz, and this torus reaches "
            f"{routed.fmax_mhz:.1f} MHz with seed {best}: try a lower clock-mhz, more tries, "
            "a smaller torus or narrower words")
    return best, routed


def _finish(folder: Path, report: dict[str, Any]) -> None:
    """Write the report, and remove what only the tools needed."""
    (folder / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    for path in folder.iterdir():
        if path.name not in _FILES:
            path.unlink()


def _report(board: Board, config: TorusConfig, link: LinkConfig, used: tuple[Usage, ...],
            results: dict[int, Routed | None], routed: Routed, seed: int, tools: tuple[Tool, ...],
            *, target_mhz: float, baked: bool, folded: bool) -> dict[str, Any]:
    return {
        "board": board.name,
        "torus": dataclasses.asdict(config),
        "hardware_id": f"{config.hardware_id:016x}",
        "link": dataclasses.asdict(link),
        "baked": baked,
        "folded": folded,
        "tools": [tool.version for tool in tools],
        "synthesis": board.family.command,
        "target_mhz": target_mhz,
        "seed": seed,
        "fmax_mhz_by_seed": {str(one): None if result is None else round(result.fmax_mhz, 2)
                             for one, result in results.items()},
        "cells": {one.name: {"used": one.used, "available": one.available} for one in used},
        "packed": {kind: count for kind, count in routed.used.items() if count},
        "oscillator_mhz": board.clock_hz / 1e6,
        "clock_mhz": link.clock_hz / 1e6,
        "fmax_mhz": round(routed.fmax_mhz, 2),
        **({} if routed.fifo_mhz is None else {"fifo_mhz": round(routed.fifo_mhz, 2)}),
        "critical_path": dataclasses.asdict(summarise(routed.critical_path)),
        "critical_steps": [dataclasses.asdict(step) for step in routed.critical_path],
        "weights_that_fit": config.rows * config.cols * config.weight_words,
    }


def is_report(values: Any) -> bool:
    """Whether values are those of a whole report.json, with all that tables are made of."""
    try:
        TorusConfig.from_dict(values["torus"])
        numbers = (values["clock_mhz"], values["fmax_mhz"],
                   *(values["cells"][kind]["used"] for kind in ("LUT", "FF", "DSP", "BRAM")))
        texts = (values["board"], values["critical_path"]["start"], values["critical_path"]["end"])
        dicts = values["packed"], values["fmax_mhz_by_seed"]
        return (isinstance(values["folded"], bool)
                and all(isinstance(one, int | float) for one in numbers)
                and all(isinstance(one, str) for one in texts)
                and all(isinstance(one, dict) for one in dicts))
    except (KeyError, TypeError, ConfigError):
        return False


@contextmanager
def _replacing(out: Path) -> Generator[Path]:
    """Give a folder beside `out` to work in; it becomes `out` when the block ends well.

    A link to a folder stays one, and a folder that is replaced leaves its mode.
    """
    check_folder(out)
    out = Path(os.path.realpath(out))
    if not {path.name for path in files_in(out)} <= _FILES or (
            out.exists() and Path.cwd().is_relative_to(out)):
        raise DriverError("out must be a new folder or that of a former build, with nothing "
                          f"else in it, and not the one that you are in, not {out}")
    make_folder(out.parent)
    try:
        with work_folder(out.parent, f".{out.name[:_NAME_PART]}.", ".part") as work:
            yield work
            work.chmod(_new_mode(work))
            with locked(out.parent):
                _put_in_place(work, out)
    except OSError as error:
        raise DriverError(f"out {out} cannot be written: {error.strerror or error}") from error


def _new_mode(folder: Path) -> int:
    """The mode that a new folder gets from the umask, unlike one for work."""
    new = folder / "new"
    new.mkdir()
    mode = stat.S_IMODE(new.stat().st_mode)
    new.rmdir()
    return mode


def _put_in_place(work: Path, out: Path) -> None:
    named = re.compile(re.escape(f".{out.name}.") + "[a-z0-9_]{8}" + re.escape(_FORMER))
    for left in out.parent.iterdir():  # Of a name that is cut off nobody knows whose it is.
        if named.fullmatch(left.name):  # Whoever was here before was killed in between.
            if not out.exists():
                os.replace(left, out)
            shutil.rmtree(left, ignore_errors=True)
    former = work.with_suffix(_FORMER)

    def clear() -> None:
        if former.exists() and not out.exists():
            os.replace(former, out)
        shutil.rmtree(former, ignore_errors=True)

    with cleared(clear), held():
        if out.exists():
            shutil.copymode(out, work)
            os.replace(out, former)
        os.replace(work, out)
