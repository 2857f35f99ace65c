"""Scenarios for one ring engine: ops, the words that go in, the words that have to come out.

What comes out follows from docs/architecture.md, section 2, alone; nothing of the RTL is used.
"""

import dataclasses
from random import Random

__all__ = ["GATHER", "PASS", "Repetition", "Scenario", "random_scenario"]

# Kinds of op, as docs/architecture.md and `hw.op_fields.GatherKind` number them.
GATHER, PASS = 2, 3
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
    region_free
        Per repetition: how many must have been retired, and how many of the gathered ones read,
        before its own words may be written.
    """

    ops: list[dict[str, int]]
    repetitions: list[Repetition]
    region_free: list[tuple[int, int]]


def random_scenario(seed: int, *, op_count: int, buffer_words: int, word_bits: int,
                    rep_bits: int, last_in_row: bool) -> Scenario:
    """Ops of random kinds and sizes over three regions of the buffer."""
    random = Random(seed)
    region_words = buffer_words // _REGIONS
    ops: list[dict[str, int]] = []
    repetitions: list[Repetition] = []
    region_free: list[tuple[int, int]] = []
    last_use: dict[int, tuple[int, int | None]] = {}
    gathered = 0
    for _ in range(op_count):
        kind = random.choice([GATHER, GATHER, PASS])
        count = random.randint(1, _REGIONS)
        first = random.randint(0, _REGIONS - count)
        own = random.choice([0, 1, random.randint(1, region_words // 2)])
        recv = random.randint(0 if own else 1, region_words - own)
        lag = (1 << rep_bits) - 1
        for rep in range(count):
            region = first + rep
            retired, consumed = last_use.get(region, (-1, None))
            region_free.append((retired + 1, 0 if consumed is None else consumed + 1))
            if consumed is not None:
                lag = min(lag, gathered - consumed)
            last_use[region] = (len(repetitions), gathered if kind == GATHER else consumed)
            gathered += kind == GATHER
            repetitions.append(Repetition(
                kind=kind, base=region * region_words,
                own_words=[random.getrandbits(word_bits) for _ in range(own)],
                received_words=[random.getrandbits(word_bits) for _ in range(recv)],
                sends=(own + recv if own else 0) if last_in_row else recv))
        ops.append({
            "kind": kind, "reps": count - 1, "own": own, "recv": recv,
            "to_gateway": int(own > 0), "base": first * region_words, "stride": region_words,
            "need_first": int(own > 0), "need_step": int(own > 0), "lag": lag,
        })
    return Scenario(ops, repetitions, region_free)
