"""Six constructions by degree: Sparse Neural Network Topologies, sections 3, 4.2, 4.3 and 4.6."""

import dataclasses
import statistics
from collections.abc import Mapping, Sequence

import torch
from torch import nn

from golden.data.datasets import Split
from golden.experiments.classifiers import dense_layer
from golden.experiments.experiment import Report, Settings
from golden.experiments.judgement import all_of, difference, rank_correlation
from golden.experiments.pictures import Point, curves_png
from golden.experiments.sparse_nets import CONSTRUCTIONS, construction, one_hidden_layer
from golden.experiments.trained import (
    Case,
    Effort,
    Trained,
    TrainingResult,
    TrainingRun,
    accuracies,
    by_case,
    curves,
)
from golden.experiments.wording import HOLDS, listed, percent, points, spread_note, table

__all__ = ["Constructions", "ConstructionsResult", "ConstructionsRun"]

_HIDDEN = 100
_DENSE = "dense"
_TENTH = _HIDDEN // 10
_MARGIN_POINTS = 1.0


@dataclasses.dataclass(frozen=True)
class ConstructionsRun(TrainingRun):
    """One network whose first layer has `degree` edges an input: all, or by a construction."""

    construction: str
    degree: int


@dataclasses.dataclass(frozen=True)
class ConstructionsResult(TrainingResult):
    """What came of a run, with what the learned weights of the first layer are like."""

    smallest: float
    largest: float
    deviation: float


class Constructions(Trained[ConstructionsRun, ConstructionsResult]):
    """How the six constructions of sparse layers compare, by degree (T1 to T10, T13, S5).

    Nets of 100 hidden neurons with ReLU, whose first layer is sparse or dense and whose last one is
    dense (S5). Every construction has the learning rate that suits it where an input has a tenth of
    the connections. About 4 core-minutes on mnist10k.
    """

    name = "constructions"
    run_type = ConstructionsRun
    result_type = ConstructionsResult
    pictures = ("constructions.png",)

    def __init__(self, settings: Settings) -> None:
        """Quick: two degrees, one rate and 20 steps."""
        quick = settings.quick
        degrees = (2, _TENTH) if quick else (1, 2, 5, _TENTH, 30)
        effort = Effort((0.01,), 20) if quick else Effort((0.003, 0.01), 400)
        super().__init__(settings, effort, [(_DENSE, _HIDDEN), *(
            (kind, degree) for kind in CONSTRUCTIONS for degree in degrees)])

    def rate_case(self, case: Case) -> Case:
        """Every construction has a rate."""
        return case if case[0] == _DENSE else (case[0], _TENTH)

    def network(self, run: ConstructionsRun, split: Split) -> nn.Module:
        """One hidden layer; the seed is that of connections and weights."""
        generator = torch.Generator().manual_seed(run.seed)
        if run.construction == _DENSE:
            return nn.Sequential(dense_layer(split.features, _HIDDEN, generator), nn.ReLU(),
                                 dense_layer(_HIDDEN, split.classes, generator))
        topology = construction(
            run.construction, split.features, _HIDDEN, run.degree, run.seed)
        return one_hidden_layer(topology, split.classes, generator)

    def described(self, run: ConstructionsRun, model: nn.Module) -> tuple[float, float, float]:
        """The weights of the first layer."""
        weight = next(parameter for name, parameter in model.named_parameters()
                      if name.endswith("weight")).detach()  # fmt: skip
        return float(weight.min()), float(weight.max()), float(weight.std())

    def report(self, results: Mapping[ConstructionsRun, ConstructionsResult]) -> Report:
        """Judge cliff, order and weights, for each dataset."""
        texts: list[str] = []
        panels: dict[str, dict[str, list[Point]]] = {}
        for data, found in by_case(self.tested(results)).items():
            scores = accuracies(found)
            texts += [_paragraph(data, found), _table(found)]
            panels[data] = curves(scores, lambda case: case[1], lambda case: case[0])
        picture = curves_png(panels, "edges of an input", "test accuracy, %",
                             spread_note(self.seeds))  # fmt: skip
        return Report("\n\n".join(texts) + "\n", {self.pictures[0]: picture})


_Found = Mapping[Case, Sequence[ConstructionsResult]]


def _paragraph(data: str, found: _Found) -> str:
    scores = accuracies(found)
    dense = scores[_DENSE, _HIDDEN]
    degrees = sorted({degree for kind, degree in found if kind != _DENSE})
    tenth = {kind: difference(scores[kind, _TENTH], dense) for kind in CONSTRUCTIONS}
    cliff = all_of(one.verdict(_MARGIN_POINTS) for one in tenth.values())
    lowest = min(tenth, key=lambda kind: tenth[kind].points)
    most = degrees[-1]
    above = [difference(scores[kind, most], dense) for kind in ("regular", "fibonacci")]
    means = {kind: _over_degrees(scores, kind, degrees) for kind in CONSTRUCTIONS}
    ranked = sorted(means, key=lambda kind: -statistics.mean(means[kind]))
    best = all_of(difference(means["fibonacci"], means[kind]).verdict()
                  for kind in CONSTRUCTIONS if kind != "fibonacci")  # fmt: skip
    second = all_of(difference(means["regular"], means[kind]).verdict()
                    for kind in CONSTRUCTIONS if kind not in ("fibonacci", "regular"))  # fmt: skip
    sparse = [(case[1], one.deviation) for case, results in found.items() if case[0] != _DENSE
              for one in results]  # fmt: skip
    falls = rank_correlation(*map(list, zip(*sparse, strict=True)))
    claim = {"yes": "no", "no": "yes", "undecided": "undecided"}[falls.verdict()]
    return (
        f"**{data}**: the dense net puts {percent(dense)} % of the test samples into the right "
        f"class. With a tenth of the connections {lowest} is the lowest of the six, "
        f"{points(tenth[lowest])} points from the dense net; that there is no cliff down to a "
        f"tenth (T9; at most {_MARGIN_POINTS:g} point lost by each) {HOLDS[cliff]}. With {most} "
        f"edges an input regular is {points(above[0])} and Fibonacci {points(above[1])} points "
        f"above the dense net; that both exceed it (T10) "
        f"{HOLDS[all_of(one.verdict() for one in above)]}. The means over all degrees come in the "
        f"order {listed(ranked)}; that Fibonacci is above all others (T10) {HOLDS[best]}, and that "
        f"regular is above the rest {HOLDS[second]}. The correlation of the degree with the "
        f"standard deviation of the learned weights is {falls}; that weights shrink as the degree "
        f"grows (T13) {HOLDS[claim]}."
    )


def _over_degrees(
    scores: Mapping[Case, Sequence[float]], kind: str, degrees: Sequence[int]
) -> list[float]:
    """The mean over all degrees, seed by seed."""
    groups = [scores[kind, degree] for degree in degrees]
    return [statistics.mean(seed) for seed in zip(*groups, strict=True)]


def _table(found: _Found) -> str:
    header = ("construction", "edges of an input", "parameters", "accuracy % (lowest to highest)",
              "smallest weight", "largest weight", "standard deviation")  # fmt: skip
    return table(header, [
        (*case, round(statistics.mean(one.parameters for one in results)),
         percent([one.accuracy for one in results]),
         *(f"{statistics.mean(getattr(one, field) for one in results):.3f}"
           for field in ("smallest", "largest", "deviation")))
        for case, results in found.items()])
