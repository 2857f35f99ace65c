"""Accuracy against parameters, for dense and sparse networks: ClosNets, section II and fig 3."""

import functools
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from golden.data.datasets import Split, load
from golden.errors import DataError, ModelError
from golden.experiments.accuracy_report import PICTURE, accuracy_report
from golden.experiments.accuracy_runs import Result, Run
from golden.experiments.classifiers import (
    KINDS,
    Sizes,
    classifier,
    dense_parameters,
    parameters_of,
)
from golden.experiments.experiment import Experiment, Report, Settings
from golden.experiments.fitting import fit, score

__all__ = ["ClosAccuracy"]

_HIDDEN = 256
_BATCH = 128
_VALIDATION_PART = 0.2
_CHOICE_SEED = 0
_FULL_SEEDS = 5


class ClosAccuracy(Experiment[Run, Result]):
    """Networks of one hidden layer with ReLU, whose first matrix is dense or sparse.

    The paper gives no sizes; these have 256 hidden neurons, and the kinds and budgets of
    `classifier`. Each kind is trained at its own learning rate: that of the highest accuracy on a
    validation split, a fifth of the training samples, at the middle budget. The tests are trained
    on all training samples. Adam for 2000 steps of 128 samples stands for the paper's 50 epochs.

    Parameters
    ----------
    settings
        Quick: two rates, one budget and 60 steps, with one seed.

    Raises
    ------
    DataError
        If a dataset is missing or not what it says, or two have one name.
    ModelError
        If a dataset's samples are so small that a budget leaves nothing.
    """

    name = "clos-accuracy"
    run_type = Run
    result_type = Result
    pictures = (PICTURE,)

    def __init__(self, settings: Settings) -> None:
        """Look at the data and at every network; see the class."""
        quick = settings.quick
        self.seeds = settings.seeds or (1 if quick else _FULL_SEEDS)
        self.rates = (0.003, 0.01) if quick else (0.001, 0.003, 0.01, 0.03)
        self.reductions = (5.5,) if quick else (2.75, 5.5, 11.0, 22.0)
        self._steps = 60 if quick else 2000
        self._sources: dict[str, str] = {}
        self._samples: dict[str, int] = {}
        for source in settings.data:
            split = _split(source)
            if split.name in self._sources:
                raise DataError(f"data must have different names, not {split.name} twice")
            self._sources[split.name], self._samples[split.name] = source, len(split.train_x)
            for kind, reduction in self._networks():
                try:
                    _network(split, kind, _HIDDEN, reduction, seed=0)
                except ModelError as error:
                    raise DataError(
                        f"data must have larger samples than those of {source}: {error}"
                    ) from error

    @property
    def total(self) -> int:
        """Number of runs in the end."""
        choices = len(KINDS) * len(self.rates)
        return len(self._sources) * (choices + len(self._networks()) * self.seeds)

    def plan(self, results: Mapping[Run, Result]) -> Sequence[Run]:
        """Return the choices of rates; when they are made, the tests too."""
        choices = [
            self._run("choice", data, kind, self._middle(kind), rate, _CHOICE_SEED)
            for data in self._sources
            for kind in KINDS
            for rate in self.rates
        ]
        if any(run not in results for run in choices):
            return choices
        best: dict[tuple[str, str], Run] = {}
        for run in choices:  # Of equal ones the first, which has the smallest rate.
            rival = best.setdefault((run.data, run.kind), run)
            if results[run].accuracy > results[rival].accuracy:
                best[run.data, run.kind] = run
        return choices + [
            self._run("test", data, kind, reduction, best[data, kind].rate, seed)
            for data in self._sources
            for kind, reduction in self._networks()
            for seed in range(self.seeds)
        ]

    def measure(self, run: Run) -> Result:
        """Train a network and score it."""
        split = _split(self._sources[run.data])
        model = _network(split, run.kind, run.hidden, run.reduction, run.seed)
        train, test = _parts(split, run.purpose)
        loss = fit(model, *train, rate=run.rate, steps=run.steps, batch=run.batch, seed=run.seed)
        return Result(parameters_of(model), loss, score(model, *test))

    def report(self, results: Mapping[Run, Result]) -> Report:
        """Compare the kinds: `accuracy_report`."""
        return accuracy_report(
            [(run, result) for run, result in results.items() if run.purpose == "test"],
            self.rates,
        )

    def _networks(self) -> list[tuple[str, float]]:
        """Kinds and reductions of all networks."""
        return [
            (kind, reduction)
            for kind in KINDS
            for reduction in ((1.0,) if kind == "dense" else self.reductions)
        ]

    def _middle(self, kind: str) -> float:
        return 1.0 if kind == "dense" else self.reductions[len(self.reductions) // 2 - 1]

    def _run(
        self, purpose: str, data: str, kind: str, reduction: float, rate: float, seed: int
    ) -> Run:
        return Run(
            purpose, data, self._samples[data], kind, _HIDDEN, reduction, rate, self._steps,
            _BATCH, seed,
        )  # fmt: skip


@functools.lru_cache(maxsize=2)
def _split(source: str) -> Split:
    return load(source)


def _network(
    split: Split, kind: str, hidden: int, reduction: float, seed: int
) -> torch.nn.Sequential:
    sizes = Sizes(split.features, hidden, split.classes)
    return classifier(kind, sizes, int(dense_parameters(sizes) / reduction), seed)


def _parts(split: Split, purpose: str) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Samples and labels to train with, and to score."""
    x, labels = torch.as_tensor(split.train_x), torch.as_tensor(split.train_y)
    if purpose == "test":
        return (x, labels), (torch.as_tensor(split.test_x), torch.as_tensor(split.test_y))
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    held = order[: int(_VALIDATION_PART * len(x))]
    rest = order[len(held) :]
    return (x[rest], labels[rest]), (x[held], labels[held])
