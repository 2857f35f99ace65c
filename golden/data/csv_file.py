"""Samples in a `.csv` file: a header, and then a line for each sample."""

import csv
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from golden.data.columns import Columns, Wanted, choose_columns
from golden.data.labels import labels_of_texts
from golden.data.samples import Parts, Samples, check_finite
from golden.errors import DataError

__all__ = ["csv_header", "read_csv"]

_OTHER_SEPARATORS = ";\t|"
_MOST_SHOWN = 30  # Characters of a cell in a message.


def read_csv(path: Path, wanted: Wanted) -> Parts:
    """Read a table as RFC 4180 has it: UTF-8, commas, a header, and a sample a line.

    Spaces around a cell do not count, and neither do empty lines at the end.

    Raises
    ------
    DataError
        If the file is missing or something else, a line has more or fewer cells than the header, a
        cell of an input is no finite number, or the columns are not those that are wanted.
    """
    try:
        with _open(path) as file:
            return _read(path, csv.reader(file, strict=True), wanted)
    except MemoryError as error:
        raise DataError(f"{path} must fit into memory, and does not") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


def csv_header(path: Path) -> tuple[str, ...]:
    """Read the names of the columns; errors as for `read_csv`."""
    try:
        with _open(path) as file:
            return _header(path, csv.reader(file, strict=True))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


def _open(path: Path) -> Any:
    if path.exists() and not path.is_file():
        raise DataError(f"{path} must be a file, not a folder, a pipe or a device")
    return path.open(newline="", encoding="utf-8-sig")


def _read(path: Path, reader: Any, wanted: Wanted) -> Parts:
    header = _header(path, reader)
    columns = choose_columns(path, header, wanted)
    values = array("d")
    lines: list[int] = []
    texts: list[str] = []
    for row in _rows(path, reader, len(header)):
        cells = [row[place] for place in columns.places]
        try:
            values.extend(map(float, cells))
        except ValueError as error:
            raise _no_number(path, reader.line_num, columns, cells) from error
        if "_" in "".join(cells):  # Python's own way to write numbers, and nobody else's.
            raise _no_number(path, reader.line_num, columns, cells)
        lines.append(reader.line_num)
        if columns.label is not None:
            texts.append(row[columns.label].strip())
    if not lines:
        raise DataError(f"{path} must hold a sample after its header")

    def place(number: int) -> str:
        return f"{path}, line {lines[number]}"

    x = np.array(values, np.float64).reshape(len(lines), -1)
    label = None if columns.label is None else header[columns.label]
    labels = None if label is None else labels_of_texts(texts, label, place)
    return Parts(check_finite(Samples(x, labels, path.name, place, columns.features, label)))


def _rows(path: Path, reader: Any, width: int) -> Iterator[list[str]]:
    """Yield the rows after the header, each of so many cells."""
    empty = 0
    while (row := _next(path, reader)) is not None:
        if not row:
            empty = empty or reader.line_num
            continue
        if empty:
            raise DataError(f"{path}, line {empty} must hold a sample, but is empty")
        if len(row) != width:
            raise DataError(
                f"{path}, line {reader.line_num} must have {width} cells, as the header, not "
                f"{len(row)}"
            )
        yield row


def _header(path: Path, reader: Any) -> tuple[str, ...]:
    found = _next(path, reader)
    if not found:
        raise DataError(f"{path} must begin with a header, the names of its columns")
    header = tuple(cell.strip() for cell in found)
    if all(_is_number(cell) for cell in header):
        raise DataError(
            f"{path} must begin with a header, the names of its columns, not with the numbers "
            f"{_short(', '.join(header))}"
        )
    for separator in _OTHER_SEPARATORS:
        if len(header) == 1 and separator in header[0]:
            raise DataError(f"{path} must separate its columns by commas, not by {separator!r}")
    return header


def _next(path: Path, reader: Any) -> list[str] | None:
    try:
        return next(reader, None)
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num} must be CSV: {error}") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} must be text in UTF-8, but holds the byte {error.object[error.start]:#04x} "
            f"after line {reader.line_num}"
        ) from error


def _no_number(path: Path, line: int, columns: Columns, cells: list[str]) -> DataError:
    """Say which cell of a row is no number."""
    for name, cell in zip(columns.features, cells, strict=True):
        if not _is_number(cell):
            what = f"not {_short(cell)!r}" if cell.strip() else "but is empty"
            return DataError(
                f"{path}, line {line}, column {name!r} must be a number, {what}: leave the column "
                "out, or write its values as numbers"
            )
    raise AssertionError("one of the cells is none")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def _short(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."
