"""Data as a user names them: a name, a file or a folder, and what is to be made of it.

What is here looks at names, and at the beginning of tables, only; `golden.data.loading` reads.
"""

import dataclasses
import os
from pathlib import Path

from golden.arguments import instance
from golden.data import datasets, idx, image_folder
from golden.data.columns import Wanted, choose_columns
from golden.data.csv_file import csv_header
from golden.data.preparation import check_split
from golden.errors import DataError

__all__ = ["Source", "data_files", "kind_of"]

_SUFFIXES = (".npy", ".npz", ".csv", ".parquet")
_TABLES = (".csv", ".parquet")
_MOST_SHOWN = 40  # Columns that a message lists.
_FORMS = (
    f"must be one of {', '.join(datasets.NAMES)}, a .npy, .npz, .csv, .parquet or IDX file, "
    "or a directory of IDX files or of images"
)


@dataclasses.dataclass(frozen=True)
class Source:
    """What a user says of data.

    Parameters
    ----------
    data
        A name of `golden.data.datasets.NAMES`, a file, a folder, or a pair "x.npy,y.npy", as text;
        a `Path` becomes one.
    label
        Name of the column, or of the array, that has the classes.
    test_data
        Other data, of the same kind, to test with.
    test_fraction, split_seed
        The part of the samples that is kept for testing, and what chooses them, by default 0.
    standardise
        Whether each input is to have a mean of 0 and a deviation of 1.

    Raises
    ------
    DataError
        If these do not go together, or not with the kind of data.
    """

    data: str
    label: str | None = None
    test_data: str | None = None
    test_fraction: float | None = None
    split_seed: int | None = None
    standardise: bool = False

    def __post_init__(self) -> None:
        """Check what can be said without looking; see the class."""
        for name in ("data", "test_data", "label"):
            value: object = getattr(self, name)
            if isinstance(value, Path) and name != "label":
                object.__setattr__(self, name, str(value))
            elif value is not None or name == "data":
                instance(name, value, str, error=DataError)
        instance("standardise", self.standardise, bool, error=DataError)
        if self.data in datasets.NAMES:
            for name in ("label", "test_data", "test_fraction"):
                if getattr(self, name) is not None:
                    raise DataError(
                        f"{name} must not be given with {self.data}, which has classes and test "
                        "samples of its own"
                    )
        if self.test_fraction is None and self.split_seed is not None:
            raise DataError("split_seed and test_fraction must be given together")
        if self.test_fraction is not None:
            if self.test_data is not None:
                raise DataError("test_data and test_fraction must not both be given")
            check_split(self.test_fraction, self.seed)

    @property
    def seed(self) -> int:
        """What chooses the samples to test with."""
        return 0 if self.split_seed is None else self.split_seed

    def check_label(self) -> None:
        """Refuse a table to train on whose classes are in no column that is named.

        Raises
        ------
        DataError
            If so. The message lists the columns of a `.csv`.
        """
        kind = kind_of(self.data)
        if kind in _TABLES and self.label is None:
            names = csv_header(Path(self.data)) if kind == ".csv" else ()
            listed = f", one of {', '.join(names)}" if 0 < len(names) <= _MOST_SHOWN else ""
            raise DataError(f"label must name the column of classes of {self.data}{listed}")

    def check(self) -> None:
        """Refuse files that are not there, a header that is none, and a label not in it.

        Raises
        ------
        DataError
            If so.
        """
        for field in ("data", "test_data"):
            data: str | None = getattr(self, field)
            if data is None:
                continue
            paths = data_files(data, field)
            if kind_of(data) == ".csv":
                header = csv_header(paths[0])
                if self.label is not None:
                    choose_columns(paths[0], header, Wanted(self.label, must=True))

    @property
    def is_table(self) -> bool:
        """Whether the classes are in a column that has to be named."""
        return kind_of(self.data) in _TABLES


def kind_of(data: str, field: str = "data") -> str:
    """Say how data are read: "name", ".npy", ".npz", ".csv", ".parquet", "idx" or "images".

    A directory of IDX files is of kind "name" too: it holds classes and test samples of its own.
    Messages say `field`.

    Raises
    ------
    DataError
        If there is no such thing, or it is nothing that is read.
    """
    if "\0" in data:
        raise DataError(f"{field} must be a name or a path, not {data!r}")
    if data in datasets.NAMES:
        return "name"
    path = Path(data)
    if _is_pair(data):
        return ".npy"
    if path.suffix in _SUFFIXES:
        return path.suffix
    if os.path.isdir(path):
        return "name" if idx.is_idx_folder(path) else "images"
    if idx.is_idx_file(path):
        return "idx"
    raise DataError(f"{field} {_FORMS}, not {data!r}; {idx.HOW_TO_GET}")


def pair_of(data: str) -> tuple[Path, Path | None]:
    """Split "x.npy,y.npy" into its two files; a file that is there may have a comma in its name."""
    if not _is_pair(data):
        return Path(data), None
    first, _, second = data.partition(",")
    if not second.endswith(".npy") or "," in second:
        raise DataError(f"data must be x.npy,y.npy, inputs and their classes, not {data!r}")
    return Path(first), Path(second)


def _is_pair(data: str) -> bool:
    return data.partition(",")[0].endswith(".npy") and "," in data and not os.path.exists(data)


def data_files(data: str, field: str = "data") -> tuple[Path, ...]:
    """Return the files that are read for data; none for the digits, which scikit-learn holds.

    Raises
    ------
    DataError
        As `kind_of`, or if a folder does not hold what it must.
    """
    kind = kind_of(data, field)
    if kind == "name":
        return datasets.files(data)
    if kind == "images":
        return image_folder.files(Path(data))
    if kind == "idx":
        return idx.pair_files(Path(data))
    if kind == ".npy":
        return tuple(path for path in pair_of(data) if path is not None)
    return (Path(data),)
