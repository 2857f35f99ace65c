"""Are the words of two devices the same, and if not, where do they part."""

import dataclasses
from typing import Any

import numpy as np

from sw_driver.arrays import IntArray

__all__ = ["Comparison", "Difference", "compare_words"]


@dataclasses.dataclass(frozen=True)
class Difference:
    """One output word that is not as expected."""

    sample: int
    output: int
    expected: int
    got: int

    def __str__(self) -> str:
        """Say it in a sentence's words."""
        return (
            f"sample {self.sample}, output {self.output}: {self.expected} expected, got {self.got}"
        )


@dataclasses.dataclass(frozen=True)
class Comparison:
    """How many words were compared and were equal, and the first that was not."""

    compared: int
    equal: int
    first: Difference | None

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can write."""
        return {
            "words_compared": self.compared,
            "words_equal": self.equal,
            "first_difference": self.first and dataclasses.asdict(self.first),
        }

    def rows(self) -> list[tuple[str, str]]:
        """Names and values of a table."""
        return [("words compared", str(self.compared)), ("words equal", str(self.equal))]


def compare_words(expected: IntArray, got: IntArray) -> Comparison:
    """Compare output words [N, O], sample after sample."""
    differs = expected != got
    first: Difference | None = None
    if differs.any():
        sample, output = (int(index[0]) for index in np.nonzero(differs))
        first = Difference(sample, output, int(expected[sample, output]), int(got[sample, output]))
    return Comparison(expected.size, expected.size - int(differs.sum()), first)
