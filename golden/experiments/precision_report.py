"""What accuracies against widths say, in words that the figures choose."""

import statistics
from collections.abc import Iterable, Mapping, Sequence

from golden.experiments.experiment import Report
from golden.experiments.judgement import Difference, all_of, difference, paired
from golden.experiments.pictures import Panels, Point, curves_png
from golden.experiments.precision_runs import FLOAT, Result, Run
from golden.experiments.wording import HOLDS, of_seeds, points, spread, spread_note, table

__all__ = ["MARGIN_POINTS", "PICTURE", "precision_picture", "precision_report"]

MARGIN_POINTS = 1.0
"""How much lower an accuracy in percent may be than in float that still counts as no loss."""

PICTURE = "precision.png"
"""Name of the report's picture."""

_HEADER = ("kind", "parameters", "rounding", "stored bits", "multiplied bits", "rate",
           "accuracy %", "lowest", "highest", "points above float (95 % interval)")  # fmt: skip

_Scores = dict[tuple[str, str, int], list[float]]
"""Accuracies of all seeds, by kind, rounding and width."""


def precision_report(rows: Iterable[tuple[Run, Result]]) -> Report:
    """Compare widths and roundings with training in float, for each dataset.

    Parameters
    ----------
    rows
        Tests in float and in fixed point with both roundings, of "dense" and "Clos", with the same
        seeds.
    """
    texts: list[str] = []
    panels: dict[str, dict[str, list[Point]]] = {}
    by_data: dict[str, list[tuple[Run, Result]]] = {}
    for run, result in rows:
        by_data.setdefault(run.data, []).append((run, result))
    seeds = 0
    for data, found in by_data.items():
        scores: _Scores = {}
        for run, result in found:
            scores.setdefault((run.kind, run.rounding, run.master_bits), []).append(
                result.accuracy)
        kinds = list(dict.fromkeys(run.kind for run, _ in found))
        seeds = len(next(iter(scores.values())))
        sentences = [*(_kind_sentences(kind, scores) for kind in kinds), _orthogonal(scores)]
        texts += [f"**{data}** ({of_seeds(seeds)}): {' '.join(sentences)}",
                  _table(found, scores)]
        panels[data] = {
            f"{kind}, {rounding}": [
                spread(bits, values) for (one, how, bits), values in scores.items()
                if (one, how) == (kind, rounding)]
            for kind in kinds for rounding in ("stochastic", "nearest")}
    return Report("\n\n".join(texts) + "\n", {PICTURE: precision_picture(panels, seeds)})


def precision_picture(panels: Panels, seeds: int) -> bytes:
    """Draw the accuracies in percent, against the bits of a stored weight; PNG."""
    return curves_png(
        panels, "bits of a stored weight", "test accuracy, %", spread_note(seeds))


def _widths(scores: _Scores) -> list[int]:
    return sorted({bits for _, _, bits in scores if bits})


def _kind_sentences(kind: str, scores: _Scores) -> str:
    """From which width on a kind loses nothing, and what random bits give."""
    reference = scores[kind, FLOAT, 0]
    parts: list[str] = []
    for rounding in ("stochastic", "nearest"):
        enough = [bits for bits in _widths(scores)
                  if paired(scores[kind, rounding, bits], reference).verdict(
                      MARGIN_POINTS) == "yes"]
        parts.append(f"{', '.join(map(str, enough)) or 'no width'} with {rounding} rounding")
    gains = {bits: paired(scores[kind, "stochastic", bits], scores[kind, "nearest", bits])
             for bits in _widths(scores)}
    return (
        f"{kind} reaches {100 * statistics.mean(reference):.2f} % in float, and for certain at "
        f"most {MARGIN_POINTS:g} point less with these stored bits: {'; '.join(parts)}. With "
        f"{kind}, stochastic rounding is {_sides(gains)}."
    )


def _sides(gains: Mapping[int, Difference]) -> str:
    """Where one rounding is above the other."""
    above = [str(bits) for bits, found in gains.items() if found.low > 0]
    below = [str(bits) for bits, found in gains.items() if found.high < 0]
    return (
        f"above nearest with {_bits(above)}, below it with {_bits(below)}, "
        "and not decided otherwise"
    )


def _bits(widths: Sequence[str]) -> str:
    return f"{', '.join(widths)} bits" if widths else "no width"


def _orthogonal(scores: _Scores) -> str:
    """C14: whether the same width costs a Clos net more than a dense one."""
    verdicts: dict[str, list[str]] = {"yes": [], "no": [], "undecided": []}
    for bits in _widths(scores):
        losses = {
            kind: [found - whole for found, whole in zip(
                scores[kind, "stochastic", bits], scores[kind, FLOAT, 0], strict=True)]
            for kind in ("Clos", "dense")}  # fmt: skip
        found = difference(losses["Clos"], losses["dense"])
        verdicts[found.verdict(MARGIN_POINTS)].append(str(bits))
    whole = all_of(answer for answer, widths in verdicts.items() if widths)
    counts = ", ".join(
        f"{answer} with {_bits(widths)}" for answer, widths in verdicts.items() if widths)
    return (
        f"That narrow words cost Clos at most {MARGIN_POINTS:g} point more than dense (C14: "
        f"orthogonal to quantisation) {HOLDS[whole]} over all widths: {counts}."
    )


def _table(rows: Iterable[tuple[Run, Result]], scores: _Scores) -> str:
    lines: list[tuple[str, ...]] = []
    seen: set[tuple[str, str, int]] = set()
    for run, result in rows:
        key = run.kind, run.rounding, run.master_bits
        if key in seen:
            continue
        seen.add(key)
        fixed = run.rounding != FLOAT
        against = points(paired(scores[key], scores[run.kind, FLOAT, 0])) if fixed else ""
        lines.append((
            run.kind, str(result.parameters), run.rounding,
            str(run.master_bits) if fixed else "", str(run.weight_bits) if fixed else "",
            f"{run.rate:g}", *(f"{value:.2f}" for value in spread(0, scores[key])[1:]), against))
    return table(_HEADER, lines)
