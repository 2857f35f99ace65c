"""The table of a campaign, for the terminal and for docs/faults.md."""

from collections.abc import Sequence

from .campaign import Total
from .training_bench import PREFIX

__all__ = ["COLUMNS", "MARK", "TRAINING_MARK", "rows"]

MARK, TRAINING_MARK = "flips", "training-flips"

COLUMNS = ("place", "checks", "flips", "masked", "flagged, outputs right", "detected", "silent",
           "hang", "live", "silent of live, at most")


def rows(totals: Sequence[Total]) -> list[tuple[str, ...]]:
    """Return the cells of the table, a row of each kind of place and number of checks."""
    return [(one.kind.removeprefix(PREFIX), str(one.checks), f"{one.flips:,}", f"{one.masked:,}",
             f"{one.flagged:,}", f"{one.detected:,}", f"{one.silent:,}", f"{one.hang:,}",
             f"{one.live:,}", f"{one.most_silent:.1%}" if one.live else "none is live")
            for one in totals]
