"""How a MAC that makes several products in a cycle walks through the words of a repetition."""

import dataclasses

import numpy as np

from hw.config import TorusConfig
from sw_driver.arrays import IntArray

__all__ = ["ONE_LANE", "MacLanes"]


@dataclasses.dataclass(frozen=True)
class MacLanes:
    """The lanes of a MAC, and what the rings bring it at once.

    Parameters
    ----------
    words
        Words of a sum that it multiplies in a step.
    sums
        Sums that it makes at once. They leave it one a cycle, so it makes no more than one a cycle.
    moved
        Words that a hop of a ring moves at once.
    """

    words: int = 1
    sums: int = 1
    moved: int = 1

    @classmethod
    def of(cls, config: TorusConfig) -> "MacLanes":
        """Return the lanes of a torus."""
        return cls(config.lanes_in, config.lanes_out, config.link_words)

    @property
    def count(self) -> int:
        """Multipliers of a PE."""
        return self.words * self.sums

    def whole_transfers(self, words: int) -> int:
        """Count the words of all transfers that so many words of a node take on a ring."""
        return -(-words // self.moved) * self.moved

    def whole_rows(self, words: int) -> int:
        """Count the words of all rows that so many words take."""
        return -(-words // self.words) * self.words

    def steps(self, words: int, word_step: int = 1) -> int:
        """Count the steps of a sum over each `word_step`-th of so many words."""
        return -(-words // max(word_step, self.words))

    def walks(self, outputs: int) -> int:
        """Count the walks through the words that so many sums over them take."""
        return -(-outputs // self.sums)

    def cycles(self, words: int, outputs: int, word_step: int = 1) -> int:
        """Count the least cycles of a repetition that makes so many sums over the same words."""
        return max(self.walks(outputs) * self.steps(words, word_step), outputs)

    def rows(self, places: IntArray, word_step: int = 1) -> IntArray:
        """Arrange what weights are by the rows in which a MAC meets them.

        Parameters
        ----------
        places
            [..., outputs, fan-in]: a number for the weight of each word of each sum.
        word_step
            From each word of a sum to the next.

        Returns
        -------
        IntArray
            [..., walks * steps * sums * words]: the numbers in the order of the weight memory, -1
            where a row has none.
        """
        outputs, fan_in = places.shape[-2:]
        first = places.shape[:-2]
        # The words of a sum, [..., outputs, steps, words]: one of a row if some are left out.
        steps = fan_in if word_step > self.words else -(-fan_in // self.words)
        if word_step > self.words:
            rows = np.full((*first, outputs, steps, self.words), -1, np.int64)
            numbers: IntArray = np.arange(steps, dtype=np.int64)
            rows[..., numbers, numbers * word_step % self.words] = places
        else:
            words = np.full((*first, outputs, steps * self.words), -1, np.int64)
            words[..., :fan_in] = places
            rows = words.reshape(*first, outputs, steps, self.words)
        walks = self.walks(outputs)
        sums = np.full((*first, walks * self.sums, steps, self.words), -1, np.int64)
        sums[..., :outputs, :, :] = rows
        lanes = sums.reshape(*first, walks, self.sums, steps, self.words)
        return np.swapaxes(lanes, -3, -2).reshape(*first, -1)


ONE_LANE = MacLanes()
"""A MAC that makes one product in a cycle."""
