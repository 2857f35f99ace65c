"""Progress of a run as its counters see it: what has been done, and what was asked for."""

import dataclasses
from collections.abc import Sequence

__all__ = ["Counter", "Region"]


@dataclasses.dataclass
class Region:
    """Progress of one region; counts are of its own axis since the start of the program."""

    sample: int = -1
    landed: int = 0  # What is counted of the MAC's results when its own words are complete.
    ring_ops: int = 0  # Ring ops when its last visit retires.
    reads: int = 0  # Repetitions of the MAC that read this axis, up to the last of this region.
    last_reads: int = 0  # The same for the sample before.
    # Per own word, the gradients that have landed when its own has; of the host's, repetitions.
    gradients: dict[int, int] = dataclasses.field(default_factory=dict[int, int])


@dataclasses.dataclass
class Counter:
    """A progress counter of the hardware: what has been counted, and what was asked for."""

    done: int = 0
    asked: int = 0

    def ask(self, thresholds: Sequence[int]) -> tuple[int, int]:
        """Ask for these counts, repetition after repetition: for the first, and each further."""
        needs: list[int] = []
        for threshold in thresholds:
            needs.append(max([threshold - self.asked, *needs[-1:]]))
        first, step = _as_first_and_step(needs)
        self.asked += first + (len(thresholds) - 1) * step
        return first, step

def _as_first_and_step(needs: list[int]) -> tuple[int, int]:
    """The waits of successive repetitions; all of them at first if they grow unevenly."""
    needs = [max(need, 0) for need in needs]
    growth = {after - before for before, after in zip(needs, needs[1:], strict=False)}
    if len(growth) > 1:
        return needs[-1], 0
    return needs[0], growth.pop() if growth else 0
