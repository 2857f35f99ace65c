"""The tables of `python -m sim.load` on a page, with command, commit and date."""

import datetime
import subprocess
from collections.abc import Sequence
from pathlib import Path

from sim.measure.markdown import replace_between_marks, table_lines, text_between_marks
from sw_driver.jobs.versions import product_version

__all__ = ["check_page", "made_of", "write_table"]


def check_page(page: Path, what: str) -> None:
    """Refuse a page that has no place for a table.

    Raises
    ------
    BoardError
        The page cannot be read, or has no marks `load-WHAT`.
    """
    text_between_marks(page, f"load-{what}")


def made_of() -> str:
    """Say of what a table is: of the commit of these files, or of the version if there is none."""
    root = Path(__file__).parents[2]
    try:
        done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=root, text=True,
                              capture_output=True, check=False)
        commit = done.stdout.strip()
    except OSError:
        commit = ""
    return f"commit {commit}" if commit else f"version {product_version()}"


def write_table(page: Path, what: str, command: str, made: str, header: Sequence[str],
                rows: Sequence[Sequence[str]]) -> None:
    """Put a table between the marks `load-WHAT` of a page; errors as for `check_page`."""
    table = "\n".join(table_lines(header, rows))
    when = f"Made on {datetime.date.today().isoformat()}, of {made}."
    replace_between_marks(page, f"load-{what}", f"    {command}\n\n{when}\n\n{table}\n")
