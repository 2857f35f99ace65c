"""Accuracy against the widths of weights, trained one sample a step in float and fixed point.

NeuroFabric (C14) calls sparsity orthogonal to quantisation, and the poster (N30) has training on
the chip. Both ask what narrow words cost a Clos net, beside a dense one, where it trains.
"""

import contextlib
import functools
from collections.abc import Mapping, Sequence

import torch
from torch import nn

from golden.data.datasets import Split, load
from golden.errors import DataError, ModelError
from golden.experiments.classifiers import Sizes, classifier, dense_parameters, parameters_of
from golden.experiments.experiment import Experiment, Report, Settings
from golden.experiments.precision_report import PICTURE, precision_report
from golden.experiments.precision_runs import FLOAT, Result, Run
from golden.experiments.precision_training import (
    Samples,
    fixed_accuracy,
    float_accuracy,
    ranges_of,
)
from golden.training.ranges import Ranges
from golden.training.scales import TrainingWidths

__all__ = ["Precision"]

_HIDDEN = 64
_REDUCTIONS = {"dense": 1.0, "Clos": 5.5}
_MOST_WEIGHT_BITS = 16  # As many as the multiplier of a torus takes by default.
_VALIDATION_PART = 0.2
_LEAST_SAMPLES = 10  # Of which some are held back.
_CHOICE_SEED = 0
_FULL_SEEDS = 5


class Precision(Experiment[Run, Result]):
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
        quick = settings.quick
        self.seeds = settings.seeds or (1 if quick else _FULL_SEEDS)
        self.rates = (0.01,) if quick else (0.003, 0.01, 0.03, 0.1)
        self.widths = (24, 10) if quick else (24, 16, 14, 12, 10, 8)
        self._epochs = 1 if quick else 2
        self._share = 20 if quick else 1
        self._sources: dict[str, str] = {}
        self._samples: dict[str, int] = {}
        for source in settings.data:
            split = _split(source)
            if split.name in self._sources:
                raise DataError(f"data must have different names, not {split.name} twice")
            least = _LEAST_SAMPLES * self._share
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
            self._sources[split.name] = source
            self._samples[split.name] = len(split.train_x) // self._share

    @property
    def total(self) -> int:
        """Number of runs in the end."""
        tests = self.seeds * (1 + 2 * len(self.widths))
        return len(self._sources) * len(_REDUCTIONS) * (len(self.rates) + tests)

    def plan(self, results: Mapping[Run, Result]) -> Sequence[Run]:
        """Return the choices of rates; when they are made, the tests too."""
        choices = [
            self._run("choice", data, kind, FLOAT, 0, rate, _CHOICE_SEED)
            for data in self._sources
            for kind in _REDUCTIONS
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
            self._run("test", data, kind, rounding, bits, best[data, kind].rate, seed)
            for data in self._sources
            for kind in _REDUCTIONS
            for seed in range(self.seeds)
            for rounding, bits in (
                (FLOAT, 0), *((how, bits) for bits in self.widths
                              for how in ("stochastic", "nearest")))
        ]

    def measure(self, run: Run) -> Result:
        """Train a net and score it: 0 where it does not stay finite in float."""
        split = _split(self._sources[run.data])
        train, test = _parts(split, run.purpose, run.samples)
        model = _network(split, run.kind, run.seed)
        if run.rounding == FLOAT:
            score = 0.0
            with contextlib.suppress(ModelError):  # Its outputs are not finite any more.
                score = float_accuracy(
                    model, train, test, rate=run.rate, epochs=run.epochs, seed=run.seed)
        else:
            widths = TrainingWidths(weight_bits=run.weight_bits, master_bits=run.master_bits)
            ranges = _ranges(self._sources[run.data], run.kind, run.samples, run.rate, run.seed)
            score = fixed_accuracy(
                model, ranges, train, test, widths=widths, rounding=run.rounding,
                epochs=run.epochs, seed=run.seed)
        return Result(parameters_of(model), score)

    def report(self, results: Mapping[Run, Result]) -> Report:
        """Say what narrow words cost: `precision_report`."""
        return precision_report(
            [(run, result) for run, result in results.items() if run.purpose == "test"])

    def _run(
        self, purpose: str, data: str, kind: str, rounding: str, bits: int, rate: float, seed: int
    ) -> Run:
        return Run(
            purpose, data, self._samples[data], kind, _HIDDEN, rounding, bits,
            min(bits, _MOST_WEIGHT_BITS), rate, self._epochs, seed,
        )  # fmt: skip


@functools.lru_cache(maxsize=2)
def _split(source: str) -> Split:
    return load(source)


@functools.lru_cache(maxsize=2)
def _ranges(source: str, kind: str, samples: int, rate: float, seed: int) -> Ranges:
    """The ranges of a net, which all its widths share."""
    split = _split(source)
    train, _ = _parts(split, "test", samples)
    return ranges_of(_network(split, kind, seed), train, rate, seed)


def _network(split: Split, kind: str, seed: int) -> nn.Sequential:
    sizes = Sizes(split.features, _HIDDEN, split.classes)
    return classifier(kind, sizes, int(dense_parameters(sizes) / _REDUCTIONS[kind]), seed)


def _parts(split: Split, purpose: str, samples: int) -> tuple[Samples, Samples]:
    """Samples and labels to train with, and to score."""
    x, labels = (torch.as_tensor(part)[:samples] for part in (split.train_x, split.train_y))
    if purpose == "test":
        return (x, labels), (torch.as_tensor(split.test_x), torch.as_tensor(split.test_y))
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    held = order[: int(_VALIDATION_PART * len(x))]
    rest = order[len(held) :]
    return (x[rest], labels[rest]), (x[held], labels[held])
