"""The command lines of tables whose rows are builds for boards, and what they share."""

import argparse
from collections.abc import Callable
from pathlib import Path

from fpga.errors import FlowFailed
from golden.system.runner import Runner
from sw_driver.jobs.engine import runner as jobs_runner

__all__ = ["PAGE", "RESULTS", "row_parser", "write_rows"]

RESULTS = Path("out/fpga")
"""Where builds are kept."""
PAGE = Path("docs/fpga.md")
"""The page with the tables."""


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
