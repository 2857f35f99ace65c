"""Sparse convolutions against narrow ones: The Power of Sparsity in CNNs (S1 to S10, S13)."""

import dataclasses
import math
import statistics
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn

from golden.clos.initialise import sparse_xavier_
from golden.data.datasets import Split
from golden.experiments.classifiers import dense_layer
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
from golden.layers import SparseRandomConv2d, scaled_channels

__all__ = ["SparseConv", "SparseConvResult", "SparseConvRun"]

_CHANNELS = (16, 32, 32)
_FULL: Case = ("full", 1.0)
_MATCH_FROM = 0.1
_ADVANTAGE_BELOW = 0.3
_MARGIN_POINTS = 1.0


@dataclasses.dataclass(frozen=True)
class SparseConvRun(TrainingRun):
    """One network: "full", "sparse" or "narrow", with a fraction of the connections."""

    kind: str
    fraction: float


@dataclasses.dataclass(frozen=True)
class SparseConvResult(TrainingResult):
    """What came of a run; the multiply-adds are those of the convolutions for one image."""

    multiply_adds: int


class SparseConv(Trained[SparseConvRun, SparseConvResult]):
    """Sparse random convolutions against the depth multiplier (S1 to S10, S13).

    Nets of three 3 x 3 convolutions of 16, 32 and 32 channels with stride 2 and ReLU, and a dense
    layer on the means of the channels. "sparse" keeps a fraction of the connections between
    channels, "narrow" the root of that fraction of the channels, which is as many connections. Each
    kind has a learning rate of its own.
    """

    name = "sparse-conv"
    run_type = SparseConvRun
    result_type = SparseConvResult
    pictures = ("sparse-conv.png",)

    def __init__(self, settings: Settings) -> None:
        """Quick: one fraction, one rate and 5 steps."""
        quick = settings.quick
        fractions = (0.2,) if quick else (0.5, 0.2, 0.05)
        effort = Effort((0.01,), 5) if quick else Effort((0.003, 0.01), 250)
        super().__init__(settings, effort, [
            _FULL, *((kind, fraction) for kind in ("sparse", "narrow") for fraction in fractions)])
        for data in self.sources:
            side_of(self.split(data))

    def rate_case(self, case: Case) -> Case:
        """Every kind has a rate."""
        return case if case == _FULL else (case[0], 0.2)

    def network(self, run: SparseConvRun, split: Split) -> nn.Module:
        """Three convolutions; the seed is that of connections and weights."""
        generator = torch.Generator().manual_seed(run.seed)
        layers: list[nn.Module] = [Images(side_of(split))]
        inputs = 1
        for channels in _CHANNELS:
            if run.kind == "narrow":
                channels = scaled_channels(channels, run.fraction, by_connections=True)
            layers += [_convolution(run, inputs, channels, generator), nn.ReLU()]
            inputs = channels
        return nn.Sequential(*layers, Pooled(), dense_layer(inputs, split.classes, generator))

    def described(self, run: SparseConvRun, model: nn.Module) -> tuple[int]:
        """Multiply-adds: k^2 a connection and a pixel (appendix A)."""
        side, found = side_of(self.split(run.data)), 0
        for layer in model.children():
            if isinstance(layer, nn.Conv2d | SparseRandomConv2d):
                side = (side + 1) // 2
                found += layer.weight.numel() * side * side
        return (found,)

    def report(self, results: Mapping[SparseConvRun, SparseConvResult]) -> Report:
        """Compare by parameters and by multiply-adds, for each dataset."""
        texts: list[str] = []
        panels: dict[str, dict[str, list[Point]]] = {}
        for data, found in by_case(self.tested(results)).items():
            texts += [_paragraph(data, found), _table(found)]
            for label, field in (("parameters", "parameters"),
                                 ("multiply-adds of an image", "multiply_adds")):  # fmt: skip
                curves = panels.setdefault(f"{data}: {label}", {})
                for kind in ("sparse", "narrow"):
                    curves[kind] = [
                        spread(getattr(rows[0], field), [one.accuracy for one in rows])
                        for case, rows in found.items() if case[0] in (kind, "full")]
        picture = curves_png(panels, "parameters, or multiply-adds", "test accuracy, %",
                             spread_note(self.seeds))  # fmt: skip
        return Report("\n\n".join(texts) + "\n", {self.pictures[0]: picture})


def _convolution(
    run: SparseConvRun, inputs: int, outputs: int, generator: torch.Generator
) -> nn.Module:
    if run.kind == "sparse":
        return SparseRandomConv2d(inputs, outputs, 3, alpha=run.fraction, stride=2, padding=1,
                                  generator=generator)  # fmt: skip
    layer = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)
    sparse_xavier_(layer.weight, 9 * (inputs + outputs), generator)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


_Found = Mapping[Case, Sequence[SparseConvResult]]


def _paragraph(data: str, found: _Found) -> str:
    scores = accuracies(found)
    full = scores[_FULL]
    fractions = sorted({case[1] for case in found if case != _FULL})
    above = {one: difference(scores["sparse", one], scores["narrow", one]) for one in fractions}
    few = {one: value for one, value in above.items() if one < _ADVANTAGE_BELOW}
    match = {one: difference(scores["sparse", one], full) for one in fractions
             if one > _MATCH_FROM}  # fmt: skip
    worse = {one: difference(_narrow_at(found, one), scores["sparse", one]) for one in fractions}
    said = ", ".join(f"{points(value)} with {one:g}" for one, value in above.items())
    matched = ", ".join(f"{points(value)} with {one:g}" for one, value in match.items())
    costs = ", ".join(f"{points(value)} with {one:g}" for one, value in worse.items())
    return (
        f"**{data}**: the full net reaches {percent(full)} %. At as many connections, sparse is "
        f"above narrow by these points: {said} of the connections. That sparse is better per "
        f"parameter where few are left (S9, S11; below {_ADVANTAGE_BELOW:g}) "
        f"{HOLDS[all_of(value.verdict() for value in few.values())]}. Against the full net sparse "
        f"has {matched} points; that sparse and full nets match above a tenth of the connections "
        f"(S13; within {_MARGIN_POINTS:g} point) "
        f"{HOLDS[all_of(value.within(_MARGIN_POINTS) for value in match.values())]}. A narrow net "
        "of as many multiply-adds, between those that were trained, is above sparse by these "
        f"points: {costs} of the connections. That sparse is worse per multiply-add (S10) "
        f"{HOLDS[all_of(value.verdict() for value in worse.values())]}."
    )


def _narrow_at(found: _Found, fraction: float) -> list[float]:
    """Accuracies of narrow nets with the multiply-adds of the sparse one, seed by seed.

    They lie on lines between those that were trained, over the logarithm of the multiply-adds.
    """
    wanted = math.log(found["sparse", fraction][0].multiply_adds)
    narrow = sorted((rows for case, rows in found.items() if case[0] != "sparse"),
                    key=lambda rows: rows[0].multiply_adds)  # fmt: skip
    costs = np.log([rows[0].multiply_adds for rows in narrow])
    scores = [[one.accuracy for one in rows] for rows in narrow]
    return [float(np.interp(wanted, costs, list(seed)))
            for seed in zip(*scores, strict=True)]  # fmt: skip


def _table(found: _Found) -> str:
    header = ("kind", "fraction of the connections", "parameters", "multiply-adds of an image",
              "accuracy % (lowest to highest)")  # fmt: skip
    return table(header, [
        (case[0], f"{case[1]:g}", round(statistics.mean(one.parameters for one in rows)),
         rows[0].multiply_adds, percent([one.accuracy for one in rows]))
        for case, rows in found.items()])
