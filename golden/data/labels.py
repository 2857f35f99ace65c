"""Classes: read as numbers or names, given numbers for training, and found again later."""

import re
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from golden.data.samples import Labels, Samples
from golden.errors import DataError

__all__ = ["class_count", "class_names", "class_numbers", "labels_of_array", "labels_of_texts"]

_WHOLE = re.compile(r"[+-]?\d{1,18}(\.0*)?")
_HOW = "a class is a whole number from 0, or a name"
_MOST_SHOWN = 10  # Classes that a message lists.


def labels_of_texts(
    texts: Sequence[str], column: str, place: Callable[[int], str]
) -> Labels:
    """Read the texts of a column of classes: all whole numbers, or all names.

    Parameters
    ----------
    texts
        One of each sample, without spaces around it.
    column
        Its name.
    place
        See `Samples`.

    Raises
    ------
    DataError
        If one is missing, a number is not whole, or there are numbers and names.
    """
    numbers: list[int] = []
    names = False
    for row, text in enumerate(texts):
        if not text:
            raise DataError(f"{place(row)}, column {column!r} must hold a class, but is empty")
        if _WHOLE.fullmatch(text):
            if names:
                raise _mixed(place(row), column, text, "a name, as in the samples before it")
            numbers.append(int(text.partition(".")[0]))
        elif _is_number(text):
            raise _not_whole(place(row), column, text)
        elif numbers:
            raise _mixed(place(row), column, text, "a number, as in the samples before it")
        else:
            names = True
    return tuple(texts) if names else np.array(numbers, np.int64)


def labels_of_array(array: npt.NDArray[Any], column: str, place: Callable[[int], str]) -> Labels:
    """Read an array [N] of classes: whole numbers, truth values or texts.

    Parameters, other shapes and errors as for `labels_of_texts`.
    """
    if array.ndim != 1 or not len(array):
        raise DataError(
            f"{column} must have shape [N], a class of each sample, not {list(array.shape)}"
        )
    if array.dtype.kind == "U":
        try:
            texts = [text.strip() for text in cast(list[str], array.tolist())]
        except ValueError as error:
            raise DataError(f"{column} must hold text: {error}") from error
        return labels_of_texts(texts, column, place)
    if array.dtype.kind == "f":
        wide = array.astype(np.float64)  # Smaller types do not hold the bound.
        for row in np.flatnonzero(~(np.floor(wide) == wide) | ~(np.abs(wide) < 2.0**53))[:1]:
            raise _not_whole(place(int(row)), column, str(array[row]))
    elif array.dtype.kind not in "biu":
        raise DataError(f"{column} must hold classes, whole numbers or text, not {array.dtype}")
    return array.astype(np.int64)


def class_names(samples: Samples) -> tuple[str, ...] | None:
    """Return the names of the classes that training samples have, in order; None of numbers.

    Names are ordered by their characters' code points. Numbers must be those from 0 on.

    Raises
    ------
    DataError
        If there is one class only, or numbers with one left out.
    """
    labels = samples.labels
    assert labels is not None
    if isinstance(labels, tuple):
        names = tuple(sorted(set(labels)))
        if len(names) < 2:
            raise DataError(
                f"{samples.name} must hold samples of 2 classes, not only {labels[0]!r}"
            )
        return names
    found = np.unique(labels)
    if found[0] < 0:
        row = int(np.flatnonzero(labels < 0)[0])
        raise DataError(f"{samples.place(row)}: its class must be 0 or more, not {labels[row]}")
    if len(found) < 2:
        raise DataError(f"{samples.name} must hold samples of 2 classes, not only {found[0]}")
    gaps = np.flatnonzero(found != np.arange(len(found)))
    if len(gaps):
        raise DataError(
            f"{samples.name} must hold samples of every class from 0 to {found[-1]}, but has none "
            f"of class {gaps[0]}: number the classes without gaps, or give them names"
        )
    return None


def class_count(samples: Samples) -> int:
    """Return how many classes samples with labels have: names, or numbers from 0."""
    labels = samples.labels
    assert labels is not None
    return len(set(labels)) if isinstance(labels, tuple) else int(labels.max()) + 1


def class_numbers(
    samples: Samples, names: tuple[str, ...] | None, classes: int
) -> npt.NDArray[np.int64]:
    """Return the class of each sample, int64 [N], by the classes that training has.

    Parameters
    ----------
    samples
        With labels.
    names
        What `class_names` gave.
    classes
        How many there are, where they have no names.

    Raises
    ------
    DataError
        If a sample has a class that is none of them.
    """
    labels = samples.labels
    assert labels is not None
    if names is None:
        if isinstance(labels, tuple):
            raise DataError(f"{_of(samples, 0)} must be 0 to {classes - 1}, not {labels[0]!r}")
        for row in np.flatnonzero((labels < 0) | (labels >= classes))[:1]:
            raise DataError(
                f"{_of(samples, int(row))} must be 0 to {classes - 1}, not {labels[row]}"
            )
        return labels
    if not isinstance(labels, tuple):
        raise DataError(f"{_of(samples, 0)} must be {_listed(names)}, not the number {labels[0]}")
    number = {name: index for index, name in enumerate(names)}
    for row, label in enumerate(labels):
        if label not in number:
            raise DataError(f"{_of(samples, row)} must be {_listed(names)}, not {label!r}")
    return np.array([number[label] for label in labels], np.int64)


def _of(samples: Samples, row: int) -> str:
    column = "" if samples.label is None else f", column {samples.label!r}"
    return f"{samples.place(row)}{column}: its class"


def _listed(names: Sequence[str]) -> str:
    if len(names) > _MOST_SHOWN:
        return f"one of the {len(names)} classes that the model was trained on"
    return f"one of {', '.join(names)}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _not_whole(place: str, column: str, text: str) -> DataError:
    return DataError(
        f"{place}, column {column!r} must hold a class, not {text}: {_HOW}; numbers to predict "
        "(regression) are not trained"
    )


def _mixed(place: str, column: str, text: str, wanted: str) -> DataError:
    return DataError(f"{place}, column {column!r} must hold {wanted}, not {text!r}: {_HOW}")
