"""What accuracies against parameters say about Clos networks, in words that the figures choose."""

import itertools
import statistics
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from golden.experiments.accuracy_runs import Result, Run
from golden.experiments.experiment import Report
from golden.experiments.judgement import difference
from golden.experiments.pictures import Panels, Point, curves_png
from golden.experiments.wording import (
    HOLDS,
    listed,
    of_seeds,
    points,
    spread,
    spread_note,
    table,
)

__all__ = [
    "CLAIMED_REDUCTION",
    "MARGIN_POINTS",
    "PICTURE",
    "accuracy_picture",
    "accuracy_report",
]

CLAIMED_REDUCTION = 5.5
"""ClosNets, section II: "comparable accuracy ... while having 5.5x less parameters"."""

MARGIN_POINTS = 1.0
"""How much lower an accuracy in percent may be that is still called comparable."""

PICTURE = "accuracy.png"
"""Name of the report's picture."""

_HEADER = ("kind", "parameters", "times fewer", "learning rate", "accuracy %", "lowest", "highest",
           "points above dense (95 % interval)")  # fmt: skip


class _Network(NamedTuple):
    """All seeds of one network."""

    kind: str
    reduction: float
    parameters: int
    rate: float
    accuracies: list[float]

    @property
    def mean(self) -> float:
        return statistics.mean(self.accuracies)

    @property
    def point(self) -> Point:
        return spread(self.parameters, self.accuracies)


def accuracy_report(rows: Iterable[tuple[Run, Result]], rates: Sequence[float]) -> Report:
    """Compare the kinds of networks by their test accuracies.

    Each dataset gets a paragraph and a table. A paragraph says whether Clos is comparable with the
    dense network where ClosNets claims it, where else it is, and how it stands against the other
    kinds with as many parameters. What is undecided is called so: `Difference.verdict`.

    Parameters
    ----------
    rows
        Tests of every kind, "dense" and "Clos" among them, with the same seeds.
    rates
        The learning rates that there were to choose from, the smallest first.
    """
    seeds, texts = 0, list[str]()
    panels: dict[str, dict[str, list[Point]]] = {}
    for data, of_data in itertools.groupby(rows, lambda row: row[0].data):
        networks = _networks(of_data)
        (dense,) = (one for one in networks if one.kind == "dense")
        texts += [_paragraph(data, dense, networks, rates), _table(dense, networks)]
        curves = panels[data] = {}
        for network in networks:
            curves.setdefault(network.kind, []).append(network.point)
        seeds = len(dense.accuracies)
    return Report("\n\n".join(texts) + "\n", {PICTURE: accuracy_picture(panels, seeds)})


def accuracy_picture(panels: Panels, seeds: int) -> bytes:
    """Draw the accuracies in percent, against parameters, of networks of so many seeds; PNG."""
    return curves_png(panels, "parameters", "test accuracy, %", spread_note(seeds))


def _networks(rows: Iterable[tuple[Run, Result]]) -> list[_Network]:
    found: dict[tuple[str, float], _Network] = {}
    for run, result in rows:
        new = _Network(run.kind, run.reduction, result.parameters, run.rate, [])
        found.setdefault((run.kind, run.reduction), new).accuracies.append(result.accuracy)
    return list(found.values())


def _paragraph(
    data: str, dense: _Network, networks: Sequence[_Network], rates: Sequence[float]
) -> str:
    clos = sorted((one for one in networks if one.kind == "Clos"), key=lambda one: one.reduction)
    sentences = (
        f"**{data}**: {_claim(dense, clos)}",
        _reach(dense, clos),
        _rivals(clos, networks),
        _ends(networks, rates),
    )
    return " ".join(sentence for sentence in sentences if sentence)


def _claim(dense: _Network, clos: Sequence[_Network]) -> str:
    """Whether Clos is comparable where ClosNets says so."""
    claimed = min(clos, key=lambda one: abs(one.reduction - CLAIMED_REDUCTION))
    against = difference(claimed.accuracies, dense.accuracies)
    seeds = len(dense.accuracies)
    return (
        f"the dense network has {dense.parameters} parameters and puts {100 * dense.mean:.2f} % of "
        f"the test samples into the right class (mean of {of_seeds(seeds)}). "
        f"Clos with {dense.parameters / claimed.parameters:.1f} times fewer parameters reaches "
        f"{100 * claimed.mean:.2f} %, a difference of {points(against)} points. If at most "
        f"{MARGIN_POINTS:g} point less counts as comparable, the claim of ClosNets (section II, "
        f"fig 3) {HOLDS[against.verdict(MARGIN_POINTS)]}."
    )


def _reach(dense: _Network, clos: Sequence[_Network]) -> str:
    """With which budgets Clos is comparable."""
    comparable = [
        f"{dense.parameters / one.parameters:.1f}"
        for one in clos
        if difference(one.accuracies, dense.accuracies).verdict(MARGIN_POINTS) == "yes"
    ]
    if not comparable:
        return "The interval of the difference lies within that margin for no Clos network."
    return (
        "The interval of the difference lies within that margin with "
        f"{listed(comparable)} times fewer parameters."
    )


def _rivals(clos: Sequence[_Network], networks: Sequence[_Network]) -> str:
    """At how many budgets Clos is above and below each other kind."""
    verdicts: dict[str, list[str]] = {}
    for other in networks:
        for one in clos:
            if other.kind != "Clos" and other.reduction == one.reduction:
                found = difference(one.accuracies, other.accuracies)
                verdicts.setdefault(other.kind, []).append(found.verdict())
    if not verdicts:
        return ""
    counts = ", ".join(
        f"{kind} at {found.count('yes')} and below at {found.count('no')}"
        for kind, found in verdicts.items()
    )
    return (
        f"At {len(clos)} budgets Clos is compared with kinds that have as many parameters: it is "
        f"above {counts}; the others are not decided."
    )


def _ends(networks: Sequence[_Network], rates: Sequence[float]) -> str:
    """Which kinds might have done better at a learning rate that was not tried."""
    rate_of = {one.kind: one.rate for one in networks}
    ends = [
        f"{kind} at {rate:g}" for kind, rate in rate_of.items() if rate in (rates[0], rates[-1])
    ]
    if not ends:
        return ""
    return f"The best learning rate lies at the end of those tried, or beyond: {', '.join(ends)}."


def _table(dense: _Network, networks: Sequence[_Network]) -> str:
    lines: list[tuple[str, ...]] = []
    for one in networks:
        point = one.point
        against = "" if one is dense else points(difference(one.accuracies, dense.accuracies))
        lines.append(
            (
                one.kind,
                str(one.parameters),
                f"{dense.parameters / one.parameters:.1f}",
                f"{one.rate:g}",
                *(f"{value:.2f}" for value in point[1:]),
                against,
            )
        )
    return table(_HEADER, lines)
