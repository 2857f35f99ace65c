"""Accuracy against connectivity: Sparse Neural Network Topologies, section 4.5 (T12)."""

import dataclasses
import statistics
from collections.abc import Mapping, Sequence

import torch
from torch import nn

from golden.analysis.spectral import algebraic_connectivity, spectral_gap
from golden.data.datasets import Split
from golden.experiments.experiment import Report, Settings
from golden.experiments.judgement import Interval, rank_correlation
from golden.experiments.pictures import Point, curves_png
from golden.experiments.sparse_nets import CONSTRUCTIONS, construction, one_hidden_layer
from golden.experiments.trained import Case, Effort, Trained, TrainingResult, TrainingRun
from golden.experiments.wording import HOLDS, percent, table

__all__ = ["Connectivity", "ConnectivityResult", "ConnectivityRun"]

_HIDDEN = 64
_MEASURES = {"algebraic connectivity": "connectivity", "spectral gap": "gap"}


@dataclasses.dataclass(frozen=True)
class ConnectivityRun(TrainingRun):
    """One network whose first layer has `degree` edges an input, by a construction."""

    construction: str
    degree: int


@dataclasses.dataclass(frozen=True)
class ConnectivityResult(TrainingResult):
    """What came of a run, with the algebraic connectivity and spectral gap of its first layer."""

    connectivity: float
    gap: float


class Connectivity(Trained[ConnectivityRun, ConnectivityResult]):
    """Whether nets whose graph hangs together better are more accurate (T12).

    Nets of 64 hidden neurons whose first layer is sparse, by the six constructions. Every degree
    has the learning rate that suits its random regular nets. About 2 core-minutes on the digits.
    """

    name = "connectivity"
    run_type = ConnectivityRun
    result_type = ConnectivityResult
    pictures = ("connectivity.png",)

    def __init__(self, settings: Settings) -> None:
        """Quick: two degrees, one rate and 30 steps."""
        quick = settings.quick
        degrees = (2, 8) if quick else (2, 4, 8, 16)
        effort = Effort((0.01,), 30) if quick else Effort((0.003, 0.01, 0.03), 400)
        super().__init__(settings, effort, [
            (kind, degree) for degree in degrees for kind in CONSTRUCTIONS])

    def rate_case(self, case: Case) -> Case:
        """Every degree has a rate."""
        return "random-regular", case[1]

    def network(self, run: ConnectivityRun, split: Split) -> nn.Module:
        """One hidden layer; the seed is that of connections and weights."""
        topology = construction(
            run.construction, split.features, _HIDDEN, run.degree, run.seed)
        return one_hidden_layer(
            topology, split.classes, torch.Generator().manual_seed(run.seed))

    def described(self, run: ConnectivityRun, model: nn.Module) -> tuple[float, float]:
        """The connectivity of the first layer as it was trained."""
        topology = construction(
            run.construction, self.split(run.data).features, _HIDDEN, run.degree, run.seed)
        (stage,) = topology.adjacency
        return algebraic_connectivity(stage), spectral_gap(stage)

    def report(self, results: Mapping[ConnectivityRun, ConnectivityResult]) -> Report:
        """Correlate accuracies with both measures, of all nets and of those of equal degree."""
        texts: list[str] = []
        panels: dict[str, dict[str, list[Point]]] = {}
        tests = self.tested(results)
        for data in dict.fromkeys(run.data for run, _ in tests):
            rows = [(run, result) for run, result in tests if run.data == data]
            texts += [_paragraph(data, rows), _table(rows)]
            for label, field in _MEASURES.items():
                curves = panels.setdefault(f"{data}: {label}", {})
                for run, result in rows:
                    score = 100 * result.accuracy
                    curves.setdefault(f"degree {run.degree}", []).append(
                        Point(getattr(result, field), score, score, score))
        picture = curves_png(panels, "algebraic connectivity, or spectral gap, of the first layer",
                             "test accuracy, %", "each point: one net", scales="linear-linear")
        return Report("\n\n".join(texts) + "\n", {self.pictures[0]: picture})


_Rows = Sequence[tuple[ConnectivityRun, ConnectivityResult]]


def _correlations(rows: _Rows, field: str) -> tuple[Interval, Interval]:
    """Spearman's correlation with accuracy: of all nets, and less the means of every degree."""
    values = [float(getattr(result, field)) for _, result in rows]
    scores = [result.accuracy for _, result in rows]
    return (rank_correlation(values, scores),
            rank_correlation(_without_degree(rows, values), _without_degree(rows, scores)))


def _without_degree(rows: _Rows, values: Sequence[float]) -> list[float]:
    groups: dict[int, list[float]] = {}
    for (run, _), value in zip(rows, values, strict=True):
        groups.setdefault(run.degree, []).append(value)
    means = {degree: statistics.mean(group) for degree, group in groups.items()}
    return [value - means[run.degree] for (run, _), value in zip(rows, values, strict=True)]


def _paragraph(data: str, rows: _Rows) -> str:
    sentences = [f"**{data}** ({len(rows)} nets):"]
    for label, field in _MEASURES.items():
        every, equal = _correlations(rows, field)
        sentences.append(
            f"Spearman's correlation of accuracy with the {label} is {every} over all nets, and "
            f"{equal} among nets of equal degree (95 % intervals of a bootstrap over nets): that "
            f"the two correlate (T12) {HOLDS[every.verdict()]}, and that they do beyond what more "
            f"connections explain {HOLDS[equal.verdict()]}."
        )
    return " ".join(sentences)


def _table(rows: _Rows) -> str:
    groups: dict[tuple[str, int], list[ConnectivityResult]] = {}
    for run, result in rows:
        groups.setdefault((run.construction, run.degree), []).append(result)
    lines = [
        (kind, degree, f"{statistics.mean(one.connectivity for one in found):.3f}",
         f"{statistics.mean(one.gap for one in found):.3f}",
         percent([one.accuracy for one in found]))
        for (kind, degree), found in groups.items()]
    return table(("construction", "degree", "algebraic connectivity", "spectral gap",
                  "accuracy % (lowest to highest)"), lines)
