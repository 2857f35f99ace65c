"""Whether one group of accuracies is above another: an interval of the difference of the means."""

import dataclasses
import math
import statistics
from collections.abc import Sequence

from golden.system.extras import needs

with needs("experiments"):
    from scipy import special  # pyright: ignore[reportMissingTypeStubs]

__all__ = ["Difference", "difference"]


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
