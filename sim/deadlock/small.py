"""All programs up to a size: which of them the check accepts, and which of them end.

A program is made of letters, a letter for each repetition:

- row queue: I gathers words of the host, G gathers words of the PEs, P passes words of the PEs to
  the host, D brings gradients of the host;
- column queue: G gathers words of the PEs;
- MAC queue: R, for each gather, sums its words up; B goes back from gradients of the host to a row
  and gives sums to the host; C goes back from gradients of columns to a column; and each R writes
  to rows or to columns.

Every order of letters in a queue is tried, every place of the sums in the gateways' queue, a host
that does all at once and one that does one thing after the other in every order, and every value
of every wait up to a bound.
"""

import dataclasses
import itertools
from collections.abc import Iterator

from hw.config import TorusConfig, TrainingConfig
from hw.op_fields import (
    Axis,
    GatherKind,
    HostInKind,
    HostOutKind,
    MacKind,
    RingKind,
    gateway_fields,
    pe_fields,
)
from sw_driver.check.host_waits import HostAction
from sw_driver.program.image import Op

__all__ = ["ORDERS", "TORI", "SmallProgram", "Torus", "small_programs"]

ROW, COL = Axis.ROW.value, Axis.COL.value


@dataclasses.dataclass(frozen=True)
class Torus:
    """A torus, and the words of a block: of a PE's own ones, and of those of the host."""

    config: TorusConfig
    words: int

    @property
    def trains(self) -> bool:
        """Whether letters B, C and D exist."""
        return self.config.training is not None


def _torus(rows: int, cols: int, words: int, trains: bool) -> Torus:
    config = TorusConfig(rows=rows, cols=cols, buffer_words=64, max_fan_in=64, host_bits=32,
                         host_fifo_beats=4, rep_bits=5,
                         training=TrainingConfig(reduce_words=2) if trains else None)
    return Torus(config, words)


TORI = {
    "2x2 infers": _torus(2, 2, 1, False),
    "2x2 trains": _torus(2, 2, 1, True),
    # Blocks of more beats than a FIFO holds, and of more sums than wait at a node.
    "1x1 trains, long blocks": _torus(1, 1, 9, True),
}

ORDERS = {"1x1 infers": _torus(1, 1, 1, False), "1x1 trains": _torus(1, 1, 1, True)}
"""Tori small enough to walk all orders of turns."""


@dataclasses.dataclass(frozen=True)
class SmallProgram:
    """A program of one op for each repetition."""

    text: str
    pe: tuple[list[Op], list[Op], list[Op]]
    gateway: tuple[list[Op], list[Op], list[Op]]
    host: list[HostAction] | None


def small_programs(torus: Torus, size: int, most: int = 1) -> Iterator[SmallProgram]:
    """Go through all programs of one size.

    Parameters
    ----------
    torus
        Of `TORI`.
    size
        Letters of the row, column and MAC queue together.
    most
        The largest value of a wait; the `lag` of a torus that infers is one more.
    """
    for rows in range(size + 1):
        for row in itertools.product("IGPD" if torus.trains else "IGP", repeat=rows):
            for cols in range(size - rows + 1):
                for mac in _macs(torus, row, cols, size - rows - cols):
                    yield from _with_waits(torus, row, cols, mac, most)


def _macs(torus: Torus, row: tuple[str, ...], cols: int, count: int) -> Iterator[tuple[str, ...]]:
    """Go through the MAC queues of so many letters that read every gather once.

    Letters are those of `_mac_op`: for an R, whence and whither.
    """
    from_rows = sum(letter in "IG" for letter in row)
    backs = count - from_rows - cols
    if backs < 0 or (backs and not torus.trains):
        return
    letters = ["rr", "rc", "cr", "cc"] + (["B", "C"] if torus.trains else [])
    for mac in itertools.product(letters, repeat=count):
        if (sum(one[0] == "r" for one in mac), sum(one[0] == "c" for one in mac)) == (
            from_rows, cols
        ):  # fmt: skip
            yield mac


def _with_waits(torus: Torus, row: tuple[str, ...], cols: int, mac: tuple[str, ...],
                most: int) -> Iterator[SmallProgram]:  # fmt: skip
    need = range(most + 1)
    other = need if torus.trains else range(1, most + 2)
    # Gateways give their words as soon as they can: only own words wait for results.
    landed = [need if letter != "I" else need[:1] for letter in row] + [need] * cols
    places = list(_gateway_orders(row, mac))
    for lands in itertools.product(*landed):
        for frees in itertools.product(other, repeat=len(row) + cols):
            for asks in itertools.product(need, repeat=len(mac)):
                for order in places:
                    yield from _with_hosts(torus, row, mac, (lands, frees, asks), order)


def _gateway_orders(row: tuple[str, ...], mac: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Go through all places that taking sums, S, can have among the letters of the row ring."""
    sums = mac.count("B")
    for places in itertools.combinations(range(len(row) + sums), sums):
        rest = iter(row)
        yield tuple("S" if place in places else next(rest) for place in range(len(row) + sums))


def _with_hosts(torus: Torus, row: tuple[str, ...], mac: tuple[str, ...],
                waits: tuple[tuple[int, ...], ...], order: tuple[str, ...],
                ) -> Iterator[SmallProgram]:  # fmt: skip
    lands, frees, asks = waits
    fields = pe_fields(torus.config)
    blank = [dict.fromkeys(one, 0) for one in (*fields, *gateway_fields(torus.config))]
    free = "need_read" if torus.trains else "lag"
    cols = len(lands) - len(row)
    rings = [[blank[0] | _ring_op(torus, letter) | {"need_first": land, free: one}
              for letter, land, one in zip(letters, lands[first:], frees[first:], strict=False)]
             for letters, first in ((row, 0), ("c" * cols, len(row)))]
    macs = [blank[2] | _mac_op(torus, letter, row) | {"need_free": ask}
            for letter, ask in zip(mac, asks, strict=True)]
    served = [_gateway_ops(torus, letter) for letter in order]
    gateway = tuple([blank[3 + queue] | op for ops in served if (op := ops[queue]) is not None]
                    for queue in range(3))
    text = f"{''.join(row)}/{'G' * cols}/{','.join(mac)} {waits} {''.join(order)}"
    queues = (rings[0], rings[1], macs), (gateway[0], gateway[1], gateway[2])
    yield SmallProgram(text, *queues, None)
    gives = [name for ops in served for name, op in (("in", ops[1]), ("out", ops[2])) if op]
    if torus.trains:
        for does in sorted(set(itertools.permutations(gives))):
            yield SmallProgram(f"{text} {' '.join(does)}", *queues, [(one, 1) for one in does])


def _ring_op(torus: Torus, letter: str) -> Op:
    rows, cols, words = torus.config.rows, torus.config.cols, torus.words
    if letter in "ID":
        kind = GatherKind.GATHER if letter == "I" else GatherKind.GRADIENT
        return {"kind": kind.value, "own": 0, "recv": words * cols}
    ring = rows if letter == "c" else cols
    kind = GatherKind.PASS if letter == "P" else GatherKind.GATHER
    return {"kind": kind.value, "own": words, "recv": words * (ring - 1), "to_gateway": 1}


def _mac_op(torus: Torus, letter: str, row: tuple[str, ...]) -> Op:
    words = torus.words
    if letter in "BC":
        axis = ROW if letter == "B" else COL
        blocks = 1 if letter == "B" else torus.config.rows
        return {"kind": MacKind.BACK.value, "axis": axis, "dest": COL,
                "from_host": 1 if letter == "B" else 0, "reduce": 1,
                "host": 1 if letter == "B" else 0, "last_word": words - 1,
                "last_block": blocks - 1}  # fmt: skip
    axis, dest = (ROW if one == "r" else COL for one in letter)
    ring = torus.config.cols if axis == ROW else torus.config.rows
    step = {"word_step": 1} if torus.config.word_steps else {}
    return {"kind": MacKind.RUN.value, "axis": axis, "dest": dest,
            "last_word": words * ring - 1, **step}  # fmt: skip


def _gateway_ops(torus: Torus, letter: str) -> tuple[Op, Op | None, Op | None]:
    """Return what a letter asks of the queues ring, host_in and host_out."""
    config = torus.config
    words = torus.words * config.cols
    collect = {"kind": HostOutKind.COLLECT.value}
    if letter in "ID":
        return ({"kind": RingKind.SEND.value, "send": words},
                {"kind": HostInKind.SCATTER.value, "beats": -(-words // config.beat_words)}, None)
    if letter == "S":
        beats = -(-torus.words * config.sum_chunks // config.beat_words)
        return ({"kind": RingKind.GRADIENT.value, "recv": torus.words}, None,
                {**collect, "beats": beats})
    moved = {"recv": words, "send": words - torus.words}
    if letter == "P":
        return ({"kind": RingKind.SINK.value, **moved}, None,
                {**collect, "beats": -(-words // config.beat_words)})
    return {"kind": RingKind.FORWARD.value, **moved}, None, None
