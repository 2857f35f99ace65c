"""The table of a campaign on a page, with the command that made it, the day and the commit."""

import datetime
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from sim.measure.markdown import replace_between_marks, table_lines
from sw_driver.errors import DriverError
from sw_driver.jobs.versions import product_version

__all__ = ["check_page", "made", "write_page"]


def check_page(page: Path, name: str) -> None:
    """Refuse a page that has no place for a table.

    Raises
    ------
    DriverError
        The page cannot be read, or has no marks `<!-- begin NAME -->` and `<!-- end NAME -->`.
    """
    begin, end = (f"<!-- {word} {name} -->" for word in ("begin", "end"))
    try:
        text = page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DriverError(f"page {page} must be a text file: {error}") from error
    if text.count(f"{begin}\n") != 1 or f"{end}\n" not in text.partition(begin)[2]:
        raise DriverError(f"page {page} must have one place between {begin} and {end}, which it "
                          "has not")


def made() -> str:
    """Say of which day a table is, and of which commit, or version where there is no commit.

    It is asked before the work, since the files may have changed when that ends.
    """
    try:
        done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=Path(__file__).parent,
                              text=True, capture_output=True, check=False)
        commit = done.stdout.strip()
    except OSError:
        commit = ""
    what = f"commit {commit}" if commit else f"version {product_version()}"
    return f"Made on {datetime.date.today().isoformat()}, of {what}."


def write_page(page: Path, name: str, command: str, when: str, header: Sequence[str],
               rows: Iterable[Sequence[object]]) -> None:
    """Write a table between the marks of a page; all else that the page holds stays.

    Parameters
    ----------
    page, name
        As for `check_page`, whose errors it raises.
    command
        That made the table.
    when
        What `made` said before the work.
    header, rows
        The table.
    """
    check_page(page, name)
    table = "\n".join(table_lines(header, rows))
    replace_between_marks(page, name, f"    {command}\n\n{when}\n\n{table}\n")
