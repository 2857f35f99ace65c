"""The table of boards for one net each: `python -m sim.measure.net_table` builds what is missing.

It goes row by row, and writes docs/fpga.md after each. A row that was built is kept in
`out/fpga`, so that a run that was stopped goes on where it was. Names of rows as arguments build
these alone; a row of which nothing is kept stays on the page as it was.
"""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("sim.measure.net_table")  # Before anything slow is imported.

from pathlib import Path
from typing import Any

from golden.system.ending import run_program
from golden.system.runner import Runner, in_turn

from .board_rows import read_row
from .board_table import KINDS, STALE, refusal_note
from .markdown import cells_by_row, notes_by_row, table_lines
from .net_rows import NET_ROWS, NetRow
from .row_program import build_table, row_parser, write_rows

__all__ = ["main", "table"]

_MARKS = "net table"
_NOT_BUILT = "not built yet"
_COLUMNS = ("row", "cycles", *KINDS, "Fmax, MHz", "best of seeds", "a second", "before", "ratio",
            "per kLUT", "critical path")


def table(results: Path, page: Path, names: set[str], runner: Runner = in_turn) -> list[str]:
    """Build rows, all if none is named: see `build_table`, whose errors it raises."""
    return build_table(NET_ROWS, _MARKS, _text, results, page, names, runner)


def _text(results: Path, former: str) -> str:
    """The table of what is kept, and of what the former text says of other rows."""
    lines: list[tuple[object, ...]] = []
    notes: list[str] = []
    cells, said = cells_by_row(former), notes_by_row(former)
    for row in NET_ROWS:
        kept = read_row(row, results)
        if kept is None:
            known = [title for title in (row.title, row.title + STALE)
                     if title in cells or title in said]
            for title in known:
                if title in cells:
                    lines.append((title, *(cells[title].get(one, "") for one in _COLUMNS[1:])))
                notes += said.get(title, ())
            if not known:
                notes.append(f"- {row.title}: {_NOT_BUILT}")
        elif kept.report is None:
            notes.append(refusal_note(row.title + STALE * kept.stale, kept))
        else:
            lines.append(_cells(row, row.title + STALE * kept.stale, kept.report))
    blocks = [table_lines(_COLUMNS, lines), notes]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _cells(row: NetRow, title: str, report: dict[str, Any]) -> tuple[object, ...]:
    counts = [report["cells"][kind]["used"] for kind in KINDS]
    path = report["critical_path"]
    per_second = 1e6 * report["fmax_mhz"] / row.cycles
    before = ("none", "")
    if row.before:
        before = f"{row.before:.0f}", f"{per_second / row.before:.2f}"
    return (title, f"{row.cycles:g}", *counts, f"{report['fmax_mhz']:.1f}",
            len(report["fmax_mhz_by_seed"]), f"{per_second:.0f}", *before,
            f"{per_second / counts[0] * 1000:.0f}",
            f"`{path['start']}` to `{path['end']}`")


def main() -> None:
    """Build what the arguments name."""
    write_rows(row_parser("python -m sim.measure.net_table", __doc__).parse_args(), table)


if __name__ == "__main__":
    run_program("sim.measure.net_table", main)
