"""Training that grows denser: The Power of Sparsity in CNNs, sections 3.2.1 and 5.3 (S6)."""

import dataclasses
import statistics
from collections.abc import Mapping, Sequence

import torch
from torch import nn

from golden.data.datasets import Split
from golden.experiments.classifiers import dense_layer
from golden.experiments.experiment import Report, Settings
from golden.experiments.fitting import last_tenth, score, training_steps
from golden.experiments.judgement import all_of, difference, paired
from golden.experiments.learning_rates import Samples, parts
from golden.experiments.pictures import Point, curves_png
from golden.experiments.sparse_nets import construction, one_hidden_layer
from golden.experiments.trained import Case, Effort, Trained, TrainingResult, TrainingRun, by_case
from golden.experiments.wording import HOLDS, percent, points, spread, spread_note, table
from golden.techniques import Densification

__all__ = ["Incremental", "IncrementalResult", "IncrementalRun"]

_HIDDEN = 100
_FULL: Case = (0, "full")
_START_DEGREE = 1  # Of 100: a density of 1 %.
_LOOK_STEPS = 5
_LOOK_SAMPLES = 500
_MARGIN_POINTS = 1.0
_FAST_PART = 0.5


@dataclasses.dataclass(frozen=True)
class IncrementalRun(TrainingRun):
    """One network.

    Parameters
    ----------
    period_steps
        Steps between two growths; 0 for a dense net.
    new_values
        "zero" or "initial" values of new connections, or "full" for a dense net.
    """

    period_steps: int
    new_values: str


@dataclasses.dataclass(frozen=True)
class IncrementalResult(TrainingResult):
    """What came of a run.

    Parameters
    ----------
    growths
        How often the net grew.
    dip
        Accuracy that a growth took at once, mean over growths, on some of the samples that the net
        is scored on.
    recovery_steps
        Until the accuracy was what it was before a growth, mean over growths; one that was not
        until the next growth counts as its period.
    """

    growths: int
    dip: float
    recovery_steps: float


class Incremental(Trained[IncrementalRun, IncrementalResult]):
    """Whether nets that begin with 1 % of their connections catch up with dense ones (S6).

    Nets 784-100-10 whose first layer doubles its connections every period until it is dense, with
    new connections at 0 or at initial values. Dense and growing nets have a learning rate each.
    """

    name = "incremental"
    run_type = IncrementalRun
    result_type = IncrementalResult
    pictures = ("incremental.png",)

    def __init__(self, settings: Settings) -> None:
        """Quick: one period, one rate and 60 steps."""
        quick = settings.quick
        periods = (10,) if quick else (25, 50, 100)
        effort = Effort((0.01,), 80) if quick else Effort((0.003, 0.01), 800)
        super().__init__(settings, effort, [_FULL, *(
            (period, values) for period in periods for values in ("zero", "initial"))])
        self._middle = periods[len(periods) // 2]

    def rate_case(self, case: Case) -> Case:
        """Dense nets have a rate, and those that grow."""
        return case if case == _FULL else (self._middle, "zero")

    def network(self, run: IncrementalRun, split: Split) -> nn.Module:
        """One hidden layer, as it begins; the seed is that of connections and weights."""
        generator = torch.Generator().manual_seed(run.seed)
        if run.case == _FULL:
            return nn.Sequential(dense_layer(split.features, _HIDDEN, generator), nn.ReLU(),
                                 dense_layer(_HIDDEN, split.classes, generator))
        topology = construction(
            "random-regular", split.features, _HIDDEN, _START_DEGREE, run.seed)
        return one_hidden_layer(topology, split.classes, generator)

    def measure(self, run: IncrementalRun) -> IncrementalResult:
        """Train a network, look at it around every growth, and score it."""
        split = self.split(run.data)
        model = self.network(run, split)
        train, test = parts(split, run.purpose)
        optimiser = torch.optim.Adam(model.parameters(), lr=run.rate)
        growth = None
        if run.case != _FULL:
            growth = Densification(model, optimiser, every_steps=run.period_steps,
                                   new_values=run.new_values, seed=run.seed)  # fmt: skip
        watch = _Watch(model, test, run.period_steps)
        losses: list[float] = []
        for loss in training_steps(
            model, optimiser, *train, steps=run.steps, batch=run.batch, seed=run.seed
        ):
            losses.append(loss)
            if growth is not None:
                watch.step(growth)
        return self.result(model, last_tenth(losses), score(model, *test), *watch.described())

    def report(self, results: Mapping[IncrementalRun, IncrementalResult]) -> Report:
        """Judge the ends and the dips, for each dataset."""
        texts: list[str] = []
        panels: dict[str, dict[str, list[Point]]] = {}
        for data, found in by_case(self.tested(results)).items():
            texts += [_paragraph(data, found), _table(found)]
            curves = panels.setdefault(f"{data}: dip of a growth", {})
            ends = panels.setdefault(f"{data}: points below the dense net in the end", {})
            for case, rows in found.items():
                if case != _FULL:
                    curves.setdefault(case[1], []).append(
                        spread(case[0], [one.dip for one in rows]))
                    ends.setdefault(case[1], []).append(spread(case[0], [
                        full.accuracy - one.accuracy
                        for full, one in zip(found[_FULL], rows, strict=True)]))
        picture = curves_png(
            panels, "steps between growths", "points", spread_note(self.seeds))
        return Report("\n\n".join(texts) + "\n", {self.pictures[0]: picture})


class _Watch:
    """Accuracies around the growths of a model, on some samples."""

    def __init__(self, model: nn.Module, samples: Samples, period_steps: int) -> None:
        self._model, self._period_steps = model, period_steps
        self._x, self._labels = (part[:_LOOK_SAMPLES] for part in samples)
        self._dips: list[float] = []
        self._recoveries: list[int | None] = []
        self._before, self._since = 0.0, 0

    def step(self, growth: Densification) -> None:
        """Count a step of the training, grow where it is time, and look where it matters."""
        due = (growth.steps + 1) % self._period_steps == 0
        before = self._accuracy() if due else 0.0
        if growth.step():
            self._before = before
            self._dips.append(before - self._accuracy())
            self._recoveries.append(0 if self._dips[-1] <= 0 else None)
            self._since = growth.steps
        elif self._recoveries and self._recoveries[-1] is None:
            passed = growth.steps - self._since
            if passed % _LOOK_STEPS == 0 and self._accuracy() >= self._before:
                self._recoveries[-1] = passed

    def described(self) -> tuple[int, float, float]:
        """Growths, their mean dip, and the mean steps until it was made good."""
        if not self._dips:
            return 0, 0.0, 0.0
        passed = [self._period_steps if one is None else one for one in self._recoveries]
        return len(self._dips), statistics.mean(self._dips), statistics.mean(passed)

    def _accuracy(self) -> float:
        return score(self._model, self._x, self._labels)


_Found = Mapping[Case, Sequence[IncrementalResult]]


def _paragraph(data: str, found: _Found) -> str:
    full = [one.accuracy for one in found[_FULL]]
    grown = {case: rows for case, rows in found.items() if case != _FULL}
    ends = {case: difference([one.accuracy for one in rows], full)
            for case, rows in grown.items()}  # fmt: skip
    worst = min(ends, key=lambda case: ends[case].points)
    parts_of_period = {case: [one.recovery_steps / case[0] for one in rows]
                       for case, rows in grown.items()}  # fmt: skip
    fast = all_of(difference([_FAST_PART] * len(values), values).verdict()
                  for values in parts_of_period.values())  # fmt: skip
    slowest = max(parts_of_period, key=lambda case: statistics.mean(parts_of_period[case]))
    dips = {values: [statistics.mean(seed) for seed in zip(*(
        [one.dip for one in rows] for case, rows in grown.items() if case[1] == values),
        strict=True)] for values in ("zero", "initial")}  # fmt: skip
    more = paired(dips["initial"], dips["zero"])
    return (
        f"**{data}**: the dense net reaches {percent(full)} %. Of the nets that begin with 1 % of "
        f"the connections, the one with a period of {worst[0]} steps and new connections at "
        f"{worst[1]} values ends lowest, {points(ends[worst])} points from the dense one; that all "
        f"catch up with it (S6; at most {_MARGIN_POINTS:g} point lower) "
        f"{HOLDS[all_of(one.verdict(_MARGIN_POINTS) for one in ends.values())]}. A dip of "
        "accuracy is made good after "
        f"{statistics.mean(parts_of_period[slowest]):.2f} of a period where that takes longest "
        f"({slowest[0]} steps, {slowest[1]} values); that dips recover fast (S6; in half a period) "
        f"{HOLDS[fast]}. A growth costs {percent(dips['initial'])} points at once "
        f"with initial values and {percent(dips['zero'])} with 0; that initial values are what "
        f"makes accuracy drop sharply {HOLDS[more.verdict()]}: the difference is {points(more)} "
        "points."
    )


def _table(found: _Found) -> str:
    header = ("new connections", "steps between growths", "growths", "parameters in the end",
              "accuracy % (lowest to highest)", "points lost by a growth",
              "steps until made good")  # fmt: skip
    return table(header, [
        (case[1], case[0] or "", round(statistics.mean(one.growths for one in rows)),
         round(statistics.mean(one.parameters for one in rows)),
         percent([one.accuracy for one in rows]),
         *(("", "") if case == _FULL else (
             f"{100 * statistics.mean(one.dip for one in rows):.2f}",
             f"{statistics.mean(one.recovery_steps for one in rows):.1f}")))
        for case, rows in found.items()])
