"""The table of a campaign, for the terminal and for docs/fuzzing.md."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.fuzz.campaign import Total

__all__ = ["COLUMNS", "MARK", "rows"]

MARK = "fuzz"

COLUMNS = ("target", "inputs tried", "of", "refused in a line", "accepted", "crashed",
           "peak memory, MB", "seconds")


def rows(totals: "Sequence[Total]") -> list[tuple[str, ...]]:
    """Return the cells of the table, a row of each target and one of all."""
    found: list[tuple[str, ...]] = [
        (one.target, f"{one.tried:,}", f"{one.goal:,}", f"{one.refused:,}",
         f"{one.accepted:,}", f"{one.crashed:,}", f"{one.peak_bytes / 1e6:.0f}",
         f"{one.seconds:.0f}") for one in totals]
    if len(totals) > 1:
        sums = [sum(part) for part in zip(*((one.tried, one.goal, one.refused, one.accepted,
                                             one.crashed) for one in totals), strict=True)]
        found.append(("all", *(f"{one:,}" for one in sums),
                      f"{max(one.peak_bytes for one in totals) / 1e6:.0f}",
                      f"{sum(one.seconds for one in totals):.0f}"))
    return found
