"""Whether one group of figures is above another: an interval of the difference of the means."""

import dataclasses
import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Any, cast

import numpy as np

from golden.system.extras import needs

with needs("experiments"):
    from scipy import special  # pyright: ignore[reportMissingTypeStubs]

__all__ = ["Difference", "Interval", "all_of", "difference", "mean_of", "paired",
           "rank_correlation"]

_DRAWS = 2000  # Of a bootstrap.


@dataclasses.dataclass(frozen=True)
class Difference:
    """The difference of two means, in percentage points, and its 95 % interval (Welch).

    The interval is that of chance in the training; it says nothing of other test samples. It is
    infinite where a group has a single value.
    """

    points: float
    low: float
    high: float

    def verdict(self, margin: float = 0.0) -> str:
        """Say whether the first group is above the second less `margin` points.

        Returns
        -------
        "yes" or "no" where the whole interval says so, else "undecided".
        """
        if self.low > -margin:
            return "yes"
        return "no" if self.high < -margin else "undecided"

    def within(self, margin: float) -> str:
        """Say whether the means differ by less than `margin` points, as `verdict` does."""
        if max(-self.low, self.high) < margin:
            return "yes"
        return "no" if max(self.low, -self.high) > margin else "undecided"


def difference(first: Sequence[float], second: Sequence[float]) -> Difference:
    """Compare the means of two groups of accuracies, 0 to 1, of at least one each."""
    points = 100 * (statistics.mean(first) - statistics.mean(second))
    if min(len(first), len(second)) < 2:
        return Difference(points, -math.inf, math.inf)
    errors = [statistics.variance(group) / len(group) for group in (first, second)]
    whole = sum(errors)
    if whole == 0:
        return Difference(points, points, points)
    freedom = whole**2 / sum(
        error**2 / (len(group) - 1) for error, group in zip(errors, (first, second), strict=True)
    )
    reach = 100 * math.sqrt(whole) * float(special.stdtrit(freedom, 0.975))
    return Difference(points, points - reach, points + reach)


def paired(first: Sequence[float], second: Sequence[float]) -> Difference:
    """Compare groups whose members belong together, as those of a seed do, pair by pair."""
    return difference([a - b for a, b in zip(first, second, strict=True)], [0.0] * len(first))


def all_of(verdicts: Iterable[str]) -> str:
    """Judge a claim of several parts: "no" if one is, else "undecided" if one is, else "yes"."""
    found = list(verdicts)
    return "no" if "no" in found else "undecided" if "undecided" in found else "yes"


@dataclasses.dataclass(frozen=True)
class Interval:
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float

    def verdict(self, margin: float = 0.0) -> str:
        """Say whether the figure is above `margin`: "yes", "no" or "undecided"."""
        if self.low > margin:
            return "yes"
        return "no" if self.high < margin else "undecided"

    def __str__(self) -> str:
        """Write the figure with its interval."""
        if math.isinf(self.low):
            return f"{self.value:+.2f} (one seed)"
        return f"{self.value:+.2f} ({self.low:+.2f} to {self.high:+.2f})"


def mean_of(values: Sequence[float]) -> Interval:
    """Return the mean of at least one figure; the interval of a single one is infinite."""
    found = difference(values, [0.0] * len(values))
    return Interval(found.points / 100, found.low / 100, found.high / 100)


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> Interval:
    """Return Spearman's correlation of pairs of figures; its interval is a bootstrap's over them.

    It is 0 where one of the two does not vary.
    """
    with needs("experiments"):
        from scipy import stats  # pyright: ignore[reportMissingTypeStubs]

    def correlation(x: Any, y: Any, axis: int = -1) -> Any:
        """Correlate the ranks, which `bootstrap` asks for many draws at once."""
        ranks = [cast(Any, stats).rankdata(one, axis=axis) for one in (x, y)]
        centred = [one - one.mean(axis, keepdims=True) for one in ranks]
        scale = np.sqrt((centred[0] ** 2).sum(axis) * (centred[1] ** 2).sum(axis))
        return (centred[0] * centred[1]).sum(axis) / np.maximum(scale, 1e-12)

    pairs = np.asarray(first, float), np.asarray(second, float)
    found = cast(Any, stats).bootstrap(
        pairs, correlation, paired=True, vectorized=True, n_resamples=_DRAWS, method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    return Interval(float(correlation(*pairs)), float(found.low), float(found.high))
