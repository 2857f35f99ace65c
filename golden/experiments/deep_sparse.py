"""Deep sparse networks by their first weights: NeuroFabric, section IV and fig 2b (N4 to N6)."""

import dataclasses
import statistics
from collections.abc import Mapping, Sequence

import torch
from torch import nn

from golden.data.datasets import Split
from golden.experiments.classifiers import Sizes
from golden.experiments.experiment import Report, Settings
from golden.experiments.judgement import difference
from golden.experiments.pictures import Point, curves_png
from golden.experiments.sparse_nets import Columns
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

__all__ = ["DeepSparse", "DeepSparseResult", "DeepSparseRun"]

_HIDDEN = 256
_INITIALISATIONS = ("xavier", "sparse-xavier", "per-neuron-fan")
_CHANCE_POINTS = 20.0
"""A net of ten classes fails if its accuracy is below this: twice what guessing gives."""
_LOSS_POINTS = 5.0
"""A net suffers from missing paths if it is so much below one of more connections."""


@dataclasses.dataclass(frozen=True)
class DeepSparseRun(TrainingRun):
    """One network: its activation, first weights, hidden layers, and part of the connections."""

    activation: str
    initialisation: str
    depth: int
    density: float


@dataclasses.dataclass(frozen=True)
class DeepSparseResult(TrainingResult):
    """What came of a run, and the part of the pairs of input and class that a path joins."""

    connected: float


class DeepSparse(Trained[DeepSparseRun, DeepSparseResult]):
    """Whether deep sparse nets learn, by density, depth and first weights (N4 to N6).

    Randomly connected nets of 256 neurons a hidden layer, linear or with ReLU; the layer of the
    classes is dense. Every pair of activation and first weights has the learning rate that suits it
    with 5 hidden layers and a 16th of the connections.
    """

    name = "deep-sparse"
    run_type = DeepSparseRun
    result_type = DeepSparseResult
    pictures = ("deep-sparse.png",)

    def __init__(self, settings: Settings) -> None:
        """Quick: linear nets of 5 layers, two densities, one rate and 20 steps."""
        quick = settings.quick
        depths = {"linear": (5,)} if quick else {"linear": (1, 5, 20), "relu": (5, 20)}
        densities = (1 / 16, 1 / 256) if quick else (1 / 16, 1 / 64, 1 / 256)
        effort = Effort((0.003,), 20) if quick else Effort((0.001, 0.01), 150, 32)
        super().__init__(settings, effort, [
            (activation, initialisation, depth, density)
            for activation, tried in depths.items() for initialisation in _INITIALISATIONS
            for depth in tried for density in densities])

    def rate_case(self, case: Case) -> Case:
        """Every activation and initialisation has a rate."""
        return (*case[:2], 5, 1 / 16)

    def network(self, run: DeepSparseRun, split: Split) -> nn.Module:
        """Sparse layers; the seed is that of connections and weights."""
        return Columns(
            Sizes(split.features, _HIDDEN, split.classes), run.depth, run.density,
            run.initialisation, run.activation == "relu", torch.Generator().manual_seed(run.seed))

    def described(self, run: DeepSparseRun, model: nn.Module) -> tuple[float]:
        """Part of the inputs that a path joins to the last hidden layer, and so to all classes."""
        assert isinstance(model, Columns)
        return (model.connected,)

    def report(self, results: Mapping[DeepSparseRun, DeepSparseResult]) -> Report:
        """Say who fails and where paths are missing, for each dataset."""
        texts: list[str] = []
        panels: dict[str, dict[str, list[Point]]] = {}
        for data, found in by_case(self.tested(results)).items():
            scores = accuracies(found)
            sentences = [_activation(activation, scores)
                         for activation in dict.fromkeys(case[0] for case in scores)]  # fmt: skip
            texts += [f"**{data}**: {' '.join(sentences)}", _table(found)]
            for activation, depth in dict.fromkeys((case[0], case[2]) for case in scores):
                panels[f"{data}, {activation}, {depth} hidden"] = curves(
                    {case: values for case, values in scores.items()
                     if (case[0], case[2]) == (activation, depth)},
                    lambda case: case[3], lambda case: case[1])  # fmt: skip
        picture = curves_png(panels, "density", "test accuracy, %", spread_note(self.seeds))
        return Report("\n\n".join(texts) + "\n", {self.pictures[0]: picture})


_Scores = Mapping[Case, list[float]]


def _activation(activation: str, scores: _Scores) -> str:
    """What the nets of one activation show."""
    mine = {case[1:]: values for case, values in scores.items() if case[0] == activation}
    depths, densities = (sorted({case[field] for case in mine}) for field in (1, 2))
    deepest = depths[-1]
    # Where sparse Xavier still has paths: a 16th of the connections of the paper's widths.
    middle = min(densities, key=lambda density: abs(density - 1 / 16))
    plain = difference(mine["xavier", deepest, middle], [0.0] * 2)
    fails = {"yes": "no", "no": "yes", "undecided": "undecided"}[plain.verdict(-_CHANCE_POINTS)]
    better = difference(mine["sparse-xavier", deepest, middle], mine["xavier", deepest, middle])
    fan = difference(
        mine["per-neuron-fan", deepest, densities[0]],
        mine["sparse-xavier", deepest, densities[0]])
    text = (
        f"With {activation} neurons, {deepest} hidden layers and a density of 1/{1 / middle:.0f}, "
        f"plain Xavier reaches {percent(mine['xavier', deepest, middle])} %; that it completely "
        f"fails (N6; less than {_CHANCE_POINTS:g} %) {HOLDS[fails]}. Sparse Xavier is "
        f"{points(better)} points above it; that sparse Xavier makes such nets learn (N5) "
        f"{HOLDS[better.verdict()]}. The fans of each neuron instead of their mean change the "
        f"accuracy by {points(fan)} points at a density of 1/{1 / densities[0]:.0f}."
    )
    sparser = [density for density in densities if density <= 1 / 64]
    lost = [difference(mine["sparse-xavier", deepest, middle],
                       mine["sparse-xavier", deepest, density])
            for density in sparser]  # fmt: skip
    for density, found in zip(sparser, lost, strict=True):
        text += (
            f" At 1/{1 / density:.0f}, sparse Xavier loses {points(found)} points against "
            f"1/{1 / middle:.0f}; that such nets suffer (N6; at least {_LOSS_POINTS:g} points) "
            f"{HOLDS[found.verdict(-_LOSS_POINTS)]}."
        )
    return text


def _table(found: Mapping[Case, Sequence[DeepSparseResult]]) -> str:
    header = ("activation", "first weights", "hidden layers", "density", "parameters",
              "inputs with a path, %", "accuracy % (lowest to highest)")  # fmt: skip
    return table(header, [
        (*case[:3], f"1/{1 / case[3]:.0f}",
         round(statistics.mean(one.parameters for one in results)),
         f"{100 * statistics.mean(one.connected for one in results):.0f}",
         percent([one.accuracy for one in results]))
        for case, results in found.items()], texts=2)
