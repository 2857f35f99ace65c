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
from golden.system.files import write_bytes

__all__ = ["ResultTable"]

RunT = TypeVar("RunT")
ResultT = TypeVar("ResultT")


class ResultTable(Generic[RunT, ResultT]):
    """What is known of every run: one row each, in the order in which they were added.

    The columns are the fields of `run_type`, which tell a run from all others, then those of
    `result_type`. A file that is there already is read, so that no run has to be made twice. A last
    line without an end is no row, since its last number may be cut: it is left out.

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
        self._cut = ""
        if os.path.exists(path):
            self._read()

    @property
    def results(self) -> Mapping[RunT, ResultT]:
        """The results by their runs."""
        return MappingProxyType(self._results)

    @property
    def cut(self) -> str:
        """What the file had in the place of a last row, which was left out; "" if it is whole."""
        return self._cut

    def add(self, run: RunT, result: ResultT) -> None:
        """Add a row and write the file anew: whoever reads it finds the old rows or all.

        Raises
        ------
        DataError
            If the file cannot be written.
        """
        self._results[run] = result
        self.write()

    def write(self) -> None:
        """Write the file anew; errors as for `add`."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self._columns)
        for one in self._results.items():
            # `repr` of a float is read back as the same float.
            writer.writerow([value for part in one for value in _values(part)])
        write_bytes(self._path, text.getvalue().encode(), DataError)

    def _read(self) -> None:
        try:
            whole, end, cut = self._path.read_bytes().rpartition(b"\n")
            rows = list(csv.reader(io.StringIO((whole + end).decode(), newline=""), strict=True))
        except OSError as error:
            raise DataError(
                f"{self._path} cannot be read: {error.strerror or error}"
            ) from error
        except (UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"{self._path} must be a CSV file: {error}") from error
        self._cut = cut.decode(errors="replace")
        if not rows or rows[0] != self._columns:
            raise DataError(
                f"{self._path} must have the columns {', '.join(self._columns)}, "
                f"not {', '.join(rows[0]) if rows else 'none'}; remove it to begin anew"
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
