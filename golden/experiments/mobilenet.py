"""A MobileNet with Clos pointwise layers: NeuroFabric, section VIII and fig 6 (N3, N23)."""

import dataclasses
import statistics
from collections.abc import Mapping, Sequence

import torch
from torch import nn

from golden.data.datasets import Split
from golden.experiments.classifiers import dense_layer, parameters_of
from golden.experiments.experiment import Report, Settings
from golden.experiments.images import Images, Pooled, side_of
from golden.experiments.judgement import all_of, difference
from golden.experiments.pictures import Point, curves_png
from golden.experiments.trained import (
    Case,
    Effort,
    Trained,
    TrainingResult,
    TrainingRun,
    accuracies,
    by_case,
)
from golden.experiments.wording import HOLDS, percent, points, spread, spread_note, table
from golden.layers import ClosConv2d

__all__ = ["MobileNet", "MobileNetResult", "MobileNetRun"]

_DENSE: Case = (1.0,)
_FIRST = 64
_BLOCKS = ((64, 2), (128, 2), (128, 1), (256, 1))
"""Channels and stride of every depthwise layer and of the pointwise layer after it."""
_MARGIN_POINTS = 1.0


@dataclasses.dataclass(frozen=True)
class MobileNetRun(TrainingRun):
    """One network, with the dense pointwise weights for each one that it may have; 1 for dense."""

    reduction: float


@dataclasses.dataclass(frozen=True)
class MobileNetResult(TrainingResult):
    """What came of a run; the pointwise weights are those of the layers that are dense or Clos."""

    pointwise: int


class MobileNet(Trained[MobileNetRun, MobileNetResult]):
    """A MobileNet whose pointwise layers are Clos networks (N3, N23).

    A convolution, and four pairs of a depthwise and a pointwise layer of 64 to 256 channels, each
    with batch normalisation and ReLU. Pointwise layers have 4, 6, 11.4 or 17 times fewer weights;
    the paper's numbers are of whole nets, which are nearly all pointwise. Dense and Clos nets have
    a learning rate each.
    """

    name = "mobilenet"
    run_type = MobileNetRun
    result_type = MobileNetResult
    pictures = ("mobilenet.png",)

    def __init__(self, settings: Settings) -> None:
        """Quick: one reduction, one rate and 4 steps."""
        reductions = (6.0,) if settings.quick else (4.0, 6.0, 11.4, 17.0)
        effort = Effort((0.01,), 4) if settings.quick else Effort((0.003, 0.01), 150)
        super().__init__(settings, effort, [_DENSE, *((one,) for one in reductions)])
        for data in self.sources:
            side_of(self.split(data))

    def rate_case(self, case: Case) -> Case:
        """Dense nets have a rate, and Clos nets."""
        return case if case == _DENSE else (6.0,)

    def network(self, run: MobileNetRun, split: Split) -> nn.Module:
        """The whole net; the seed is that of the weights."""
        with torch.random.fork_rng():  # pyright: ignore[reportUnknownMemberType]
            torch.manual_seed(run.seed)  # pyright: ignore[reportUnknownMemberType]
            return _network(run.reduction, side_of(split), split.classes, run.seed)

    def described(self, run: MobileNetRun, model: nn.Module) -> tuple[int]:
        """Weights of the pointwise layers."""
        return (sum(parameters_of(one) for one in model.children() if _is_pointwise(one)),)

    def report(self, results: Mapping[MobileNetRun, MobileNetResult]) -> Report:
        """Compare Clos nets with the dense one, for each dataset."""
        texts: list[str] = []
        panels: dict[str, dict[str, list[Point]]] = {}
        for data, found in by_case(self.tested(results)).items():
            scores = accuracies(found)
            texts += [_paragraph(data, found), _table(found)]
            panels[data] = {"Clos or dense pointwise layers": [
                spread(found[case][0].parameters, values) for case, values in scores.items()]}
        picture = curves_png(panels, "parameters", "test accuracy, %", spread_note(self.seeds))
        return Report("\n\n".join(texts) + "\n", {self.pictures[0]: picture})


def _network(reduction: float, side: int, classes: int, seed: int) -> nn.Sequential:
    layers: list[nn.Module] = [
        Images(side), nn.Conv2d(1, _FIRST, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(_FIRST), nn.ReLU()]
    inputs = _FIRST
    for outputs, stride in _BLOCKS:
        layers += [
            nn.Conv2d(inputs, inputs, 3, stride=stride, padding=1, groups=inputs, bias=False),
            nn.BatchNorm2d(inputs), nn.ReLU(), _pointwise(inputs, outputs, reduction),
            nn.BatchNorm2d(outputs), nn.ReLU()]
        inputs = outputs
    last = dense_layer(inputs, classes, torch.Generator().manual_seed(seed))
    return nn.Sequential(*layers, Pooled(), last)


def _pointwise(inputs: int, outputs: int, reduction: float) -> nn.Module:
    if reduction == 1:
        return nn.Conv2d(inputs, outputs, 1, bias=False)
    return ClosConv2d.from_budget(inputs, outputs, reduction=reduction, kernel_size=1, bias=False)


def _is_pointwise(layer: nn.Module) -> bool:
    dense = isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1)
    return dense or isinstance(layer, ClosConv2d)


_Found = Mapping[Case, Sequence[MobileNetResult]]


def _paragraph(data: str, found: _Found) -> str:
    scores = accuracies(found)
    against = {case[0]: difference(values, scores[_DENSE])
               for case, values in scores.items() if case != _DENSE}  # fmt: skip
    first = min(against)
    said = ", ".join(f"{points(value)} with {one:g}" for one, value in against.items())
    return (
        f"**{data}**: the dense net reaches {percent(scores[_DENSE])} %. Clos nets are above it by "
        f"these points: {said} times fewer pointwise weights. That {first:g} times fewer raise the "
        f"accuracy (N23) {HOLDS[against[first].verdict()]}; that none loses more than "
        f"{_MARGIN_POINTS:g} point "
        f"{HOLDS[all_of(value.verdict(_MARGIN_POINTS) for value in against.values())]}."
    )


def _table(found: _Found) -> str:
    dense = found[_DENSE][0]
    header = ("times fewer asked for", "pointwise weights", "times fewer", "parameters",
              "times fewer", "accuracy % (lowest to highest)")  # fmt: skip
    return table(header, [
        (f"{case[0]:g}", rows[0].pointwise, f"{dense.pointwise / rows[0].pointwise:.1f}",
         rows[0].parameters, f"{dense.parameters / rows[0].parameters:.1f}",
         percent([one.accuracy for one in rows]))
        for case, rows in sorted(found.items(), key=lambda item: statistics.mean(item[0]))])
