"""The table of a campaign, as text and on docs/faults.md."""

from collections.abc import Sequence
from pathlib import Path

from sim.measure.markdown import replace_between_marks, table_lines, text_between_marks

from .campaign import Total

__all__ = ["COLUMNS", "check_page", "rows", "write_page"]

COLUMNS = ("place", "checks", "flips", "masked", "flagged, outputs right", "detected", "silent",
           "hang", "live", "silent of live, at most")
_NAME = "flips"


def rows(totals: Sequence[Total]) -> list[tuple[str, ...]]:
    """Return the cells of the table, a row of each kind of place, with checks and without."""
    return [(one.kind, "on" if one.checks else "off", f"{one.flips:,}", f"{one.masked:,}",
             f"{one.flagged:,}", f"{one.detected:,}", f"{one.silent:,}", f"{one.hang:,}",
             f"{one.live:,}", f"{one.most_silent:.1%}" if one.live else "none is live")
            for one in totals]


def check_page(path: Path) -> None:
    """Refuse a page that has no place for the table.

    Raises
    ------
    BoardError
        If it has none, or cannot be read.
    """
    text_between_marks(path, _NAME)


def write_page(path: Path, command: str, when: str, totals: Sequence[Total]) -> None:
    """Write the table of a campaign into a page; all else that it holds stays.

    Parameters
    ----------
    path
        Of the page; errors as for `check_page`.
    command
        That made it.
    when
        Its date, and the version of what was flipped.
    totals
        What came of it.
    """
    table = "\n".join(table_lines(COLUMNS, rows(totals)))
    replace_between_marks(path, _NAME, f"    {command}\n\n{when}\n\n{table}\n")
