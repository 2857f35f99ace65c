"""The table of a campaign, as text and on docs/fuzzing.md."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sim.measure.markdown import replace_between_marks, table_lines
from sw_driver.errors import DriverError

if TYPE_CHECKING:
    from sim.fuzz.campaign import Total

__all__ = ["COLUMNS", "check_page", "rows", "write_page"]

COLUMNS = ("target", "inputs tried", "of", "refused in a line", "accepted", "crashed",
           "peak memory, MB", "seconds")
_BEGIN, _END = "<!-- begin fuzz -->\n", "<!-- end fuzz -->\n"


def rows(totals: "Sequence[Total]") -> list[tuple[str, ...]]:
    """Return the cells of the table, a row of each target and one of all."""
    found: list[tuple[str, ...]] = [
        (one.target, f"{one.tried:,}", f"{one.goal:,}", f"{one.refused:,}",
         f"{one.accepted:,}", f"{one.crashed:,}", f"{one.peak_bytes / 1e6:.0f}",
         f"{one.seconds:.0f}") for one in totals]
    if len(totals) > 1:
        sums = [sum(part) for part in zip(*((one.tried, one.goal, one.refused, one.accepted,
                                             one.crashed) for one in totals), strict=True)]
        found.append(("all", *(f"{one:,}" for one in sums),
                      f"{max(one.peak_bytes for one in totals) / 1e6:.0f}",
                      f"{sum(one.seconds for one in totals):.0f}"))
    return found


def check_page(path: Path) -> None:
    """Refuse a page that has no place for the table.

    Raises
    ------
    DriverError
        If it has none, or cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DriverError(f"page {path} must be a text file: {error}") from error
    if text.count(_BEGIN) != 1 or _END not in text.partition(_BEGIN)[2]:
        raise DriverError(f"page {path} must have one place between {_BEGIN.strip()} and "
                          f"{_END.strip()}, which it has not")


def write_page(path: Path, command: str, when: str, totals: "Sequence[Total]") -> None:
    """Write the table of a campaign into a page; all else that it holds stays.

    Parameters
    ----------
    path
        Of the page; errors as for `check_page`.
    command
        That made it.
    when
        Its date, and the version of what was fuzzed.
    totals
        What came of it.
    """
    check_page(path)
    table = "\n".join(table_lines(COLUMNS, rows(totals)))
    replace_between_marks(path, "fuzz", f"    {command}\n\n{when}\n\n{table}\n")
