"""Accuracy against parameters, for dense and sparse networks: ClosNets, section II and fig 3."""

from collections.abc import Hashable, Mapping, Sequence

import torch

from golden.data.datasets import Split
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
from golden.experiments.experiment import Report, Settings
from golden.experiments.fitting import fit, score
from golden.experiments.learning_rates import CHOICE_SEED, ChosenRates, parts

__all__ = ["ClosAccuracy"]

_HIDDEN = 256
_BATCH = 128


class ClosAccuracy(ChosenRates[Run, Result]):
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
        super().__init__(settings)
        quick = settings.quick
        self.rates = (0.003, 0.01) if quick else (0.001, 0.003, 0.01, 0.03)
        self.reductions = (5.5,) if quick else (2.75, 5.5, 11.0, 22.0)
        self._steps = 60 if quick else 2000
        for data, source in self.sources.items():
            for kind, reduction in self._networks():
                try:
                    _network(self.split(data), kind, _HIDDEN, reduction, seed=0)
                except ModelError as error:
                    raise DataError(
                        f"data must have larger samples than those of {source}: {error}"
                    ) from error

    def choices(self) -> Sequence[Run]:
        """Every kind at the middle budget, with every rate."""
        return [
            self._run("choice", data, kind, self._middle(kind), rate, CHOICE_SEED)
            for data in self.sources
            for kind in KINDS
            for rate in self.rates
        ]

    def tests(self) -> Sequence[Run]:
        """Every network with every seed."""
        return [
            self._run("test", data, kind, reduction, 0.0, seed)
            for data in self.sources
            for kind, reduction in self._networks()
            for seed in range(self.seeds)
        ]

    def group(self, run: Run) -> Hashable:
        """Kinds have a rate each."""
        return run.data, run.kind

    def measure(self, run: Run) -> Result:
        """Train a network and score it."""
        split = self.split(run.data)
        model = _network(split, run.kind, run.hidden, run.reduction, run.seed)
        train, test = parts(split, run.purpose)
        loss = fit(model, *train, rate=run.rate, steps=run.steps, batch=run.batch, seed=run.seed)
        return Result(parameters_of(model), loss, score(model, *test))

    def report(self, results: Mapping[Run, Result]) -> Report:
        """Compare the kinds: `accuracy_report`."""
        return accuracy_report(self.tested(results), self.rates)

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
            purpose, data, len(self.split(data).train_x), kind, _HIDDEN, reduction, rate,
            self._steps, _BATCH, seed,
        )  # fmt: skip


def _network(
    split: Split, kind: str, hidden: int, reduction: float, seed: int
) -> torch.nn.Sequential:
    sizes = Sizes(split.features, hidden, split.classes)
    return classifier(kind, sizes, int(dense_parameters(sizes) / reduction), seed)
