"""Samples to run, and those that set the scales of a net, as `golden.data.loading` reads them."""

import dataclasses
from pathlib import Path

from golden.data import datasets
from golden.data.loading import Part, load_part
from golden.data.preparation import Preparation
from golden.data.source import Source
from sw_driver.errors import DriverError

__all__ = ["check_features", "checked_count", "data_of", "first_samples"]


def data_of(given: Source | None, known: str | None, path: Path, purpose: str) -> Source:
    """Return the data that a command is to use: those given, or those that its file names.

    Parameters
    ----------
    given
        What the user asked for, or None.
    known
        The name of the data that the file knows, or None.
    path
        Of the file.
    purpose
        What the data are for, for the message: "that set the scales".

    Raises
    ------
    DriverError
        If none are given and the file names none that come with the program.
    """
    if given is not None:
        return given
    if known in datasets.NAMES:
        return Source(known)
    origin = (
        "does not say which data it was made from"
        if known is None
        else f"was made from {known}, which does not come with this program"
    )
    raise DriverError(f"data must name the samples {purpose}: {path} {origin}")


def check_features(samples: Part, features: int, path: Path) -> None:
    """Refuse samples of another size than a net's inputs.

    Raises
    ------
    DriverError
        The message names the data and the file.
    """
    if samples.x.shape[1] != features:
        raise DriverError(
            f"data must be samples of {features} values, the inputs of {path}, but {samples.name} "
            f"has {samples.x.shape[1]}"
        )


def first_samples(
    source: Source, count: int | None, known: Preparation | None, outputs: int
) -> Part:
    """Load the first `count` samples to run, or all.

    Parameters
    ----------
    source, known, outputs
        As `golden.data.loading.load_part`.
    count
        Samples wanted.

    Raises
    ------
    DriverError
        If there are fewer samples.
    GoldenError
        If the data are not what they must be.
    """
    samples = load_part(source, "test", known, outputs)
    if count is None:
        return samples
    count = checked_count(count, len(samples.x), source.data)
    labels = None if samples.labels is None else samples.labels[:count]
    return dataclasses.replace(samples, x=samples.x[:count], labels=labels)


def checked_count(count: int, available: int, data: str) -> int:
    """Return a number of samples that was asked for.

    Raises
    ------
    DriverError
        If there are fewer.
    """
    if count > available:
        raise DriverError(f"samples must be at most {available}, those of {data}, not {count}")
    return count
