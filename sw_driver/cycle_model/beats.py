"""The cycle of every beat of a run, one way."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["Beats", "Cycles"]

Cycles = NDArray[np.int64]


class Beats:
    """The beats of the host, one way."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.count = 0
        self._later_cycles = 0
        self._stamps: list[int] = []
        self._before: list[Cycles] = []

    @property
    def first(self) -> int:
        """The cycle of the first."""
        return int(self._before[0][0]) if self._before else self._stamps[0]

    def add(self, cycle: int) -> None:
        """Count a beat."""
        self.left -= 1
        self.count += 1
        self._stamps.append(cycle + self._later_cycles)

    def repeat(self, since: int, cycles: int, times: int) -> None:
        """Count all beats after the first `since` so many times more."""
        stamps = np.array(self._stamps, np.int64)
        again = stamps[since:] + cycles * np.arange(1, times + 1)[:, None]
        self._before, self._stamps = [stamps, again.ravel()], []
        self._later_cycles = cycles * times
        self.left -= again.size
        self.count += again.size

    def cycles(self) -> Cycles:
        """The cycle of each."""
        return np.concatenate([*self._before, np.array(self._stamps, np.int64)])
