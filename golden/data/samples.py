"""Samples as a reader finds them: numbers, what is said of their classes, and where each stands."""

import dataclasses
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from golden.errors import DataError

__all__ = ["Labels", "Parts", "Samples", "check_finite", "row_place"]

Labels = npt.NDArray[np.int64] | tuple[str, ...]
"""Classes as the file has them: whole numbers [N], or N names."""

# What training computes in; larger numbers would become infinite.
_LARGEST = np.float64(np.finfo(np.float32).max)


@dataclasses.dataclass(frozen=True, eq=False)
class Samples:
    """Samples of one file, or of one folder.

    Parameters
    ----------
    x
        [N, features] floats, all finite.
    labels
        Their classes; None where the file does not say.
    name
        What the data is called in reports: the name of the file.
    place
        Says of a sample's number, from 0, where it stands: "cancer.csv, line 7".
    features
        Names of the columns of `x`; None where they have none.
    label
        Name of the column of the classes; None where it has none.
    """

    x: npt.NDArray[Any]
    labels: Labels | None
    name: str
    place: Callable[[int], str]
    features: tuple[str, ...] | None = None
    label: str | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Parts:
    """What one name of data leads to: samples, and test samples where they are told apart there."""

    train: Samples
    test: Samples | None = None


def row_place(path: object, first: int = 0) -> Callable[[int], str]:
    """Return the `place` of samples that are rows of an array, counted from `first`."""
    return lambda number: f"{path}, row {first + number}"


def check_finite(samples: Samples) -> Samples:
    """Return samples whose numbers training can take.

    Raises
    ------
    DataError
        If one is NaN, infinite or beyond float32; the message says where the first of them is.
    """
    x = samples.x
    with np.errstate(invalid="ignore"):
        odd = ~(np.abs(x) <= _LARGEST)
    if odd.any():
        row, column = (int(index) for index in np.argwhere(odd)[0])
        name = str(column) if samples.features is None else repr(samples.features[column])
        rows = int(cast(Any, odd.any(axis=1)).sum())
        more = f"; {rows} samples hold such values" if rows > 1 else ""
        raise DataError(
            f"{samples.place(row)}, column {name} must be a finite number of float32, "
            f"not {x[row, column]}{more}: leave such samples out, or fill them"
        )
    return samples
