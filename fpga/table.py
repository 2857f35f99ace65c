"""The tables of docs/fpga.md: `python -m fpga.table` builds what is missing, row by row.

A row that was built is kept in `out/fpga`, so that a run that was stopped goes on where it was; one
of a former design is built again. What cannot be built says why. Names of rows as arguments build
these alone; all that were built are written, those of a former design marked. `--estimated` writes
what the resource model says, and builds nothing.
"""

import sys
from pathlib import Path
from typing import Any

from hw.config import TorusConfig
from sw_driver.cli.status import DIFFERENT, exit_status

from .errors import FlowFailed
from .estimated import estimated_text
from .markdown import replace_between_marks, table_lines
from .rows import ROWS, Row, build_row, read_row
from .throughput import NETS, Speed, speed

__all__ = ["estimated", "main", "table"]

_RESULTS = Path("out/fpga")
_PAGE = Path("docs/fpga.md")
_STALE = " (a former design)"
_KINDS = ("LUT", "FF", "DSP", "BRAM")
_AREA = ("row", "clock, MHz", *_KINDS, *(f"{kind} per PE" for kind in _KINDS), "Fmax, MHz",
         "best of seeds", "critical path")
_SPEED = ("row", "MAC/s, millions", *(f"{net}, {unit}" for net in NETS
                                      for unit in ("samples/s", "per kLUT")))


def table(results: Path, page: Path, names: set[str]) -> list[str]:
    """Build rows, all if none is named, and write all that were built to a page after each.

    Returns the names of those whose build failed for no fault of the design.
    """
    failed: list[str] = []
    for row in ROWS:
        if not names or row.name in names:
            print(row.name, flush=True)
            try:
                build_row(row, results)
            except FlowFailed as error:
                print(f"{row.name}: {error}", file=sys.stderr, flush=True)
                failed.append(row.name)
            replace_between_marks(page, "table", _text(results))
    return failed


def estimated(results: Path, page: Path) -> None:
    """Write to a page what the resource model says, beside what was built."""
    kept = [(row, read_row(row, results)) for row in ROWS]
    built = [(row.title + _STALE * one.stale, one.report) for row, one in kept
             if one is not None and one.report is not None]
    missing = [(row.title, row.board, row.config) for row, one in kept if one is None]
    replace_between_marks(page, "estimated", estimated_text(built, missing))


def _text(results: Path) -> str:
    area: list[tuple[object, ...]] = []
    speeds: list[tuple[object, ...]] = []
    notes: list[str] = []
    missing: list[str] = []
    for row in ROWS:
        kept = read_row(row, results)
        if kept is None:
            missing.append(row.title)
            continue
        title = row.title + _STALE * kept.stale
        if kept.report is None:
            notes.append(f"- {title}: {kept.refusal.splitlines()[0]}")
            continue
        area.append(_area_cells(title, row, kept.report))
        speeds.append(_speed_cells(title, kept.report))
        # A logic cell of the iCE40 holds a LUT and a flip-flop: only packing tells how many.
        packed = kept.report["packed"]
        if "ICESTORM_LC" in packed:
            notes.append(f"- {title}: {packed['ICESTORM_LC']} of {row.board.capacity.luts} logic "
                         "cells (ICESTORM_LC), each a LUT, a flip-flop or both")
    if missing:
        notes.append(f"- not built yet: {'; '.join(missing)}")
    blocks = [table_lines(_AREA, area), table_lines(_SPEED, speeds), notes]
    return "\n\n".join("\n".join(lines) for lines in blocks if lines) + "\n"


def _area_cells(title: str, row: Row, report: dict[str, Any]) -> tuple[object, ...]:
    cells, path = report["cells"], report["critical_path"]
    counts = [cells[kind]["used"] for kind in _KINDS]
    luts, flip_flops, multipliers, block_rams = (count / row.size ** 2 for count in counts)
    return (title, f"{report['clock_mhz']:g}", *counts, round(luts), round(flip_flops),
            f"{multipliers:.3g}", f"{block_rams:.3g}", f"{report['fmax_mhz']:.1f}",
            len(report["fmax_mhz_by_seed"]), f"`{path['start']}` to `{path['end']}`")


def _speed_cells(title: str, report: dict[str, Any]) -> tuple[object, ...]:
    config = TorusConfig.from_dict(report["torus"])
    hertz, kluts = 1e6 * report["fmax_mhz"], report["cells"]["LUT"]["used"] / 1000
    speeds = [speed(config, net) for net in NETS]
    macs = speeds[-1].macs / speeds[-1].cycles * hertz / 1e6

    def cells(one: Speed) -> tuple[str, str]:
        per_second = hertz / one.cycles
        return f"{per_second:.0f}{'' if one.fits else ' *'}", f"{per_second / kluts:.0f}"

    return (title, f"{macs:.0f}", *(cell for one in speeds for cell in cells(one)))


def main() -> int:
    """Write tables from the command line; return the exit status."""
    try:
        if sys.argv[1:] == ["--estimated"]:
            estimated(_RESULTS, _PAGE)
        elif failed := table(_RESULTS, _PAGE, set(sys.argv[1:])):
            print(f"these builds failed, and were not kept: {', '.join(failed)}", file=sys.stderr)
            return DIFFERENT
        return 0
    except (KeyboardInterrupt, ValueError, RuntimeError) as error:
        status = exit_status(error)
        if status is None:
            raise
        print(str(error) or "stopped", file=sys.stderr)
        return status


if __name__ == "__main__":
    sys.exit(main())
