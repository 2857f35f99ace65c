"""Columns of a table: which one has the classes, and which are the inputs, in which order."""

import difflib
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from golden.errors import DataError

__all__ = ["Columns", "Wanted", "choose_columns"]

_MOST_SHOWN = 40  # Columns that a message lists.


class Wanted(NamedTuple):
    """What a command wants of the data that it reads.

    Attributes
    ----------
    label
        Name of the column of classes; None where there is none.
    must
        Whether that column must be there, as where a user asks for it.
    features
        Names of the input columns of a model, in order; None for those that there are.
    """

    label: str | None = None
    must: bool = False
    features: tuple[str, ...] | None = None


class Columns(NamedTuple):
    """Where the columns of a table are.

    Attributes
    ----------
    features
        Their names, in the order of the inputs.
    places
        The place of each in the table, from 0.
    label
        Place of the classes, or None.
    """

    features: tuple[str, ...]
    places: tuple[int, ...]
    label: int | None


def choose_columns(path: object, header: Sequence[str], wanted: Wanted) -> Columns:
    """Find the columns of a table.

    Parameters
    ----------
    path
        Of the table, for messages.
    header
        The names of all columns.
    wanted
        What is to be read.

    Raises
    ------
    DataError
        If a column has no name, two have one name, a column is missing, or one has no place.
    """
    for place, name in enumerate(header, 1):
        if not name:
            raise DataError(
                f"{path}: column {place} must have a name in the header; pandas writes its index "
                "so, unless it is told index=False"
            )
    for name, count in Counter(header).items():
        if count > 1:
            raise DataError(f"{path} must have one column {name!r}, not {count}")
    places = {name: place for place, name in enumerate(header)}
    if wanted.must and wanted.label not in places:
        raise DataError(_no_label(path, header, wanted.label or ""))
    label = None if wanted.label is None else places.get(wanted.label)
    features = tuple(name for name in header if places[name] != label)
    if wanted.features is not None:
        missing = [name for name in wanted.features if name not in places]
        odd = [name for name in features if name not in wanted.features]
        if missing or odd:
            what = f"has no {missing[0]!r}" if missing else f"has {odd[0]!r}, too"
            many = max(len(missing), len(odd))
            more = f" (and {many - 1} others)" if many > 1 else ""
            raise DataError(
                f"{path} must have the {len(wanted.features)} input columns that the model was "
                f"trained on, but {what}{more}"
            )
        features = wanted.features
    if not features:
        raise DataError(f"{path} must have columns of inputs beside {header[0]!r}")
    return Columns(features, tuple(places[name] for name in features), label)


def _no_label(path: object, header: Sequence[str], label: str) -> str:
    if len(header) <= _MOST_SHOWN:
        return f"label must be one of {', '.join(header)}, not {label!r}: the columns of {path}"
    near = difflib.get_close_matches(label, header, 1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return f"label must be one of the {len(header)} columns of {path}, not {label!r}{hint}"
