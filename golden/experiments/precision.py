"""Accuracy against the widths of weights, trained one sample a step in float and fixed point.

NeuroFabric (C14) calls sparsity orthogonal to quantisation, and the poster (N30) has training on
the chip. Both ask what narrow words cost a Clos net, beside a dense one, where it trains.
"""

import contextlib
import functools
from collections.abc import Hashable, Mapping, Sequence

from torch import nn

from golden.data.datasets import Split
from golden.errors import DataError, ModelError
from golden.experiments.classifiers import Sizes, classifier, dense_parameters, parameters_of
from golden.experiments.experiment import Report, Settings
from golden.experiments.learning_rates import CHOICE_SEED, ChosenRates, parts, split_of
from golden.experiments.precision_report import PICTURE, precision_report
from golden.experiments.precision_runs import FLOAT, Result, Run
from golden.experiments.precision_training import fixed_accuracy, float_accuracy, ranges_of
from golden.training.ranges import Ranges
from golden.training.scales import TrainingWidths

__all__ = ["Precision"]

_HIDDEN = 64
_REDUCTIONS = {"dense": 1.0, "Clos": 5.5}
_MOST_WEIGHT_BITS = 16  # As many as the multiplier of a torus takes by default.
_LEAST_SAMPLES = 10  # Of which some are held back.


class Precision(ChosenRates[Run, Result]):
    """Nets of one hidden layer with ReLU, whose first matrix is dense or Clos.

    Each kind has the learning rate that gives the highest accuracy in float on a validation split,
    a fifth of the training samples. With it, all are trained on all training samples in float, and
    in fixed point with several widths of the stored weights, whose updates are rounded by random
    bits, as a torus does, or to nearest. Words of activations and gradients have 16 bits.

    Parameters
    ----------
    settings
        Quick: one rate, two widths and one seed, on a 20th of the samples.

    Raises
    ------
    DataError
        If a dataset is missing or not what it says, or two have one name; or its samples are too
        few or too small.
    """

    name = "precision"
    run_type = Run
    result_type = Result
    pictures = (PICTURE,)

    def __init__(self, settings: Settings) -> None:
        """Look at the data; see the class."""
        super().__init__(settings)
        quick = settings.quick
        self.rates = (0.01,) if quick else (0.003, 0.01, 0.03, 0.1)
        self.widths = (24, 10) if quick else (24, 16, 14, 12, 10, 8)
        self._epochs = 1 if quick else 2
        self._share = 20 if quick else 1
        least = _LEAST_SAMPLES * self._share
        for data, source in self.sources.items():
            split = self.split(data)
            if len(split.train_x) < least:
                raise DataError(
                    f"data must have at least {least} training samples, not {len(split.train_x)} "
                    f"as {source} has"
                )
            for kind in _REDUCTIONS:
                try:
                    _network(split, kind, seed=0)
                except ModelError as error:
                    raise DataError(
                        f"data must have larger samples than those of {source}: {error}"
                    ) from error

    def choices(self) -> Sequence[Run]:
        """Both kinds in float, with every rate."""
        return [
            self._run("choice", data, kind, FLOAT, 0, rate, CHOICE_SEED)
            for data in self.sources
            for kind in _REDUCTIONS
            for rate in self.rates
        ]

    def tests(self) -> Sequence[Run]:
        """Both kinds in float, and with every width and rounding, with every seed."""
        return [
            self._run("test", data, kind, rounding, bits, 0.0, seed)
            for data in self.sources
            for kind in _REDUCTIONS
            for seed in range(self.seeds)
            for rounding, bits in (
                (FLOAT, 0), *((how, bits) for bits in self.widths
                              for how in ("stochastic", "nearest")))
        ]

    def group(self, run: Run) -> Hashable:
        """Kinds have a rate each."""
        return run.data, run.kind

    def measure(self, run: Run) -> Result:
        """Train a net and score it: 0 where it does not stay finite in float."""
        split = self.split(run.data)
        train, test = parts(split, run.purpose, run.samples)
        model = _network(split, run.kind, run.seed)
        if run.rounding == FLOAT:
            score = 0.0
            with contextlib.suppress(ModelError):  # Its outputs are not finite any more.
                score = float_accuracy(
                    model, train, test, rate=run.rate, epochs=run.epochs, seed=run.seed)
        else:
            widths = TrainingWidths(weight_bits=run.weight_bits, master_bits=run.master_bits)
            ranges = _ranges(self.sources[run.data], run.kind, run.samples, run.rate, run.seed)
            score = fixed_accuracy(
                model, ranges, train, test, widths=widths, rounding=run.rounding,
                epochs=run.epochs, seed=run.seed)
        return Result(parameters_of(model), score)

    def report(self, results: Mapping[Run, Result]) -> Report:
        """Say what narrow words cost: `precision_report`."""
        return precision_report(self.tested(results))

    def _run(
        self, purpose: str, data: str, kind: str, rounding: str, bits: int, rate: float, seed: int
    ) -> Run:
        samples = len(self.split(data).train_x) // self._share
        return Run(
            purpose, data, samples, kind, _HIDDEN, rounding, bits, min(bits, _MOST_WEIGHT_BITS),
            rate, self._epochs, seed,
        )  # fmt: skip


@functools.lru_cache(maxsize=2)
def _ranges(source: str, kind: str, samples: int, rate: float, seed: int) -> Ranges:
    """The ranges of a net, which all its widths share."""
    split = split_of(source)
    train, _ = parts(split, "test", samples)
    return ranges_of(_network(split, kind, seed), train, rate, seed)


def _network(split: Split, kind: str, seed: int) -> nn.Sequential:
    sizes = Sizes(split.features, _HIDDEN, split.classes)
    return classifier(kind, sizes, int(dense_parameters(sizes) / _REDUCTIONS[kind]), seed)
