"""Words and tables that reports share."""

import math
import statistics
from collections.abc import Iterable, Sequence

from golden.experiments.judgement import Difference
from golden.experiments.pictures import Point

__all__ = ["HOLDS", "listed", "of_seeds", "percent", "points", "spread", "spread_note", "table"]

HOLDS = {"yes": "holds", "no": "does not hold", "undecided": "is not decided"}
"""What a claim does, by the verdict on it."""


def points(found: Difference) -> str:
    """Write a difference with its interval."""
    interval = f"{found.low:+.2f} to {found.high:+.2f}"
    return f"{found.points:+.2f} ({'one seed' if math.isinf(found.low) else interval})"


def of_seeds(seeds: int) -> str:
    """Write a number of seeds."""
    return f"{seeds} seed{'s' if seeds > 1 else ''}"


def percent(values: Sequence[float]) -> str:
    """Write the mean of parts, 0 to 1, in percent, with the lowest and the highest."""
    found = spread(0, values)
    return f"{found.mean:.2f} ({found.lowest:.2f} to {found.highest:.2f})"


def spread(x: float, values: Sequence[float], scale: float = 100.0) -> Point:
    """Return the point of a curve for figures that are multiplied by `scale`."""
    return Point(
        x, scale * statistics.mean(values), scale * min(values), scale * max(values))


def spread_note(seeds: int) -> str:
    """Say what a point of a curve is."""
    if seeds == 1:
        return "each point: one seed"
    return f"each point: mean of {seeds} seeds; its bar: from the lowest to the highest of them"


def listed(words: Sequence[object], none: str = "none") -> str:
    """Join words by commas and "and"."""
    *others, last = [str(word) for word in words] or [none]
    return f"{', '.join(others)} and {last}" if others else last


def table(header: Sequence[str], rows: Iterable[Sequence[object]], texts: int = 1) -> str:
    """Write a table in Markdown, whose first `texts` columns are texts and all others numbers."""
    rule = ["---" if column < texts else "---:" for column in range(len(header))]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in (header, rule, *rows))
