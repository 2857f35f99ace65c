"""Samples in a `.parquet` file, by the package pyarrow."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from golden.data.columns import Columns, Wanted, choose_columns
from golden.data.labels import Labels, labels_of_array
from golden.data.samples import Parts, Samples, check_finite, row_place
from golden.errors import DataError

__all__ = ["read_parquet"]

_INDEX = "__index_level_"  # What pandas calls the columns of an index without a name.


def read_parquet(path: Path, wanted: Wanted) -> Parts:
    """Read a table; a sample a row, counted from 0.

    Raises
    ------
    DataError
        If pyarrow is missing, the file is missing or something else, a column of inputs holds
        something else than numbers, a value is missing, or the columns are not those wanted.
    """
    try:
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise DataError(
            f"{path} needs the package pyarrow to be read: pip install 'clostorus[data]'"
        ) from error
    try:
        if path.exists() and not path.is_file():
            raise DataError(f"{path} must be a file, not a folder, a pipe or a device")
        with path.open("rb") as file, parquet.ParquetFile(file) as table:
            header = tuple(str(name) for name in table.schema_arrow.names)
            _check_index(path, header)
            columns = choose_columns(path, header, wanted)
            _check_types(path, table.schema_arrow, header, columns)
            return Parts(_samples(path, header, columns, table.read()))
    except DataError:
        raise
    except MemoryError as error:
        raise DataError(f"{path} must fit into memory, and does not") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # A damaged file leads its reader to whatever error.
        reason = " ".join(str(error).split())
        raise DataError(f"{path} must be a whole Parquet file: {reason}") from error


def _check_index(path: Path, header: tuple[str, ...]) -> None:
    for name in header:
        if name.startswith(_INDEX):
            raise DataError(
                f"{path} must hold inputs and classes alone, but holds the index of pandas, "
                f"{name!r}: write it with index=False"
            )


def _check_types(path: Path, schema: Any, header: tuple[str, ...], columns: Columns) -> None:
    types: Any = importlib.import_module("pyarrow.types")
    for place in columns.places:
        kind = schema.types[place]
        if not (types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)):
            raise DataError(
                f"{path}, column {header[place]!r} must hold numbers, not {kind}: leave the column "
                "out, or write its values as numbers"
            )


def _samples(path: Path, header: tuple[str, ...], columns: Columns, table: Any) -> Samples:
    if not table.num_rows:
        raise DataError(f"{path} must hold a sample, but has no row")
    place = row_place(path)
    x = np.empty((table.num_rows, len(columns.places)), np.float64)
    for number, at in enumerate(columns.places):
        column = table.column(at)
        _check_whole(path, header[at], column)
        x[:, number] = column.to_numpy()
    labels: Labels | None = None
    label = None if columns.label is None else header[columns.label]
    if columns.label is not None and label is not None:
        column = table.column(columns.label)
        _check_whole(path, label, column)
        labels = labels_of_array(_classes(column), label, place)
    return check_finite(Samples(x, labels, path.name, place, columns.features, label))


def _check_whole(path: Path, name: str, column: Any) -> None:
    if column.null_count:
        row = column.is_null().to_pylist().index(True)
        raise DataError(
            f"{path}, row {row}, column {name!r} must hold a value, but is empty: leave such "
            "samples out, or fill them"
        )


def _classes(column: Any) -> npt.NDArray[Any]:
    values: list[object] = column.to_pylist()  # Of a dictionary, as pandas' categories, too.
    if all(isinstance(value, str) for value in values):
        return np.array(values, np.str_)
    return np.array(values)
