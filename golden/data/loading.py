"""Data as commands use them: a split to train on, or samples as a trained model takes them."""

import dataclasses
import importlib
import math
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from golden.arguments import instance
from golden.data import datasets, idx, image_folder
from golden.data.arrays import read_npy_files, read_npz
from golden.data.columns import Wanted
from golden.data.csv_file import read_csv
from golden.data.labels import class_count, class_names, class_numbers
from golden.data.parquet_file import read_parquet
from golden.data.preparation import Preparation
from golden.data.samples import Parts, Samples
from golden.data.source import Source, kind_of, pair_of
from golden.errors import DataError

__all__ = ["Part", "load_part", "load_split"]


@dataclasses.dataclass(frozen=True, eq=False)
class Part:
    """Samples as a model takes them.

    Parameters
    ----------
    x
        Floats [N, features]; float32 where the model says how they are prepared.
    labels
        int64 [N], or None where the data do not say.
    name
        What they are called in reports.
    data
        Name of the data that they are a part of.
    """

    x: npt.NDArray[Any]
    labels: npt.NDArray[np.int64] | None
    name: str
    data: str

    def accuracy(self, outputs: npt.NDArray[Any]) -> float | None:
        """Part of the samples whose largest output [N, O] is their label; None without labels."""
        if self.labels is None:
            return None
        return float((outputs.argmax(axis=1) == self.labels).mean())


def load_split(source: Source | str, known: Preparation | None = None) -> datasets.Split:
    """Load data in a training and a test part.

    Parameters
    ----------
    source
        The data; a text is `Source.data`.
    known
        How a model that goes on was prepared: the same samples become the same inputs, and what
        the source does not say is as it was.

    Raises
    ------
    DataError
        If the data are not what they must be, do not say what their classes are, or are not those
        of a model that goes on.
    """
    source = _source(source)
    if known is not None:
        instance("known", known, Preparation, error=DataError)
    if kind_of(source.data) == "name":
        _check_own_parts(source)
        return datasets.load(source.data)
    if known is None:
        source.check_label()
    else:
        source = _completed(source, known)
    wanted = _wanted(source, known)
    parts = _read(source.data, wanted)
    train, test = parts.train, parts.test
    if source.test_data is not None:
        if test is not None:
            raise DataError(f"test_data must not be given: {source.data} has test samples")
        again = wanted._replace(features=train.features)
        test = _read(source.test_data, again).train
    elif test is not None and source.test_fraction is not None:
        raise DataError(f"test_fraction must not be given: {source.data} has test samples")
    _check_labels(source, train, test)
    names = class_names(train) if known is None else known.classes
    classes = class_count(train)
    train_y = class_numbers(train, names, classes)
    if test is None:
        chosen = _chosen(source, train_y)
        train_x, test_x = train.x[~chosen], train.x[chosen]
        train_y, test_y = train_y[~chosen], train_y[chosen]
    else:
        train_x, test_x, test_y = train.x, test.x, class_numbers(test, names, classes)
    if train_x.shape[1] != test_x.shape[1]:
        raise DataError(
            f"{source.test_data or source.data} must have test samples of {train_x.shape[1]} "
            f"values, as those to train on, not {test_x.shape[1]}"
        )
    preparation = _preparation(source, train, names, train_x) if known is None else known
    prepared = (preparation.apply(x) for x in (train_x, test_x))
    return datasets.Split(next(prepared), train_y, next(prepared), test_y, train.name, preparation)


def load_part(
    source: Source | str,
    part: Literal["train", "test"],
    known: Preparation | None,
    outputs: int,
) -> Part:
    """Load the samples that set the scales of a model ("train"), or those to run ("test").

    Files that tell the two apart, and those split by `Source.test_fraction`, give that part; others
    give all that they have.

    Parameters
    ----------
    source
        The data; a text is `Source.data`.
    part
        Which.
    known
        How the samples of the model were prepared, if it says.
    outputs
        Of the model.

    Raises
    ------
    DataError
        If the data are not what they must be, or not such as the model was trained on.
    """
    source = _source(source)
    if kind_of(source.data) == "name":
        _check_own_parts(source)
        split = datasets.load(source.data)
        if part == "train":
            return Part(split.train_x, split.train_y, f"{split.name} training split", split.name)
        return Part(split.test_x, split.test_y, f"{split.name} test split", split.name)
    parts = _read(source.data, _wanted(source, known))
    samples = parts.test if part == "test" and parts.test is not None else parts.train
    names = None if known is None else known.classes
    labels = None
    if samples.labels is not None:
        labels = class_numbers(samples, names, outputs)
    x, name = samples.x, samples.name
    if source.test_fraction is not None:
        if labels is None or parts.test is not None:
            why = "has no classes" if labels is None else "has test samples"
            raise DataError(f"test_fraction must not be given: {source.data} {why}")
        chosen = _chosen(source, labels)
        chosen = chosen if part == "test" else ~chosen
        x, labels = x[chosen], labels[chosen]
    if source.test_fraction is not None or parts.test is not None:
        name = f"{name} {'test' if part == 'test' else 'training'} split"
    return Part(x if known is None else known.apply(x), labels, name, samples.name)


def _source(source: Source | str) -> Source:
    if isinstance(source, Source):
        return source
    return Source(instance("source", source, str, error=DataError))


def _read(data: str, wanted: Wanted) -> Parts:
    """Read whatever kind of data it is."""
    kind, path = kind_of(data), Path(data)
    if kind == ".npy":
        return read_npy_files(*pair_of(data))
    if kind == ".npz":
        return read_npz(path, wanted)
    if kind == ".csv":
        return read_csv(path, wanted)
    if kind == ".parquet":
        return read_parquet(path, wanted)
    return idx.read_pair(path) if kind == "idx" else image_folder.read_images(path)


def _wanted(source: Source, known: Preparation | None) -> Wanted:
    """What to read; a column of classes must be there if the user names it."""
    kind = kind_of(source.data)
    if source.label is not None and not (source.is_table or kind == ".npz"):
        raise DataError(
            f"label must not be given with {source.data}: only tables and .npz files name what "
            "holds the classes"
        )
    if known is None:
        return Wanted(source.label, must=source.label is not None)
    label = known.label if source.label is None else source.label
    return Wanted(label, source.label is not None, known.features)


def _check_own_parts(source: Source) -> None:
    for name in ("label", "test_data", "test_fraction"):
        if getattr(source, name) is not None:
            raise DataError(
                f"{name} must not be given with {source.data}, which has classes and test samples "
                "of its own"
            )
    if source.standardise:
        raise DataError(f"standardise must not be given with {source.data}, whose pixels are so")


def _check_labels(source: Source, train: Samples, test: Samples | None) -> None:
    """Refuse data without classes, or without samples to test with."""
    for samples, data in ((train, source.data), (test, source.test_data or source.data)):
        if samples is not None and samples.labels is None:
            raise DataError(f"{data} must say what the classes of its samples are, to train on it")
    if test is None and source.test_fraction is None:
        raise DataError(
            "test_data and test_fraction must not both be left out: nothing else says which "
            f"samples of {source.data} test the model"
        )


def _chosen(source: Source, labels: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which samples are kept for testing, bool [N]: the same part of every class."""
    fraction = source.test_fraction or 0.0
    classes, counts = np.unique(labels, return_counts=True)
    tested = math.ceil(fraction * len(labels))
    if counts.min() < 2 or min(tested, len(labels) - tested) < len(classes):
        rarest = int(classes[counts.argmin()])
        raise DataError(
            f"test_fraction {fraction} of {len(labels)} samples must leave one of each of "
            f"{len(classes)} classes to train and to test, but {tested} test samples or the "
            f"{counts.min()} of class {rarest} are too few"
        )
    selection: Any = importlib.import_module("sklearn.model_selection")
    _, test = selection.train_test_split(
        np.arange(len(labels)), test_size=fraction, stratify=labels, random_state=source.seed
    )
    chosen = np.zeros(len(labels), np.bool_)
    chosen[test] = True
    return chosen


def _preparation(
    source: Source, train: Samples, names: tuple[str, ...] | None, x: npt.NDArray[Any]
) -> Preparation:
    fraction = source.test_fraction
    fields: dict[str, Any] = {
        "features": train.features,
        "label": train.label,
        "classes": names,
        "split": None if fraction is None else (fraction, source.seed),
    }
    return Preparation.fitted(x, **fields) if source.standardise else Preparation(**fields)


def _completed(source: Source, known: Preparation) -> Source:
    """Say of data what a model that goes on was trained with, and refuse what is not that."""
    if source.standardise and known.mean is None:
        raise DataError("standardise must not be given: the model was trained without it")
    if source.label is not None and source.label != known.label:
        raise DataError(
            f"label must be {known.label}, as the model was trained, not {source.label}"
        )
    if known.split is None:
        if source.test_fraction is not None:
            raise DataError("test_fraction must not be given: the model was trained without it")
        return source
    fraction, seed = known.split
    for name, was in (("test_fraction", fraction), ("split_seed", seed)):
        given = getattr(source, name)
        if given not in (None, was):
            raise DataError(f"{name} must be {was}, as the model was trained, not {given}")
    if source.test_data is not None:
        raise DataError(
            f"test_data must not be given: the model was tested with a part of its data, {fraction}"
        )
    return dataclasses.replace(source, test_fraction=fraction, split_seed=seed)
