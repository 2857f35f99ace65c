"""Results of former releases, which kept them in a CSV file."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from golden.experiments.table import read_results
from sw_driver.jobs.store import JobStore

__all__ = ["adopt_csv"]

RunT = TypeVar("RunT")
ResultT = TypeVar("ResultT")


def adopt_csv(
    store: JobStore[RunT, ResultT],
    path: Path,
    run_type: type[RunT],
    result_type: type[ResultT],
    note: Callable[[str], object],
) -> None:
    """Take the rows of a CSV file into a store that has none; else the file is not looked at.

    Parameters
    ----------
    store
        Gets all rows or, if it cannot be written, none.
    path
        Of the file; there may be none.
    run_type, result_type
        As for `golden.experiments.table.read_results`.
    note
        Hears what is taken, and of a last row that is cut off.

    Raises
    ------
    DataError
        As `read_results`.
    StorageError
        As `JobStore.add`.
    """
    if store.results or not path.exists():
        return
    former = read_results(path, run_type, result_type)
    if former.cut:
        note(f"{path}: its last line is cut off and left out, as if not there: {former.cut!r}")
    if former.results:
        store.add_all(former.results)
        note(f"{path}: its {len(former.results)} rows are taken into the store")
