"""Progress of a run as its counters see it: what has been done, and what was asked for."""

import dataclasses
from collections.abc import Sequence

__all__ = ["Counter", "Region", "lag"]


@dataclasses.dataclass
class Region:
    """Progress of one region; counts are of its own axis since the start of the program."""

    sample: int = -1
    landed: int = 0  # The count of landed results (or repetitions) when its own words are complete.
    ring_ops: int = 0  # The count of retired repetitions when its last visit has retired.
    reads: int = 0  # The count of the MAC's readings of this axis, with those of this region.
    last_reads: int = 0  # What `reads` was for the sample before.
    # For each own word the count of landed gradients when the word's own gradient has landed. If
    # the host sends the gradients, their repetitions are counted.
    gradients: dict[int, int] = dataclasses.field(default_factory=dict[int, int])


@dataclasses.dataclass
class Counter:
    """A progress counter of the hardware: what has been counted, and what was asked for."""

    done: int = 0
    asked: int = 0

    def ask(self, thresholds: Sequence[int]) -> tuple[int, int]:
        """Ask for these totals, one for each repetition of an op.

        Returns
        -------
        tuple of (int, int)
            What the op must ask for in its first repetition, and in each further one.
        """
        needs: list[int] = []
        for threshold in thresholds:
            needs.append(max([threshold - self.asked, *needs[-1:]]))
        first, step = _as_first_and_step(needs)
        self.asked += first + (len(thresholds) - 1) * step
        return first, step


def lag(reads: Counter, free: Sequence[int], most: int) -> int:
    """Return how many gathered repetitions may wait for the MAC, plus one; `most` for any number.

    `free` has for each repetition of a gather the count of readings that must be over. Each gather
    is read once, so as many have been gathered by then as will have been read.
    """
    lags = [reads.done + rep - read + 1 for rep, read in enumerate(free) if read]
    return min(lags, default=most)


def _as_first_and_step(needs: list[int]) -> tuple[int, int]:
    """Return what the first repetition, and each further one, asks for.

    If the needs grow unevenly, the first repetition asks for all of them.
    """
    needs = [max(need, 0) for need in needs]
    growth = {after - before for before, after in zip(needs, needs[1:], strict=False)}
    if len(growth) > 1:
        return needs[-1], 0
    return needs[0], growth.pop() if growth else 0
