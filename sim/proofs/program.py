"""Programs for ring engines that stand for all programs: any ops, repeated for ever."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from amaranth import *

from .rtl import Rtl
from .spec import Spec, any_constant

__all__ = ["NUMBERS", "Cursor", "Op", "Program", "at_most", "difference", "next_position", "plus"]

# Repetitions are numbered modulo this: a multiple of the length of every program (1 to 4
# repetitions), so that a number says which op it is of, and more than two players are apart.
NUMBERS = 12
_MOST_BEHIND = 5  # Least difference of two numbers.


def at_most(limit: Any, value: Any) -> Value:
    """Return `value`, or `limit` if that is less."""
    return Mux(Value.cast(value) > limit, limit, value)


def plus(number: Any, more: Any) -> Value:
    """Return the number that lies `more` repetitions (0 to `NUMBERS`) after `number`."""
    total = number + more
    return Mux(total >= NUMBERS, total - NUMBERS, total)[:4]


def difference(m: Module, name: str, minuend: Any, subtrahend: Any) -> Signal:
    """Return how many repetitions `minuend` lies after `subtrahend`, -5 to 6."""
    result = Signal(signed(4), name=name)
    raw = Signal(signed(6), name=f"{name}_raw")
    m.d.comb += [
        raw.eq(minuend - subtrahend),
        result.eq(Mux(raw < -_MOST_BEHIND, raw + NUMBERS,
                      Mux(raw >= NUMBERS - _MOST_BEHIND, raw - NUMBERS, raw))),
    ]
    return result


@dataclass(frozen=True)
class Op:
    """The fields of one op, constants of a run; a node sends `sends` words.

    Of a repetition, `need` is how many results land with its own words: as many as its op asks for
    in its first repetition, and `need_step` in each further one.

    Where a torus trains, the MAC reads each repetition that it gathers, and `again` if the op says
    so; `reads` is how often that is.
    """

    kind: Value
    gathers: Value
    reps: Value
    own: Value
    recv: Value
    to_gateway: Value
    sends: Value
    need: Value
    need_step: Value
    lag: Value
    again: Value

    @property
    def reads(self) -> Value:
        """How often the MAC reads each repetition."""
        return Mux(self.gathers, 1 + self.again, 0)

    @property
    def words(self) -> Value:
        """Words of the region in use."""
        return self.own + self.recv


class Cursor:
    """Where one player is in a program.

    Attributes
    ----------
    number
        Number of the repetition.
    op : Op
        The op that it belongs to.
    rep
        Which repetition of that op it is.
    """

    def __init__(self, program: "Program", name: str, number: Value) -> None:
        self.number = number
        self.op = program.op_at(number)
        self.rep = program.rep_at(number)
        self.last = self.rep == self.op.reps


class Program:
    """One or two ops of 1 or 2 repetitions each, repeated for ever.

    The buffer is divided into `regions` regions of equal size, used in turn, so every repetition
    uses the region of the one `regions` before. Every field that the RTL reads has any value that
    the contract of `hw.ops.gather_op` allows; but some op sends words, and some op gathers.

    Parameters
    ----------
    given
        Per op the fields that have a fixed value.
    ring_nodes
        The node is one of so many in a ring that owns equally many words each, at least one.
    """

    def __init__(self, spec: Spec, name: str, config: Any, rtl: Rtl, *,
                 given: Sequence[dict[str, int]], regions: int, last_in_row: Any,
                 ring_nodes: int | None = None) -> None:
        m = spec.m
        all_kinds = rtl.module("op_fields").GatherKind
        fetched = (all_kinds.END, all_kinds.LOOP, all_kinds.JUMP)  # The fetch unit keeps those.
        kinds = [kind.value for kind in all_kinds
                 if kind not in fetched and kind.value < 1 << config.kind_bits]
        self.config = config
        self.regions = regions
        self.region_words = config.buffer_words // regions
        self.stride = self.region_words if regions > 1 else 0
        self.ops: list[Op] = []
        count = config.count_bits
        for index, fields in enumerate(given):
            def constant(field: str, shape: Any, index: int = index,
                         fields: dict[str, int] = fields) -> Value:
                if field in fields:
                    return Const(fields[field], shape)
                return any_constant(m, f"{name}_{field}_{index}", shape)

            def signal(field: str, shape: Any, value: Any, index: int = index) -> Signal:
                named = Signal(shape, name=f"{name}_op_{field}_{index}")
                m.d.comb += named.eq(value)
                return named

            kind = signal("kind", config.kind_bits,
                          Array(kinds)[constant("kind", range(len(kinds)))])
            any_own = constant("own", count)
            if ring_nodes is None:
                any_recv = constant("recv", count)
                own = signal("own", count, at_most(self.region_words, any_own))
                recv = signal("recv", count, Mux((own == 0) & (any_recv == 0), 1,
                                                 at_most(self.region_words - own, any_recv)))
            else:
                own = signal("own", count, at_most(self.region_words // ring_nodes,
                                                   Mux(any_own == 0, 1, any_own)))
                recv = signal("recv", count, own * (ring_nodes - 1))
            to_gateway = constant("to_gateway", 1)
            # All results that may have landed and not been asked for can be counted.
            most_need = ((1 << config.rep_bits) - 1) // regions

            def needs(field: str, constant: Any = constant, signal: Any = signal,
                      own: Value = own, most_need: int = most_need) -> Signal:
                # Each of the last so many words of a repetition ends a MAC repetition.
                need = constant(field, config.rep_bits)
                return signal(field, config.rep_bits, Mux(own == 0, 0, at_most(
                    most_need, Mux(need == 0, 1, at_most(own, need)))))

            need = needs("need")
            self.ops.append(Op(
                kind=kind, gathers=signal("gathers", 1, kind == all_kinds.GATHER.value),
                reps=constant("reps", 1), own=own, recv=recv, to_gateway=to_gateway,
                sends=signal("sends", count, Mux(
                    last_in_row, Mux(to_gateway, own + recv, 0), recv)),
                need=need, need_step=need if ring_nodes is not None else needs("need_step"),
                lag=Signal(config.rep_bits, name=f"{name}_op_lag_{index}"),
                again=Const(0) if config.training is None else constant("again", 1)))
        spec.assume(Cat(op.gathers for op in self.ops).any())
        spec.assume(Cat(op.sends != 0 for op in self.ops).any())
        self._number_repetitions()
        for index in range(len(given)):
            self._allow_lags(spec, name, index)

    def _number_repetitions(self) -> None:
        """Per number, which op and which of its repetitions it is."""
        all_reps = list(itertools.product((0, 1), repeat=len(self.ops)))
        choice = Cat(op.reps for op in self.ops)
        self._index_at, self._rep_at = [], []
        for number in range(NUMBERS):
            places = []
            for reps in all_reps:
                # In the order of the values of `choice`: the first op is its lowest bit.
                walk = [(index, rep) for index, most in enumerate(reversed(reps))
                        for rep in range(most + 1)]
                places.append(walk[number % len(walk)])
            self._index_at.append(Array(index for index, _ in places)[choice])
            self._rep_at.append(Array(rep for _, rep in places)[choice])

    def op_at(self, number: Value) -> Op:
        """Return the op of a repetition."""
        index = Array(self._index_at)[number]
        op = Op(**{field: Array(getattr(op, field) for op in self.ops)[index]
                   for field in Op.__dataclass_fields__})
        return replace(op, need=Mux(self.rep_at(number) == 0, op.need, op.need_step))

    def rep_at(self, number: Value) -> Value:
        """Return which repetition of its op a repetition is."""
        return Array(self._rep_at)[number]

    def after(self, number: Value, only: Callable[[Op], Value]) -> Value:
        """Return the next repetition of an op that `only` is true of."""
        found = plus(number, 4)
        for more in (3, 2, 1):
            candidate = plus(number, more)
            found = Mux(only(self.op_at(candidate)), candidate, found)
        return found

    def _allow_lags(self, spec: Spec, name: str, index: int) -> None:
        """Any lag with which the last user of each region has been consumed."""
        op, before, before_that = (self.ops[(index - back) % len(self.ops)] for back in range(3))
        most = (1 << self.config.rep_bits) - 1

        def limit(earlier: list[Any]) -> Value:
            # `earlier`: whether the repetition before gathers, and the one before that.
            waiting = earlier[0] if self.regions == 2 else 0
            return Mux(earlier[self.regions - 1], 1 + waiting, most)

        first = limit([before.gathers, Mux(before.reps, before.gathers, before_that.gathers)])
        second = limit([op.gathers, before.gathers])
        both = at_most(Mux(op.reps, second, most), first)
        lag = any_constant(spec.m, f"{name}_lag_{index}", self.config.rep_bits)
        spec.m.d.comb += op.lag.eq(Mux(lag == 0, 1, at_most(both, lag)))

    def base(self, number: Any) -> Value:
        """Return the address of the region of a repetition."""
        return Const(0) if self.regions == 1 else Mux(number[0], self.region_words, 0)

    def player(self, spec: Spec, name: str) -> Cursor:
        """Return a player's place, a register that begins at the first repetition.

        Whoever makes it lets it move on, by assignments to its `number`.
        """
        return Cursor(self, name, Signal(range(NUMBERS), name=f"{name}_number"))


def next_position(program: Program, number: Value, position: Value) -> tuple[Value, Value]:
    """Return the repetition and the position in it of the next word that is sent."""
    ends = position + 1 >= program.op_at(number).sends
    return (Mux(ends, program.after(number, lambda op: op.sends != 0), number),
            Mux(ends, 0, position + 1)[:len(position)])
