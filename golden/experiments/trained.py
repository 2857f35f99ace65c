"""Experiments that train classifiers: what their runs, their results and their plans share."""

import abc
import dataclasses
import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

from torch import nn

from golden.data.datasets import Split
from golden.errors import DataError
from golden.experiments.accuracy_runs import Result
from golden.experiments.classifiers import parameters_of
from golden.experiments.experiment import Settings
from golden.experiments.fitting import fit, score
from golden.experiments.learning_rates import CHOICE_SEED, ChosenRates, parts
from golden.experiments.pictures import Point
from golden.experiments.wording import spread

__all__ = ["Case", "Effort", "Trained", "TrainingResult", "TrainingRun", "accuracies", "by_case",
           "curves"]  # fmt: skip

_WORST_LOSS = 1e6
_LEAST_SAMPLES = 10

Case = tuple[Any, ...]
"""The values of a run's own fields, those after the fields of `TrainingRun`."""


@dataclasses.dataclass(frozen=True)
class TrainingRun:
    """One network, trained once.

    Parameters
    ----------
    purpose
        "choice" of a learning rate, on a validation split, or "test".
    data, samples
        The dataset's name, and how many training samples it has in all.
    rate, steps, batch
        First learning rate, updates, and samples of each.
    seed
        Of weights, connections and the order of the samples.
    """

    purpose: str
    data: str
    samples: int
    rate: float
    steps: int
    batch: int
    seed: int

    @property
    def case(self) -> Case:
        """The values of the fields that an experiment has added."""
        return dataclasses.astuple(self)[len(dataclasses.fields(TrainingRun)) :]

    def __str__(self) -> str:
        """Write what tells runs of one experiment apart."""
        case = " ".join(f"{value:g}" if isinstance(value, float) else str(value)
                        for value in self.case)  # fmt: skip
        return f"{self.data}, {self.purpose}, {case}, rate {self.rate:g}, #{self.seed}"


@dataclasses.dataclass(frozen=True)
class TrainingResult(Result):
    """What came of a run; its loss is at most 10^6."""


RunT = TypeVar("RunT", bound=TrainingRun)
ResultT = TypeVar("ResultT", bound=TrainingResult)


@dataclasses.dataclass(frozen=True)
class Effort:
    """How long runs are, and which rates there are to choose from, the smallest first."""

    rates: tuple[float, ...]
    steps: int
    batch: int = 64


class Trained(ChosenRates[RunT, ResultT]):
    """Networks that Adam trains on cross-entropy, for as many steps each: `golden.experiments.fit`.

    Parameters
    ----------
    settings
        Data and seeds.
    effort
        Steps and rates of every run.
    cases
        Of the tests.

    Raises
    ------
    DataError
        As `ChosenRates`; if a dataset has fewer than 10 samples, or a network does not fit it.
    """

    def __init__(self, settings: Settings, effort: Effort, cases: Sequence[Case]) -> None:
        """Look at the data and at every network; see the class."""
        super().__init__(settings)
        self.effort, self.cases = effort, list(cases)
        for data, source in self.sources.items():
            samples = len(self.split(data).train_x)
            if samples < _LEAST_SAMPLES:
                raise DataError(
                    f"data must have at least {_LEAST_SAMPLES} training samples, not {samples} as "
                    f"{source} has"
                )

    @abc.abstractmethod
    def network(self, run: RunT, split: Split) -> nn.Module:
        """Make the network of a run, from [N, features] to scores [N, classes]."""

    def rate_case(self, case: Case) -> Case:
        """Return the case whose choice of a rate this one takes, by default its own."""
        return case

    def described(self, run: RunT, model: nn.Module) -> tuple[float | int | str, ...]:
        """Return the fields of the result that the experiment has added, after training."""
        del run, model
        return ()

    def choices(self) -> Sequence[RunT]:
        """Every case that has a rate of its own, with every rate."""
        return [
            self._run("choice", data, rate, CHOICE_SEED, case)
            for data in self.sources
            for case in dict.fromkeys(self.rate_case(case) for case in self.cases)
            for rate in self.effort.rates
        ]

    def tests(self) -> Sequence[RunT]:
        """Every case with every seed."""
        return [
            self._run("test", data, 0.0, seed, case)
            for data in self.sources
            for case in self.cases
            for seed in range(self.seeds)
        ]

    def group(self, run: RunT) -> Hashable:
        """The dataset, and the case whose rate is taken."""
        return run.data, self.rate_case(run.case)

    def measure(self, run: RunT) -> ResultT:
        """Train a network and score it."""
        split = self.split(run.data)
        model = self.network(run, split)
        train, test = parts(split, run.purpose)
        model.train()
        loss = fit(model, *train, rate=run.rate, steps=run.steps, batch=run.batch, seed=run.seed)
        model.eval()
        return self.result(model, loss, score(model, *test), *self.described(run, model))

    def result(
        self, model: nn.Module, loss: float, accuracy: float, *added: float | int | str
    ) -> ResultT:
        """Make the result of a run, with the fields that the experiment has added."""
        kind = cast(Callable[..., ResultT], self.result_type)
        finite = min(loss, _WORST_LOSS) if math.isfinite(loss) else _WORST_LOSS
        return kind(parameters_of(model), finite, accuracy, *added)

    def _run(self, purpose: str, data: str, rate: float, seed: int, case: Case) -> RunT:
        effort, samples = self.effort, len(self.split(data).train_x)
        kind = cast(Callable[..., RunT], self.run_type)
        return kind(purpose, data, samples, rate, effort.steps, effort.batch, seed, *case)


def by_case(rows: Iterable[tuple[RunT, ResultT]]) -> dict[str, dict[Case, list[ResultT]]]:
    """Return the results of all seeds of every case, by the name of the data and by the case."""
    found: dict[str, dict[Case, list[ResultT]]] = {}
    for run, result in rows:
        found.setdefault(run.data, {}).setdefault(run.case, []).append(result)
    return found


def accuracies(found: Mapping[Case, Sequence[TrainingResult]]) -> dict[Case, list[float]]:
    """Return the accuracies of all seeds by case."""
    return {case: [one.accuracy for one in results] for case, results in found.items()}


def curves(scores: Mapping[Case, Sequence[float]], x: Callable[[Case], float],
           name: Callable[[Case], str]) -> dict[str, list[Point]]:  # fmt: skip
    """Return a curve for each name, in percent, from the accuracies of all seeds by case."""
    found: dict[str, list[Point]] = {}
    for case, values in scores.items():
        found.setdefault(name(case), []).append(spread(x(case), values))
    return found
