"""Measured areas that the resource model is fitted to: `python -m fpga.calibration [FAMILY ...]`.

What is measured is kept in `fpga/data`, so that a run that was stopped goes on where it was; a file
that is removed, or is of another synthesis command or Yosys, is measured anew. The areas of the
other command or Yosys stay, and are those that the model is fitted to, until all are measured.
"""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("fpga.calibration")  # Before anything slow is imported.

import argparse
import dataclasses
import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from golden.system.ending import run_program
from hw.config import TorusConfig, TrainingConfig
from hw.emit import emit_verilog
from hw.link_config import LinkConfig
from hw.presets import BOARD_LARGE, BOARD_SMALL, FITTED, SMALLEST
from hw.tops import CELLS, TOPS
from hw.uart.host_link import HostLink
from sw_driver.system.files import check_target
from sw_driver.system.kept import write_kept
from sw_driver.system.scratch import temporary_folder

from .boards import BOARDS
from .designs import DESIGNS, Design
from .errors import BoardError
from .families import ECP5, FAMILIES, GW2A, GW5A, ICE40, NEXUS, Family
from .synthesis import Area, synthesise
from .tools import YOSYS, tool_version

__all__ = ["Measured", "measure", "measured_designs", "read_links", "read_measured"]

_NEXT = "next"  # What is measured of another flow than that of the areas which are there.
_LINK, _LINK_TOP = "host-link", "clostorus_host_link"
_LINK_BITS = {_LINK: 32, "host-link-128": 128}  # Widths of the host stream.

# Beside the smallest torus, one of 16-bit words with a small shifter, and one that trains; elements
# and tori with lanes, each named by its words x sums, some with links of two words.
_PLAIN = dataclasses.replace(SMALLEST, act_bits=16, weight_bits=16, buffer_words=256,
                             weight_words=1024, shift_bits=2, min_shift=12)
_TRAINING = dataclasses.replace(SMALLEST, act_bits=16, weight_bits=16, bias_words=8,
                                training=TrainingConfig())
_NARROW = dataclasses.replace(BOARD_LARGE, act_bits=8, weight_bits=8)


def _with_lanes(name: str, kind: str, config: TorusConfig, words: int, sums: int,
                **size: int) -> Design:
    """An element or a torus with lanes."""
    return Design(f"{name}-lanes-{words}x{sums}", TOPS[kind],
                  dataclasses.replace(config, lanes_in=words, lanes_out=sums, **size))


def _with_pairs(name: str) -> Design:
    """What `_with_lanes` named so, but its links move two words at once."""
    design = _LANES[name]
    return Design(f"{name}-link-2", design.top, dataclasses.replace(design.config, link_words=2))


_LANES = {design.name: design for design in (
    *(_with_lanes("pe-large", "pe", BOARD_LARGE, words, sums)
      for words, sums in ((2, 1), (1, 2), (2, 2), (2, 4), (2, 8))),
    _with_lanes("pe-narrow", "pe", _NARROW, 2, 2),
    _with_lanes("torus-2x2", "torus", FITTED, 2, 2, rows=2, cols=2),
    _with_lanes("torus-2x1", "torus", FITTED, 2, 4, rows=2, cols=1, host_bits=128),
    *(_with_lanes("pe-small", "pe", BOARD_SMALL, words, sums)
      for words, sums in ((2, 1), (1, 2), (2, 2), (2, 4))),
    _with_lanes("smallest-1x1", "torus", SMALLEST, 2, 2),
    _with_lanes("plain-1x1", "torus", _PLAIN, 1, 4),
)}
_OWN = _LANES | {design.name: design for design in (
    *(Design(name, TOPS["torus"], config)
      for name, config in (("smallest-1x1", SMALLEST), ("plain-1x1", _PLAIN),
                           ("training-1x1", _TRAINING))),
    *map(_with_pairs, ("pe-large-lanes-2x2", "pe-narrow-lanes-2x2", "torus-2x2-lanes-2x2",
                       "pe-small-lanes-2x2", "smallest-1x1-lanes-2x2")),
)}
# What takes longest comes last. Of the families that came later less is measured.
_FEW = ("smallest-1x1", "plain-1x1", "pe", "training-1x1", "pe-large-lanes-2x2", "torus-2x2")
_NAMES = {
    ECP5.name: ("pe", "pe-general", "smallest-1x1", "plain-1x1",
                "pe-large-lanes-2x1", "pe-large-lanes-1x2", "pe-large-lanes-2x2",
                "pe-large-lanes-2x4", "pe-large-lanes-2x8", "pe-narrow-lanes-2x2",
                "pe-large-lanes-2x2-link-2", "pe-narrow-lanes-2x2-link-2",
                "torus-2x1-lanes-2x4", "torus-2x2", "torus-2x2-lanes-2x2",
                "torus-2x2-lanes-2x2-link-2",
                "training-pe", "training-1x1", "training-pe-batches", "training-torus-2x2"),
    ICE40.name: ("pe", "pe-general", "smallest-1x1", "plain-1x1", "pe-small-lanes-2x1",
                 "pe-small-lanes-1x2", "pe-small-lanes-2x2", "pe-small-lanes-2x4",
                 "pe-small-lanes-2x2-link-2", "smallest-1x1-lanes-2x2",
                 "smallest-1x1-lanes-2x2-link-2", "plain-1x1-lanes-1x4", "training-1x1"),
    GW2A.name: _FEW,
    NEXUS.name: _FEW,
    GW5A.name: _FEW,
}


@dataclasses.dataclass(frozen=True)
class Measured:
    """A design and its cells after synthesis."""

    design: Design
    area: Area


def measured_designs(family: Family) -> tuple[Design, ...]:
    """What is measured of a family: elements alone, and tori."""
    return tuple((_OWN | DESIGNS)[name] for name in _NAMES.get(family.name, ()))


def read_measured(family: Family) -> list[Measured]:
    """What was measured of a family; nothing if nothing was.

    Raises
    ------
    BoardError
        What is kept of it is damaged.
    """
    areas = _read(family).get("areas", {})
    return [Measured(design, Area(**areas[design.name])) for design in measured_designs(family)
            if design.name in areas]


def read_links(family: Family) -> dict[int, Area]:
    """What was measured of the host link of a board, by the width of its host stream.

    Raises
    ------
    BoardError
        As `read_measured`.
    """
    areas = _read(family).get("areas", {})
    return {bits: Area(**areas[name]) for name, bits in _LINK_BITS.items() if name in areas}


def measure(family: Family) -> Iterator[tuple[str, Area]]:
    """Measure what is missing, one after the other, and keep it; yield the name of each.

    Areas of another synthesis command, or another Yosys, are not mixed with those of today's.

    Raises
    ------
    FpgaToolMissing, FlowFailed
        As `synthesise`.
    BoardError
        As `read_measured`.
    DriverError
        The file cannot be written.
    """
    check_target(_path(family))
    kept, flow = _read(family), {"synthesis": family.command, "tool": tool_version(YOSYS)}
    now = next((one for one in (kept, kept.get(_NEXT, {}))
                if all(one.get(name) == value for name, value in flow.items())),
               {**flow, "areas": {}})
    todo: dict[str, tuple[str, Callable[[str], str]]] = {
        design.name: (design.top, design.verilog) for design in measured_designs(family)}
    for name, bits in _LINK_BITS.items():
        todo[name] = _LINK_TOP, functools.partial(_link_verilog, family, bits)
    for name, (top, verilog) in todo.items():
        if name not in now["areas"]:
            with temporary_folder() as folder:
                area = synthesise(folder, verilog(family.cells), top, family)
            now["areas"][name] = dataclasses.asdict(area)
            if not kept or todo.keys() <= now["areas"].keys():
                kept = now = {"command": "python -m fpga.calibration", **now}
            elif now is not kept:
                kept[_NEXT] = now
            write_kept(_path(family), kept)
        yield name, Area(**now["areas"][name])


def _link_verilog(family: Family, host_bits: int, cells: str) -> str:
    link_bytes, = {board.link_bytes for board in BOARDS.values() if board.family is family}
    config = LinkConfig(clock_hz=25_000_000, buffer_bytes=link_bytes, registered=cells == "ecp5")
    return emit_verilog(HostLink(config, host_bits, 0), _LINK_TOP, CELLS[cells])


def _family(name: str) -> Family:
    if name not in _NAMES:
        raise BoardError(f"family must be one of {', '.join(_NAMES)}, not {name!r}")
    return FAMILIES[name]


def _path(family: Family) -> Path:
    return Path(__file__).with_name("data") / f"areas-{family.name}.json"


def _read(family: Family) -> dict[str, Any]:
    path = _path(family)
    if not path.exists():
        return {}
    try:
        kept = json.loads(path.read_bytes())
        for flow in (kept, kept.get(_NEXT, {"areas": {}})):
            for area in flow["areas"].values():
                Area(**area)
    except OSError as error:
        raise BoardError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError, AttributeError, KeyError, TypeError) as error:
        raise BoardError(f"{path} must hold measured areas, but is damaged: remove it, and "
                         "python -m fpga.calibration measures them anew") from error
    return kept


def main() -> None:
    """Measure what is missing of the families that are named, or of all that the model knows."""
    parser = argparse.ArgumentParser(prog="python -m fpga.calibration", description=__doc__)
    parser.add_argument("family", nargs="*", help=f"among {', '.join(_NAMES)}; all of them if none")
    for family in [_family(name) for name in parser.parse_args().family or _NAMES]:
        for name, area in measure(family):
            print(family.name, name, area, flush=True)


if __name__ == "__main__":
    run_program("fpga.calibration", main)
