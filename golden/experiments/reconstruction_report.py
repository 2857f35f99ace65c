"""What errors of reconstruction say about topologies, in words that the figures choose."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from golden.experiments.experiment import Report
from golden.experiments.judgement import Difference, all_of, paired
from golden.experiments.pictures import Point, curves_png
from golden.experiments.reconstruction_runs import ReconstructionResult, ReconstructionRun
from golden.experiments.wording import HOLDS, listed, of_seeds, points, spread, spread_note, table

__all__ = ["reconstruction_report"]

_VARIABLE = ("butterfly", "hypercube", "torus")
_CONSTANT = ("Clos, 3 stages", "low rank")
_PARALLEL = "parallel butterfly"

_Row = tuple[ReconstructionRun, ReconstructionResult]


class _Family(NamedTuple):
    """Topologies of one kind, the smallest first: fitted plain and with skip edges, and by L1."""

    name: str
    plain: list[_Row]
    skip: list[_Row]
    exact: list[_Row]

    def fits(self, skip: bool) -> list[_Row]:
        """Those by L2."""
        return self.skip if skip else self.plain


def reconstruction_report(rows: Sequence[_Row], picture: str) -> Report:
    """Say which topologies reconstruct matrices well, and how that goes with the rank.

    Parameters
    ----------
    rows
        Of all families, with the same matrices.
    picture
        Name of the picture's file.
    """
    families: dict[str, _Family] = {}
    for run, result in rows:
        family = families.setdefault(run.family, _Family(run.family, [], [], []))
        place = family.exact if run.loss == "l1" else family.plain if run.bare else family.skip
        place.append((run, result))
    seeds = rows[0][0].seeds
    sentences = [_depth(families), _constant(families), _skips(families), _small(families),
                 _parallel(families), _stages(families), _exact(families)]  # fmt: skip
    text = (
        f"**Matrices of Gaussian elements** ({of_seeds(seeds)}; errors are hundredths of the "
        f"matrix's mean square): {' '.join(one for one in sentences if one)}")
    panels = {
        label: {name: [spread(result.parameters, result.error_values, 1.0)
                       for _, result in family.fits(skip)] for name, family in families.items()}
        for label, skip in (("plain", False), ("with skip edges and diagonal", True))}  # fmt: skip
    drawn = curves_png(_kept(panels), "trained edges", "mean squared error",
                       spread_note(seeds), scales="log-log")  # fmt: skip
    return Report(f"{text}\n\n{_table(families)}\n", {picture: drawn})


def _kept(panels: Mapping[str, Mapping[str, list[Point]]]) -> Mapping[str, dict[str, list[Point]]]:
    """Leave out curves without points."""
    return {title: {name: curve for name, curve in curves.items() if curve}
            for title, curves in panels.items()}  # fmt: skip


_Families = Mapping[str, _Family]


def _at(rows: Sequence[_Row], parameters: float) -> list[float] | None:
    """Errors at a number of trained edges, matrix by matrix; None outside of those fitted.

    They lie on lines of the logarithm of the error over the number of edges.
    """
    sizes = [result.parameters for _, result in rows]
    if not sizes or not sizes[0] <= parameters <= sizes[-1]:
        return None
    logs = np.log([result.error_values for _, result in rows])
    return [float(np.exp(np.interp(parameters, sizes, logs[:, seed])))
            for seed in range(logs.shape[1])]  # fmt: skip


def _named(found: Mapping[str, Difference]) -> str:
    return listed([f"{name} {points(one)}" for name, one in found.items()])


def _claim(found: Mapping[str, Difference]) -> str:
    return HOLDS[all_of(one.verdict() for one in found.values())]


def _depth(families: _Families) -> str:
    """N8: whether more layers make an error larger again."""
    found: dict[str, Difference] = {}
    for name in _VARIABLE:
        errors = [result.error_values for _, result in families[name].plain]
        best = min(errors[:-1], key=statistics.mean)
        found[name] = paired(errors[-1], best)
    return (
        "From the best of fewer layers to the most layers, the error of those whose depth grows "
        f"changes by {_named(found)}; that they get worse past some depth (N8) {_claim(found)}."
    )


def _constant(families: _Families) -> str:
    """N8: whether those of constant depth win with the most edges."""
    parts: list[str] = []
    for name in _CONSTANT:
        last = families[name].plain[-1][1]
        found = {other: paired(families[other].plain[-1][1].error_values, last.error_values)
                 for other in _VARIABLE}  # fmt: skip
        parts.append(
            f"With the most edges the others' errors are above that of {name} by {_named(found)}; "
            f"that {name} wins eventually (N8) {_claim(found)}.")
    return " ".join(parts)


def _skips(families: _Families) -> str:
    """N19: whether skip edges make errors smaller, at the most layers."""
    found = {
        name: paired(families[name].plain[-1][1].error_values,
                     families[name].skip[-1][1].error_values)
        for name in ("butterfly", "hypercube")}  # fmt: skip
    return (
        f"Skip edges and the diagonal layer, with fewer trained edges, lower the error at the most "
        f"layers by {_named(found)}; that they improve both (N19) {_claim(found)}."
    )


def _small(families: _Families) -> str:
    """N20: whether Clos is worse than a butterfly and a hypercube of few layers."""
    found: dict[str, Difference] = {}
    for name in ("butterfly", "hypercube"):
        first = families[name].plain[0][1]
        mine = _at(families["Clos, 3 stages"].plain, first.parameters)
        if mine is not None:
            found[f"{name} with {first.parameters} edges"] = paired(mine, first.error_values)
    if not found:
        return ""
    return (
        f"At small budgets the error of Clos, between those that were fitted, is above that of "
        f"{_named(found)}; that Clos is worse there (N20) {_claim(found)}."
    )


def _parallel(families: _Families) -> str:
    """N21: whether a parallel butterfly with skip edges beats all others with as many edges."""
    parts: list[str] = []
    for name, family in families.items():
        if not name.startswith(_PARALLEL):
            continue
        for number in (0, -1):
            mine = family.skip[number][1]
            found = {
                other: paired(theirs, mine.error_values)
                for other, rivals in families.items() if not other.startswith(_PARALLEL)
                for theirs in [_best(rivals, mine.parameters)] if theirs is not None}  # fmt: skip
            if found:
                nearest = min(found, key=lambda one: found[one].points)
                parts.append(
                    f"with {name}, {mine.parameters} edges and skip edges it {_claim(found)} "
                    f"(nearest: {nearest}, above it by {points(found[nearest])})")
    if not parts:
        return ""
    return f"That parallel butterflies are better than all others (N21): {'; '.join(parts)}."


def _best(family: _Family, parameters: int) -> list[float] | None:
    """The errors of a family with so many edges, plain or with skip edges."""
    both = [found for skip in (False, True)
            for found in [_at(family.fits(skip), parameters)] if found]  # fmt: skip
    return min(both, key=statistics.mean) if both else None


def _stages(families: _Families) -> str:
    """N26: whether more stages than three bring anything, at the most edges of three."""
    pick: Callable[[str], list[_Row]] = lambda name: families[name].plain  # noqa: E731
    parts: list[str] = []
    for name in ("Clos, 4 stages", "Clos, 5 stages"):
        if name not in families:
            continue
        middle = pick(name)[len(pick(name)) // 2][1]
        mine = _at(pick("Clos, 3 stages"), middle.parameters)
        if mine is not None:
            gain = paired(mine, middle.error_values)
            verdict = {"yes": "no", "no": "yes", "undecided": "undecided"}[gain.verdict()]
            parts.append(
                f"With {middle.parameters} edges {name.replace('Clos, ', '')} lower the error of "
                f"Clos by {points(gain)}; that they give no benefit (N26) {HOLDS[verdict]}.")
    return " ".join(parts)


def _exact(families: _Families) -> str:
    """N11: what L1 makes exact, beside the rank."""
    parts: dict[str, float] = {}
    within = True
    for name, family in families.items():
        for (_, fitted), (_, found) in zip(family.plain, family.exact, strict=True):
            if fitted.rank:
                elements = statistics.mean(found.exact_values)
                parts[name] = max(parts.get(name, 0.0), elements / fitted.rank)
                # Elements that are not fitted are near by chance: 0.8 % of them.
                side = 0.02 * (fitted.rank + 1000)
                within = within and elements <= fitted.rank + side
    said = ", ".join(f"{name} {100 * part:.0f} %" for name, part in parts.items())
    return (
        f"L1 makes exact, of as many elements as the rank, at best: {said}; that no topology has "
        f"more exact elements than the rank, but for chance (N7, N11), "
        f"{'holds' if within else 'does not hold'}."
    )


def _table(families: _Families) -> str:
    header = ("topology", "kind", "stages", "trained edges", "rank", "L2 error",
              "edges with skip and diagonal", "L2 error", "exact in L1")  # fmt: skip
    lines: list[Sequence[object]] = []
    for family in families.values():
        for (run, plain), (_, skip), (_, exact) in zip(
            family.plain, family.skip, family.exact, strict=True
        ):
            lines.append((
                f"`{run.topology}`", family.name, plain.depth, plain.parameters,
                plain.rank or "not counted", f"{statistics.mean(plain.error_values):.4g}",
                skip.parameters, f"{statistics.mean(skip.error_values):.4g}",
                f"{statistics.mean(exact.exact_values):.0f}"))
    return table(header, lines, texts=2)
