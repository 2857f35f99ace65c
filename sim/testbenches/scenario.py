"""Scenarios for one ring engine: ops, the words that go in, the words that have to come out.

What comes out follows from docs/architecture.md, section 2, alone; nothing of the RTL is used.
"""

import dataclasses
from random import Random

__all__ = ["GATHER", "GRADIENT", "PASS", "Repetition", "Scenario", "random_scenario"]

# Kinds of op, as docs/architecture.md and `hw.op_fields.GatherKind` number them.
GATHER, PASS, GRADIENT = 2, 3, 8
_REGIONS = 3


@dataclasses.dataclass(frozen=True)
class Repetition:
    """One repetition of one op: the words that go in."""

    kind: int
    base: int
    own_words: list[int]
    received_words: list[int]
    sends: int

    @property
    def sent(self) -> list[int]:
        """What goes downstream: own words first, then what arrived, as many as the op says."""
        return (self.own_words + self.received_words)[:self.sends]

    @property
    def gathered(self) -> list[int]:
        """What the MAC reads."""
        return self.own_words + self.received_words


@dataclasses.dataclass(frozen=True)
class Scenario:
    """Ops for one engine, and all words of their repetitions in order.

    Parameters
    ----------
    ops
        The fields of each op.
    repetitions
        The repetitions of all ops.
    reads
        What the MAC reads, in its order: the number of a repetition, and whether it reads its words
        another time, which it does only where a torus trains.
    region_free
        Per repetition: how many must have been retired, and how many of `reads` be done, before its
        own words may be written.
    """

    ops: list[dict[str, int]]
    repetitions: list[Repetition]
    reads: list[tuple[int, bool]]
    region_free: list[tuple[int, int]]


def random_scenario(seed: int, *, op_count: int, buffer_words: int, word_bits: int,
                    rep_bits: int, last_in_row: bool, trains: bool = False) -> Scenario:
    """Ops of random kinds and sizes over three regions of the buffer."""
    random = Random(seed)
    region_words = buffer_words // _REGIONS
    ops: list[dict[str, int]] = []
    repetitions: list[Repetition] = []
    region_free: list[tuple[int, int]] = []
    regions = _Regions(random, trains)
    asked = 0
    for _ in range(op_count):
        kind = random.choice([GATHER, GATHER, PASS] + [GRADIENT] * trains)
        count = random.randint(1, _REGIONS)
        first = random.randint(0, _REGIONS - count)
        own = random.choice([0, 1, random.randint(1, region_words // 2)])
        recv = random.randint(0 if own else 1, region_words - own)
        lag = (1 << rep_bits) - 1
        asks: list[int] = []
        for region in range(first, first + count):
            region_free.append(regions.free(region))
            reads_needed = region_free[-1][1]
            if reads_needed:
                lag = min(lag, len(regions.reads) - reads_needed + 1)
            asks.append(max(0, reads_needed - asked))
            asked += asks[-1]
            regions.use(region, len(repetitions), kind == GATHER)
            repetitions.append(Repetition(
                kind=kind, base=region * region_words,
                own_words=[random.getrandbits(word_bits) for _ in range(own)],
                received_words=[random.getrandbits(word_bits) for _ in range(recv)],
                sends=(own + recv if own else 0) if last_in_row else recv))
        need = own if trains else int(own > 0)
        fields = {
            "kind": kind, "reps": count - 1, "own": own, "recv": recv,
            "to_gateway": int(own > 0), "base": first * region_words, "stride": region_words,
            "need_first": need, "need_step": need}
        ops += _with_asks(fields, asks) if trains else [{**fields, "lag": lag}]
    return Scenario(ops, repetitions, regions.reads, region_free)


class _Regions:
    """Who used each region last, and what the MAC reads when."""

    def __init__(self, random: Random, trains: bool) -> None:
        self.reads: list[tuple[int, bool]] = []
        self._random = random
        self._trains = trains
        self._last_use: dict[int, int] = {}
        self._last_read: dict[int, int] = {}      # Reads up to the last one of a region.
        self._to_read_again: dict[int, int] = {}  # Region and repetition, the oldest first.

    def free(self, region: int) -> tuple[int, int]:
        """Return how many repetitions are retired, and reads done, once a region is free."""
        if region in self._to_read_again:
            self._read_again(region)
        if self._to_read_again and self._random.random() < 0.5:
            self._read_again(next(iter(self._to_read_again)))
        return self._last_use.get(region, -1) + 1, self._last_read.get(region, 0)

    def use(self, region: int, number: int, gathers: bool) -> None:
        """A repetition has the region from now on."""
        self._last_use[region] = number
        if gathers:
            self._read(region, number, again=False)
            if self._trains and self._random.random() < 0.6:
                self._to_read_again[region] = number

    def _read_again(self, region: int) -> None:
        self._read(region, self._to_read_again.pop(region), again=True)

    def _read(self, region: int, number: int, *, again: bool) -> None:
        self.reads.append((number, again))
        self._last_read[region] = len(self.reads)


def _with_asks(fields: dict[str, int], asks: list[int]) -> list[dict[str, int]]:
    """Return an op that asks for so many reads in each repetition, or one for each of them."""
    if len(set(asks[1:])) <= 1:
        return [{**fields, "need_read": asks[0], "need_read_step": asks[-1]}]
    return [{**fields, "reps": 0, "base": fields["base"] + index * fields["stride"],
             "need_read": ask, "need_read_step": 0} for index, ask in enumerate(asks)]
