"""Experiments on datasets: each group of runs has the rate that a validation split likes best."""

import abc
import dataclasses
import functools
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

from golden.data.datasets import Split, load
from golden.errors import DataError
from golden.experiments.experiment import Experiment, Settings

__all__ = ["CHOICE_SEED", "ChosenRates", "Samples", "parts", "split_of"]

RunT = TypeVar("RunT")
ResultT = TypeVar("ResultT")

CHOICE_SEED = 0
"""The seed of every run that chooses a learning rate."""

_FULL_SEEDS = 5
_VALIDATION_PART = 0.2

Samples = tuple[Tensor, Tensor]
"""Inputs float32 [N, features] and labels int64 [N]."""


class ChosenRates(Experiment[RunT, ResultT]):
    """Runs with the fields `purpose`, `data`, `rate` and `seed`; results with an `accuracy`.

    Runs of the purpose "choice" are trained on four fifths of the training samples and scored on
    the others, those of the purpose "test" on all of them and scored on the test samples. A test
    has the rate of the best choice of its group; of equal ones the smallest rate is taken.

    Parameters
    ----------
    settings
        Where data is, and how many seeds the tests have: 5 by default, quick 1.

    Attributes
    ----------
    seeds : int
        Of the tests.
    sources : dict of str to str
        What `golden.data.datasets.load` takes, by the datasets' names.

    Raises
    ------
    DataError
        If a dataset is missing or not what it says, or two have one name.
    """

    def __init__(self, settings: Settings) -> None:
        """Look at the data; see the class."""
        self.seeds = settings.seeds or (1 if settings.quick else _FULL_SEEDS)
        self.sources: dict[str, str] = {}
        for source in settings.data:
            split = split_of(source)
            if split.name in self.sources:
                raise DataError(f"data must have different names, not {split.name} twice")
            self.sources[split.name] = source

    @abc.abstractmethod
    def choices(self) -> Sequence[RunT]:
        """Return all runs that choose a rate; within a group, the smallest rate first."""

    @abc.abstractmethod
    def tests(self) -> Sequence[RunT]:
        """Return all tests, whose rates do not count yet."""

    @abc.abstractmethod
    def group(self, run: RunT) -> Hashable:
        """Return what the runs have in common that share a rate."""

    @property
    def total(self) -> int:
        """Number of runs in the end."""
        return len(self.choices()) + len(self.tests())

    def plan(self, results: Mapping[RunT, ResultT]) -> Sequence[RunT]:
        """Return the choices of rates; when they are made, the tests too."""
        choices = list(self.choices())
        if any(run not in results for run in choices):
            return choices
        best: dict[Hashable, Any] = {}
        for run in choices:
            rival = best.setdefault(self.group(run), run)
            if cast(Any, results[run]).accuracy > cast(Any, results[rival]).accuracy:
                best[self.group(run)] = run
        return choices + [
            dataclasses.replace(cast(Any, run), rate=best[self.group(run)].rate)
            for run in self.tests()
        ]

    def split(self, data: str) -> Split:
        """Return the dataset of this name."""
        return split_of(self.sources[data])

    @staticmethod
    def tested(results: Mapping[RunT, ResultT]) -> list[tuple[RunT, ResultT]]:
        """Return the tests among the results."""
        return [one for one in results.items() if cast(Any, one[0]).purpose == "test"]


@functools.lru_cache(maxsize=2)
def split_of(source: str) -> Split:
    """Load a dataset as `golden.data.datasets.load` does, and keep the last two."""
    return load(source)


def parts(split: Split, purpose: str, samples: int | None = None) -> tuple[Samples, Samples]:
    """Return what to train with, and what to score: see `ChosenRates` for what a purpose is.

    With `samples`, there are only so many training samples in all.
    """
    x, labels = (torch.as_tensor(part)[:samples] for part in (split.train_x, split.train_y))
    if purpose == "test":
        return (x, labels), (torch.as_tensor(split.test_x), torch.as_tensor(split.test_y))
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    held = order[: int(_VALIDATION_PART * len(x))]
    rest = order[len(held) :]
    return (x[rest], labels[rest]), (x[held], labels[held])
