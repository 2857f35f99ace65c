"""The tables of docs/fpga.md: `python -m sim.measure.board_table` builds what is missing, row by
row.

A row that was built is kept in `out/fpga`, so that a run that was stopped goes on where it was; one
of a former design is built again. What cannot be built says why. Names of rows as arguments build
these alone; all that were built are written, those of a former design marked. A row of which
nothing is kept, or less than the page says, stays on the page as it was. `--estimated` writes what
the resource model says, and builds nothing.
"""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("sim.measure.board_table")  # Before anything slow is imported.

import dataclasses
from pathlib import Path
from typing import Any

from fpga.boards import Board
from golden.system.ending import run_program
from golden.system.runner import Runner, in_turn
from hw.config import TorusConfig

from .board_estimates import estimated_text, is_compared
from .board_rows import ROWS, Kept, Row, read_row
from .board_throughput import NETS, Speed, speed
from .markdown import (
    cells_by_row,
    notes_by_row,
    replace_between_marks,
    table_lines,
    text_between_marks,
)
from .row_program import PAGE, RESULTS, build_table, row_parser, write_rows

__all__ = ["KINDS", "STALE", "estimated", "main", "refusal_note", "table"]

STALE = " (a former design)"
"""Stands behind the title of a row that was built from the Verilog of another day."""

KINDS = ("LUT", "FF", "DSP", "BRAM")
"""Kinds of cells, as columns of a table."""
_FMAX = "Fmax, MHz"
_AREA = ("row", "clock, MHz", *KINDS, *(f"{kind} per PE" for kind in KINDS), _FMAX,
         "best of seeds", "critical path")
_SPEED = ("row", "MAC/s, millions", *(f"{net}, {unit}" for net in NETS
                                      for unit in ("samples/s", "per kLUT")))


def table(results: Path, page: Path, names: set[str], runner: Runner = in_turn) -> list[str]:
    """Build rows, all if none is named: see `build_table`, whose errors it raises."""
    return build_table(ROWS, "table", _text, results, page, names, runner)


def estimated(results: Path, page: Path) -> None:
    """Write to a page what the resource model says, beside what was built.

    What was built is what is kept, and else what the page says of it.

    Raises
    ------
    BoardError, DriverError
        As `table`.
    """
    measured, former = (text_between_marks(page, name) for name in ("table", "estimated"))
    cells, notes = cells_by_row(measured), notes_by_row(measured)
    # Of a former design the page does not say which torus it had: what it says of the model stays.
    compared = {title: said for title, said in cells_by_row(former).items() if is_compared(said)}
    built: list[tuple[str, dict[str, Any]]] = []
    missing: list[tuple[str, Board, TorusConfig]] = []
    for row in ROWS:
        kept, titles = read_row(row, results), (row.title, row.title + STALE)
        if kept is not None and not _page_knows_better(row, kept, cells, notes):
            if kept.report is not None:
                built.append((titles[kept.stale], kept.report))
        elif cells.get(row.title, {}).keys() >= set(KINDS):
            built.append((row.title, _report_of(row, cells[row.title])))
        elif set(titles) & (cells.keys() | notes.keys()):
            built += [(title, compared[title]) for title in titles if title in compared]
        else:
            missing.append((row.title, row.board, row.config))
    replace_between_marks(page, "estimated", estimated_text(built, missing))


def _report_of(row: Row, cells: dict[str, str]) -> dict[str, Any]:
    """What `estimated_text` needs of a report, from what the page says of a row of today."""
    return {"board": row.board_name, "folded": row.kind == "folded",
            "torus": dataclasses.asdict(row.config),
            "cells": {kind: {"used": cells[kind]} for kind in KINDS}}


def _page_knows_better(row: Row, kept: Kept, cells: dict[str, dict[str, str]],
                       notes: dict[str, list[str]]) -> bool:
    """Whether a page has a row of today where what is kept is of a former design.

    It has not if what it says is what is kept: that was of the design of its day.
    """
    if not kept.stale or row.title not in cells.keys() | notes.keys():
        return False
    if kept.report is None:
        return notes.get(row.title) != [refusal_note(row.title, kept)]
    found = dict(zip(_AREA, map(str, _area_cells(row.title, row, kept.report)), strict=True))
    said = cells.get(row.title, {})
    return any(said.get(column) != found[column] for column in (*KINDS, _FMAX))


def _text(results: Path, former: str) -> str:
    """The tables of what is kept, and of what the former text says of other rows."""
    area: list[tuple[object, ...]] = []
    speeds: list[tuple[object, ...]] = []
    notes: list[str] = []
    missing: list[str] = []
    cells, said = cells_by_row(former), notes_by_row(former)
    for row in ROWS:
        kept = read_row(row, results)
        if kept is None or _page_knows_better(row, kept, cells, said):
            known = [title for title in (row.title, row.title + STALE)
                     if title in cells or title in said]
            for title in known:
                for rows, columns in ((area, _AREA), (speeds, _SPEED)):
                    if cells.get(title, {}).keys() & set(columns):
                        rows.append((title, *(cells[title].get(one, "") for one in columns[1:])))
                notes += said.get(title, ())
            missing += [] if known else [row.title]
            continue
        title = row.title + STALE * kept.stale
        if kept.report is None:
            notes.append(refusal_note(title, kept))
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


def refusal_note(title: str, kept: Kept) -> str:
    """The line of a page that says why there is no such build."""
    return f"- {title}: {kept.refusal.splitlines()[0]}"


def _area_cells(title: str, row: Row, report: dict[str, Any]) -> tuple[object, ...]:
    cells, path = report["cells"], report["critical_path"]
    counts = [cells[kind]["used"] for kind in KINDS]
    luts, flip_flops, multipliers, block_rams = (count / (row.rows * row.cols) for count in counts)
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


def main() -> None:
    """Write what the arguments ask for."""
    parser = row_parser("python -m sim.measure.board_table", __doc__)
    parser.add_argument("--estimated", action="store_true",
                        help="write what the resource model says, and build nothing")
    options = parser.parse_args()
    if options.estimated:
        if options.row:
            parser.error("--estimated takes no rows")
        estimated(RESULTS, PAGE)
        return
    write_rows(options, table)


if __name__ == "__main__":
    run_program("sim.measure.board_table", main)
