"""What a net takes samples for, class by class."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ClassCount", "count_classes"]


@dataclasses.dataclass(frozen=True)
class ClassCount:
    """One class on some samples.

    Parameters
    ----------
    name
        Of the class.
    predicted
        Samples that the net takes for it.
    samples, right
        Samples that are of it, and how many of them the net takes for it; None without labels.
    """

    name: str
    predicted: int
    samples: int | None
    right: int | None

    def row(self) -> tuple[str, ...]:
        """Row of a table; without labels, of two columns."""
        known = () if self.samples is None else (str(self.samples), str(self.right))
        return self.name, str(self.predicted), *known


def count_classes(
    outputs: NDArray[Any], labels: NDArray[np.int64] | None, names: Sequence[str]
) -> list[ClassCount]:
    """Count outputs [N, O], of which the largest is the class, by the classes' names.

    Outputs beyond the names are of no class: samples taken for one count nowhere.
    """
    found = outputs.argmax(axis=1)
    counts: list[ClassCount] = []
    for number, name in enumerate(names):
        taken = found == number
        if labels is None:
            counts.append(ClassCount(name, int(taken.sum()), None, None))
            continue
        there = labels == number
        right = int((there & taken).sum())
        counts.append(ClassCount(name, int(taken.sum()), int(there.sum()), right))
    return counts
