"""Results of runs as a CSV file: one row each, the fields of the run, then those of its result."""

import csv
import dataclasses
import io
import math
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from golden.errors import DataError
from golden.system.files import write_bytes

__all__ = ["ResultTable", "Results", "read_results", "results_csv"]

RunT = TypeVar("RunT")
ResultT = TypeVar("ResultT")


@dataclasses.dataclass(frozen=True)
class Results(Generic[RunT, ResultT]):
    """What a CSV file holds.

    Parameters
    ----------
    results
        By their runs, in the order of the rows.
    cut
        What the file had in the place of a last row, which is left out; "" if it is whole.
    """

    results: Mapping[RunT, ResultT]
    cut: str


def results_csv(
    run_type: type[RunT], result_type: type[ResultT], results: Mapping[RunT, ResultT]
) -> str:
    """Return the text of a CSV file, which `read_results` reads back as the same numbers.

    Parameters
    ----------
    run_type, result_type
        Frozen dataclasses whose fields are `str`, `int` or `float`.
    results
        One row each, in this order.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_columns(run_type, result_type))
    for run, result in results.items():
        # `repr` of a float, which `str` is, is read back as the same float.
        writer.writerow([*_values(run), *_values(result)])
    return text.getvalue()


def read_results(
    path: Path, run_type: type[RunT], result_type: type[ResultT]
) -> Results[RunT, ResultT]:
    """Read a CSV file of results.

    A last line without an end is no row, since its last number may be cut: it is left out.

    Parameters
    ----------
    path
        Of the file, which must exist.
    run_type, result_type
        As for `results_csv`.

    Raises
    ------
    DataError
        If the file cannot be read, has other columns, a value that does not belong in its column,
        or a run twice; the message names the line.
    """
    try:
        whole, end, cut = path.read_bytes().rpartition(b"\n")
        rows = list(csv.reader(io.StringIO((whole + end).decode(), newline=""), strict=True))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} must be a CSV file: {error}") from error
    columns = _columns(run_type, result_type)
    if not rows or rows[0] != columns:
        raise DataError(
            f"{path} must have the columns {', '.join(columns)}, "
            f"not {', '.join(rows[0]) if rows else 'none'}; remove it to begin anew"
        )
    results: dict[RunT, ResultT] = {}
    for number, row in enumerate(rows[1:], 2):
        line = f"{path}, line {number}"
        if len(row) != len(columns):
            raise DataError(f"{line} must have {len(columns)} values, not {len(row)}")
        split = len(dataclasses.fields(_any(run_type)))
        run = _parsed(run_type, row[:split], line)
        if run in results:
            raise DataError(f"{line}: each run must be there once: {run}")
        results[run] = _parsed(result_type, row[split:], line)
    return Results(results, cut.decode(errors="replace"))


class ResultTable(Generic[RunT, ResultT]):
    """A CSV file that is whole after every run, for studies of few runs.

    Parameters
    ----------
    path
        Of the file, which is read if it is there; it is made with the first row.
    run_type, result_type
        As for `results_csv`.

    Raises
    ------
    DataError
        As `read_results`.
    """

    def __init__(self, path: Path, run_type: type[RunT], result_type: type[ResultT]) -> None:
        """Read the file, if there is one; see the class."""
        self._path, self._types = path, (run_type, result_type)
        self._results: dict[RunT, ResultT] = {}
        if os.path.exists(path):
            self._results.update(read_results(path, run_type, result_type).results)

    @property
    def results(self) -> Mapping[RunT, ResultT]:
        """The results by their runs."""
        return MappingProxyType(self._results)

    def add(self, run: RunT, result: ResultT, /) -> None:
        """Add a row and write the file anew: whoever reads it finds the old rows or all.

        Raises
        ------
        DataError
            If the file cannot be written.
        """
        self._results[run] = result
        text = results_csv(*self._types, self._results)
        write_bytes(self._path, text.encode(), DataError)


def _parsed(kind: type[RunT], texts: list[str], line: str) -> RunT:
    values: list[Any] = []
    for field, text in zip(dataclasses.fields(_any(kind)), texts, strict=True):
        convert: Any = field.type
        try:
            value = convert(text)
        except ValueError:
            value = math.nan
        if isinstance(value, float) and not math.isfinite(value):
            raise DataError(
                f"{line}: {field.name} must be a finite {convert.__name__}, not {text!r}"
            )
        values.append(value)
    return kind(*values)


def _columns(*kinds: type[Any]) -> list[str]:
    return [field.name for kind in kinds for field in dataclasses.fields(kind)]


def _values(part: Any) -> list[str]:
    return [str(value) for value in dataclasses.astuple(part)]


def _any(kind: type[Any]) -> Any:
    return kind
