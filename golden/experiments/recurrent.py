"""Recurrent Clos networks: NeuroFabric, section VIII, and the poster (N24)."""

import dataclasses
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from golden.data.datasets import Split
from golden.experiments.classifiers import dense_layer
from golden.experiments.experiment import Report, Settings
from golden.experiments.images import side_of
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
from golden.layers import ClosGRU, ClosLSTM

__all__ = ["Recurrent", "RecurrentRun"]

_HIDDEN = 64
_REDUCTIONS = (2.0, 4.0)
_CELLS = ("lstm", "gru")
_MARGIN_POINTS = 1.0


@dataclasses.dataclass(frozen=True)
class RecurrentRun(TrainingRun):
    """One network: its cell, and the dense weights for each one of its maps; 1 for a dense net."""

    cell: str
    reduction: float


class Recurrent(Trained[RecurrentRun, TrainingResult]):
    """Whether an LSTM and a GRU can have Clos maps of inputs and state (N24).

    The rows of an image are the steps of a sequence, and a dense layer on the last state of 64
    neurons says the class. Every cell has a learning rate for its dense form and one for its Clos
    forms.
    """

    name = "recurrent"
    run_type = RecurrentRun
    result_type = TrainingResult
    pictures = ("recurrent.png",)

    def __init__(self, settings: Settings) -> None:
        """Quick: one reduction, one rate and 5 steps."""
        reductions = _REDUCTIONS[-1:] if settings.quick else _REDUCTIONS
        effort = Effort((0.01,), 5) if settings.quick else Effort((0.003, 0.01), 250)
        super().__init__(settings, effort, [
            (cell, reduction) for cell in _CELLS for reduction in (1.0, *reductions)])
        for data in self.sources:
            side_of(self.split(data))

    def rate_case(self, case: Case) -> Case:
        """Dense cells have a rate, and Clos ones."""
        return (case[0], 1.0 if case[1] == 1 else _REDUCTIONS[-1])

    def network(self, run: RecurrentRun, split: Split) -> nn.Module:
        """One recurrent layer; the seed is that of the weights."""
        return _Rows(run, side_of(split), split.classes)

    def report(self, results: Mapping[RecurrentRun, TrainingResult]) -> Report:
        """Compare Clos cells with dense ones, for each dataset."""
        texts: list[str] = []
        panels: dict[str, dict[str, list[Point]]] = {}
        for data, found in by_case(self.tested(results)).items():
            scores = accuracies(found)
            texts += [_paragraph(data, scores), table(
                ("cell", "times fewer weights of the maps", "parameters",
                 "accuracy % (lowest to highest)", "points above dense (95 % interval)"),
                [(case[0].upper(), f"{case[1]:g}", found[case][0].parameters, percent(values),
                  "" if case[1] == 1 else points(difference(values, scores[case[0], 1.0])))
                 for case, values in scores.items()])]
            curves = panels.setdefault(data, {})
            for case, values in scores.items():
                curves.setdefault(case[0].upper(), []).append(
                    spread(found[case][0].parameters, values))
        picture = curves_png(panels, "parameters", "test accuracy, %", spread_note(self.seeds))
        return Report("\n\n".join(texts) + "\n", {self.pictures[0]: picture})


class _Rows(nn.Module):
    """Reads an image by its rows, and classifies the last state."""

    def __init__(self, run: RecurrentRun, side: int, classes: int) -> None:
        super().__init__()
        self.side = side
        with torch.random.fork_rng():  # pyright: ignore[reportUnknownMemberType]
            torch.manual_seed(run.seed)  # pyright: ignore[reportUnknownMemberType]
            self.layer = _cell(run, side)
            self.last = dense_layer(
                _HIDDEN, classes, torch.Generator().manual_seed(run.seed))

    def forward(self, x: Tensor) -> Tensor:
        """Compute [N, side^2] to scores [N, classes]."""
        y, _ = self.layer(x.reshape(len(x), self.side, self.side).transpose(0, 1))
        return self.last(y[-1])


def _cell(run: RecurrentRun, inputs: int) -> nn.Module:
    if run.reduction == 1:
        return (nn.LSTM if run.cell == "lstm" else nn.GRU)(inputs, _HIDDEN)
    kind = ClosLSTM if run.cell == "lstm" else ClosGRU
    return kind(inputs, _HIDDEN, reduction=run.reduction)


def _paragraph(data: str, scores: Mapping[Case, list[float]]) -> str:
    sentences: list[str] = []
    verdicts: list[str] = []
    for case, values in scores.items():
        if case[1] == 1:
            continue
        found = difference(values, scores[case[0], 1.0])
        verdicts.append(found.verdict(_MARGIN_POINTS))
        sentences.append(
            f"A Clos {case[0].upper()} with {case[1]:g} times fewer weights is {points(found)} "
            f"points above the dense one: that it loses at most {_MARGIN_POINTS:g} point "
            f"{HOLDS[verdicts[-1]]}.")
    return (
        f"**{data}**: {' '.join(sentences)} That Clos maps extend to LSTM and GRU without loss "
        f"(N24) {HOLDS[all_of(verdicts)]}, all of them taken together."
    )
