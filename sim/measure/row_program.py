"""What tables whose rows are builds for boards share: their page, and their command lines."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from fpga.errors import FlowFailed
from golden.system.runner import Runner
from sw_driver.jobs.engine import runner as jobs_runner
from sw_driver.system.files import check_target

from .board_rows import Row, build_rows, check_names
from .markdown import replace_between_marks, text_between_marks

__all__ = ["PAGE", "RESULTS", "build_table", "row_parser", "write_rows"]

RESULTS = Path("out/fpga")
"""Where builds are kept."""
PAGE = Path("docs/fpga.md")
"""The page with the tables."""


def build_table(rows: Sequence[Row], marks: str, text: Callable[[Path, str], str], results: Path,
                page: Path, names: set[str], runner: Runner) -> list[str]:
    """Build rows, all if none is named, and write all that were built to a page after each.

    Parameters
    ----------
    rows
        Of the table.
    marks
        Between which the page has the table.
    text
        Makes it, of what is kept and of the former text.
    results, page
        Where builds are kept; the page.
    names
        Of the rows to build.
    runner
        Tries the seeds of a row.

    Returns the names of those whose build failed for no fault of the design.

    Raises
    ------
    BoardError
        There is no such row; or the page cannot be read, or has no marks for the table.
    DriverError
        The page, or what is kept, cannot be written.
    """
    check_names(rows, names)
    text_between_marks(page, marks)
    check_target(page)

    def write() -> None:
        replace_between_marks(page, marks, text(results, text_between_marks(page, marks)))

    return build_rows(rows, results, names, runner, write)


def row_parser(program: str, description: str | None) -> argparse.ArgumentParser:
    """A parser of names of rows, and of where their seeds are tried."""
    parser = argparse.ArgumentParser(prog=program, description=description,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("row", nargs="*", help="build these rows; default: all")
    parser.add_argument("--workers", type=int, help="seeds to try at once; default: the cores")
    parser.add_argument("--scheduler", help="try them on this scheduler of Dask, instead")
    return parser


def write_rows(options: argparse.Namespace,
               table: Callable[[Path, Path, set[str], Runner], list[str]]) -> None:
    """Build the rows that a command line names, and write the table to the page.

    Raises
    ------
    FlowFailed
        Builds failed for no fault of the design.
    """
    with jobs_runner(options.workers, options.scheduler, print) as runner:
        failed = table(RESULTS, PAGE, set(options.row), runner)
    if failed:
        raise FlowFailed(f"these builds failed, and were not kept: {', '.join(failed)}")
