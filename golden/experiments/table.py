"""Results of runs in a CSV file, which is whole after every run."""

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

__all__ = ["ResultTable"]

RunT = TypeVar("RunT")
ResultT = TypeVar("ResultT")


class ResultTable(Generic[RunT, ResultT]):
    """What is known of every run: one row each, in the order in which they were added.

    The columns are the fields of `run_type`, which tell a run from all others, then those of
    `result_type`. A file that is there already is read, so that no run has to be made twice.

    Parameters
    ----------
    path
        Of the file; it is made with the first row.
    run_type, result_type
        Frozen dataclasses whose fields are `str`, `int` or `float`.

    Raises
    ------
    DataError
        If the file has other columns, a value that does not belong in its column, or a run twice;
        the message names the line.
    """

    def __init__(self, path: Path, run_type: type[RunT], result_type: type[ResultT]) -> None:
        """Read the file, if there is one; see the class."""
        self._path = path
        self._types: tuple[type[Any], type[Any]] = run_type, result_type
        self._columns = [field.name for kind in self._types for field in dataclasses.fields(kind)]
        self._results: dict[RunT, ResultT] = {}
        if path.exists():
            self._read()

    @property
    def results(self) -> Mapping[RunT, ResultT]:
        """The results by their runs."""
        return MappingProxyType(self._results)

    def add(self, run: RunT, result: ResultT) -> None:
        """Add a row and write the file anew: whoever reads it finds the old rows or all.

        Raises
        ------
        DataError
            If the file cannot be written.
        """
        self._results[run] = result
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self._columns)
        for one in self._results.items():
            # `repr` of a float is read back as the same float.
            writer.writerow([value for part in one for value in _values(part)])
        part = self._path.with_name(f".{self._path.name}.{os.getpid()}.part")
        try:
            part.write_text(text.getvalue(), encoding="utf-8", newline="")
            os.replace(part, self._path)
        except OSError as error:
            raise DataError(f"{self._path} cannot be written: {error.strerror}") from error
        finally:
            part.unlink(missing_ok=True)

    def _read(self) -> None:
        try:
            with self._path.open(encoding="utf-8", newline="") as file:
                rows = list(csv.reader(file))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"{self._path} must be a CSV file: {error}") from error
        if not rows or rows[0] != self._columns:
            raise DataError(
                f"{self._path} must have the columns {', '.join(self._columns)}, "
                f"not {', '.join(rows[0]) if rows else 'none'}"
            )
        for line, row in enumerate(rows[1:], 2):
            run, result = self._parsed(row, line)
            if run in self._results:
                raise DataError(f"{self._path}, line {line}: each run must be there once: {run}")
            self._results[run] = result

    def _parsed(self, row: list[str], line: int) -> tuple[RunT, ResultT]:
        if len(row) != len(self._columns):
            raise DataError(
                f"{self._path}, line {line} must have {len(self._columns)} values, not {len(row)}"
            )
        texts, made = iter(row), list[Any]()
        for kind in self._types:
            values: list[Any] = []
            for field in dataclasses.fields(kind):
                text = next(texts)
                convert: Any = field.type
                try:
                    value = convert(text)
                except ValueError:
                    value = math.nan
                if isinstance(value, float) and not math.isfinite(value):
                    raise DataError(
                        f"{self._path}, line {line}: {field.name} must be a finite "
                        f"{convert.__name__}, not {text!r}"
                    )
                values.append(value)
            made.append(kind(*values))
        return made[0], made[1]


def _values(part: Any) -> list[str]:
    return [str(value) for value in dataclasses.astuple(part)]
