"""Count the levels of logic between registers: `python -m fpga.levels --top pe`.

A wire takes four times as long as the LUT behind it, so the deepest path of a netlist says how fast
a board can be, in seconds instead of the minutes of place and route: about 143 MHz with 4 levels on
an ECP5 of speed grade 6, 125 with 5, 108 with 6.
"""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("fpga.levels")  # Before anything slow is imported.

import argparse
import collections
import dataclasses
import re
from pathlib import Path as FilePath
from typing import Any

from golden.system.ending import run_program
from golden.system.status import DIFFERENT
from sw_driver.system.arguments import LineParser
from sw_driver.system.files import check_target
from sw_driver.system.kept import write_kept
from sw_driver.system.scratch import temporary_folder
from sw_driver.torus import parse_torus

from .errors import BoardError, FlowFailed
from .level_blocks import BLOCKS, block_netlist
from .logic_levels import Path, paths_of
from .tools import read_json

__all__ = ["main"]

_BIT = re.compile(r"\[\d+\]")
_ALIKE = re.compile(r"(pe|gateway|north|south|east|west|to_gateway|from_gateway)(?:_\d+)+\b")
_MOST_LEVELS = 99


def main(arguments: list[str] | None = None) -> int:
    """Print how deep a block is; return 1 if it is deeper than `--limit`."""
    asked = _parsed(arguments)
    if asked.netlist is None:
        rows, cols = asked.torus
        with temporary_folder() as folder:
            netlist = block_netlist(asked.top, rows, cols, folder)
    else:
        netlist = _netlist(asked.netlist)
    paths = paths_of(netlist)
    if not paths:
        raise FlowFailed("the netlist must have a path between two registers, but has none")
    limit = paths[0].levels if asked.limit is None else asked.limit
    _print(paths, asked.paths, limit)
    if asked.json is not None:
        write_kept(asked.json, _report(paths, asked))
    too_deep = sum(path.levels > limit for path in paths)
    if too_deep:
        print(f"paths of more than {limit} levels: {too_deep}")
    return DIFFERENT if too_deep else 0


def _parsed(arguments: list[str] | None) -> argparse.Namespace:
    parser = LineParser(prog="python -m fpga.levels", description=__doc__,
                        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--top", metavar="BLOCK", default=None,
                        help=f"synthesise and count one of {', '.join(BLOCKS)} [default: pe]")
    parser.add_argument("--torus", metavar="RxC", default=None,
                        help="size of the torus that it belongs to [default: 4x4]")
    parser.add_argument("--netlist", metavar="FILE", type=FilePath,
                        help="count in the netlist.json of a build instead")
    parser.add_argument("--limit", metavar="LEVELS", default=None,
                        help="end with status 1 if a path has more levels")
    parser.add_argument("--paths", metavar="N", default="10",
                        help="how many of the deepest paths to name [default: 10]")
    parser.add_argument("--json", metavar="FILE", type=FilePath, help="write the counts, too")
    asked = parser.parse_args(arguments)
    if asked.netlist is not None and (asked.top is not None or asked.torus is not None):
        raise BoardError("--netlist takes the place of --top and --torus: leave them out")
    asked.top = asked.top or "pe"
    if asked.top not in BLOCKS:
        raise BoardError(f"--top must be one of {', '.join(BLOCKS)}, not {asked.top!r}")
    asked.torus = parse_torus(asked.torus or "4x4")
    asked.paths = _count("--paths", asked.paths, 1_000_000)
    asked.limit = None if asked.limit is None else _count("--limit", asked.limit, _MOST_LEVELS)
    if asked.json is not None:
        check_target(asked.json)
        if asked.netlist is not None and asked.json.exists() and asked.json.samefile(asked.netlist):
            raise BoardError(f"--json must be another file than --netlist, not {asked.json}")
    return asked


def _count(option: str, text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= most):
        raise BoardError(f"{option} must be a whole number from 0 to {most}, not {text!r}")
    return int(text)


def _netlist(path: FilePath) -> dict[str, Any]:
    if not path.is_file():
        raise BoardError(f"--netlist must be the netlist.json of a build, but there is no {path}")
    return read_json(path)


def _module(path: Path) -> str:
    """The module of the register at the end, alike ones of a torus as one."""
    place = _BIT.sub("", path.end).removeprefix("design.").rpartition(".")[0]
    return _ALIKE.sub(r"\1", place) or "(top)"


def _register(name: str) -> str:
    return _BIT.sub("", name).removeprefix("design.")


def _counts(paths: list[Path]) -> dict[int, int]:
    return dict(sorted(collections.Counter(path.levels for path in paths).items()))


def _by_module(paths: list[Path]) -> dict[str, dict[int, int]]:
    """The counts of each module, those with the deepest paths first."""
    found: dict[str, list[Path]] = collections.defaultdict(list)
    for path in paths:
        found[_module(path)].append(path)
    counts = {module: _counts(own) for module, own in found.items()}
    return dict(sorted(counts.items(), key=lambda item: (
        [-value for pair in sorted(item[1].items(), reverse=True) for value in pair], item[0])))


def _print(paths: list[Path], named: int, limit: int) -> None:
    counts, modules = _counts(paths), _by_module(paths)
    deepest = paths[0].levels
    slowest = max(path.delay_ns for path in paths)
    columns = range(max(0, min(limit, deepest) - 3), deepest + 1)
    width = max(map(len, modules), default=0)
    print(f"{len(paths)} inputs of registers; deepest {deepest} levels, slowest about "
          f"{slowest:.1f} ns, {1000 / slowest:.0f} MHz")
    print(f"{'levels':{width}}", *(f"{level:6}" for level in columns))
    for module, levels in {"all": counts, **modules}.items():
        if module == "all" or max(levels) >= columns[0]:
            print(f"{module:{width}}", *(f"{levels.get(level, 0):6}" for level in columns))
    for (levels, start, end), many in _groups(paths)[:named]:
        print(f"{levels} levels, {max(path.delay_ns for path in many):.1f} ns: {start} -> {end}"
              f"{f' ({len(many)} bits)' if len(many) > 1 else ''}")


def _groups(paths: list[Path]) -> list[tuple[tuple[int, str, str], list[Path]]]:
    """Paths with the same registers and levels, the deepest and largest first."""
    groups: dict[tuple[int, str, str], list[Path]] = collections.defaultdict(list)
    for path in paths:
        end = f"{_register(path.end)}.{path.port}"
        groups[path.levels, _register(path.start), end].append(path)
    return sorted(groups.items(), key=lambda item: (-item[0][0], -len(item[1]), item[0]))


def _report(paths: list[Path], asked: argparse.Namespace) -> dict[str, Any]:
    what = ({"netlist": asked.netlist.name} if asked.netlist is not None else
            {"top": asked.top, "torus": "x".join(map(str, asked.torus))})
    return {
        **what,
        "levels": _counts(paths),
        "modules": _by_module(paths),
        "paths": [dataclasses.asdict(path) for path in paths[:asked.paths]],
    }


if __name__ == "__main__":
    run_program("fpga.levels", main)
