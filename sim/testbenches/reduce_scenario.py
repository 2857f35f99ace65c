"""Scenarios for one reduce engine: what goes in, and what has to come out.

What comes out follows from docs/training.md, "RingReduce", alone; nothing of the RTL is used.
"""

import dataclasses
from random import Random
from typing import Any

__all__ = ["Contribution", "ReduceScenario", "random_reduction"]


@dataclasses.dataclass(frozen=True)
class Contribution:
    """What the MAC hands over; `place` is what goes along with a sum that stays."""

    sum: int
    takes: bool
    keeps: bool
    to_host: bool
    place: dict[str, int]


@dataclasses.dataclass(frozen=True)
class ReduceScenario:
    """Contributions, and the partial sums that arrive, each in order.

    Parameters
    ----------
    contributions
        In the order in which the MAC hands them over.
    partials
        As many as there are contributions that take one.
    """

    contributions: list[Contribution]
    partials: list[int]

    def _totals(self) -> list[tuple[Contribution, int]]:
        arrived = iter(self.partials)
        return [(one, one.sum + (next(arrived) if one.takes else 0)) for one in self.contributions]

    @property
    def sent(self) -> list[tuple[int, bool]]:
        """What goes on: the sums, and whether they are the host's."""
        return [(total, one.to_host) for one, total in self._totals() if not one.keeps]

    @property
    def kept(self) -> list[tuple[int, dict[str, int]]]:
        """What stays: the sums, and their places."""
        return [(total, one.place) for one, total in self._totals() if one.keeps]


def random_reduction(seed: int, *, length: int, sum_bits: int,
                     place_bits: dict[str, int]) -> ReduceScenario:
    """Contributions in stretches of one kind, as a repetition has them, or mixed at random.

    Parameters
    ----------
    length
        Number of contributions.
    sum_bits
        Width of a sum; no sum that is added up here exceeds it.
    place_bits
        The fields of a place, and their widths.
    """
    random = Random(seed)
    # Half of the range, so that a total fits.
    edge = 1 << (sum_bits - 2)

    def some_sum() -> int:
        return random.choice([-edge, edge - 1, -1, random.randrange(-edge, edge)])

    contributions: list[Contribution] = []
    while len(contributions) < length:
        fixed: dict[str, Any] = {
            "takes": random.random() < 0.6, "keeps": random.random() < 0.4,
            "to_host": random.random() < 0.5}
        mixed = random.random() < 0.3
        for _ in range(random.randint(1, 40)):
            flags = {name: random.random() < 0.5 for name in fixed} if mixed else fixed
            contributions.append(Contribution(
                sum=some_sum(), **flags,
                place={name: random.getrandbits(bits) for name, bits in place_bits.items()}))
    contributions = contributions[:length]
    return ReduceScenario(contributions,
                          [some_sum() for one in contributions if one.takes])
