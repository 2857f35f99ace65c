"""Dropout beside sparsity: Sparse Neural Network Topologies, section 4.4 (T11)."""

import dataclasses
from collections.abc import Mapping

import torch
from torch import nn

from golden.data.datasets import Split
from golden.experiments.classifiers import dense_layer
from golden.experiments.experiment import Report, Settings
from golden.experiments.judgement import difference, paired
from golden.experiments.pictures import Point, curves_png
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
from golden.experiments.wording import HOLDS, percent, points, spread_note, table
from golden.layers import SparseCascade
from golden.topologies import random_regular_mask

__all__ = ["Dropout", "DropoutRun"]

_HIDDEN = (500, 300)
_DROPPED = (0.2, 0.5)
_MARGIN_POINTS = 0.5


@dataclasses.dataclass(frozen=True)
class DropoutRun(TrainingRun):
    """One network that keeps a part of its connections, with dropout or without."""

    density: float
    dropout: str


class Dropout(Trained[DropoutRun, TrainingResult]):
    """Whether dropout gives a sparse net as much as a dense one (T11).

    Nets 784-500-300-10, dense or with 30 % random connections in the first two layers, without
    dropout or with 0.2 of the inputs and 0.5 of the hidden values dropped. Each of the four has a
    learning rate of its own.
    """

    name = "dropout"
    run_type = DropoutRun
    result_type = TrainingResult
    pictures = ("dropout.png",)

    def __init__(self, settings: Settings) -> None:
        """Quick: one rate and 10 steps."""
        effort = Effort((0.003,), 10) if settings.quick else Effort((0.001, 0.003), 400)
        super().__init__(settings, effort, [
            (density, dropout) for density in (1.0, 0.3) for dropout in ("none", "0.2/0.5")])

    def network(self, run: DropoutRun, split: Split) -> nn.Module:
        """Two hidden layers; the seed is that of connections and weights."""
        generator = torch.Generator().manual_seed(run.seed)
        dropped = (0.0, 0.0) if run.dropout == "none" else _DROPPED
        layers: list[nn.Module] = [nn.Dropout(dropped[0])]
        inputs = split.features
        for outputs in _HIDDEN:
            layers += [_layer(inputs, outputs, run.density, generator), nn.ReLU(),
                       nn.Dropout(dropped[1])]  # fmt: skip
            inputs = outputs
        return nn.Sequential(*layers, dense_layer(inputs, split.classes, generator))

    def report(self, results: Mapping[DropoutRun, TrainingResult]) -> Report:
        """Compare what dropout gives to both nets, for each dataset."""
        texts: list[str] = []
        panels: dict[str, dict[str, list[Point]]] = {}
        for data, found in by_case(self.tested(results)).items():
            scores = accuracies(found)
            texts += [_paragraph(data, scores), table(
                ("density", "dropout", "parameters", "accuracy % (lowest to highest)"),
                [(f"{case[0]:g}", case[1], found[case][0].parameters, percent(values))
                 for case, values in scores.items()], texts=2)]
            panels[data] = curves(scores, lambda case: case[0], lambda case: case[1])
        picture = curves_png(panels, "density", "test accuracy, %", spread_note(self.seeds))
        return Report("\n\n".join(texts) + "\n", {self.pictures[0]: picture})


def _layer(inputs: int, outputs: int, density: float, generator: torch.Generator) -> nn.Module:
    if density == 1:
        return dense_layer(inputs, outputs, generator)
    layer = SparseCascade(
        [random_regular_mask(inputs, outputs, round(density * outputs), generator)])
    layer.reset_parameters(generator)
    return layer


def _paragraph(data: str, scores: Mapping[Case, list[float]]) -> str:
    gains = {
        density: [with_it - without for with_it, without in zip(
            scores[density, "0.2/0.5"], scores[density, "none"], strict=True)]
        for density in (1.0, 0.3)}  # fmt: skip
    dense, sparse = (paired(scores[density, "0.2/0.5"], scores[density, "none"])
                     for density in (1.0, 0.3))  # fmt: skip
    between = difference(gains[0.3], gains[1.0])
    return (
        f"**{data}**: dropout changes the accuracy of the dense net by {points(dense)} points and "
        f"that of the net with 30 % of the connections by {points(sparse)} points. The paper's "
        f"single run gained 0.15; that dropout helps the sparse net (T11) "
        f"{HOLDS[sparse.verdict()]}. The two gains differ by {points(between)} points; that "
        f"dropout is independent of sparsity, within {_MARGIN_POINTS:g} points, "
        f"{HOLDS[between.within(_MARGIN_POINTS)]}."
    )
