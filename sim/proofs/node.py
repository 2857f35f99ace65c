"""What one ring engine must do, checked at its ports, whatever is round it."""

from dataclasses import dataclass
from typing import Any

from amaranth import *

from hw.config import READ_CYCLES

from .pe_side import PeSide
from .program import NUMBERS, Program, difference, next_position
from .spec import Spec, Wait, any_constant
from .streams import check_holds

__all__ = ["NodeCheck", "Watch"]


@dataclass(frozen=True)
class Watch:
    """One word of any repetition of a node, followed from where it comes to where it goes.

    Attributes
    ----------
    number, position
        Any repetition, and any position in its region: own words first, then what arrives.
    word
        The word that came to be there.
    to_send, to_read
        It has come, and has still to be sent downstream, or may be read by the MAC.
    was_read
        On which of the last cycles it was read.
    """

    number: Value
    position: Value
    word: Signal
    to_send: Signal
    to_read: Signal
    was_read: Signal


class NodeCheck:
    """Checks one engine: nothing is lost, doubled, reordered or changed, and nothing is stuck.

    Each of the four players (upstream, downstream, and the writer and the reader of `PeSide`) is
    followed through the program. As the watched word is any word, every word of every repetition
    goes downstream once and in its turn, as the op says, and the MAC reads it where it expects it.

    Parameters
    ----------
    node : RingGather
        Its ring and PE ports; they are driven by others.
    received, sent
        A word is transferred on `node.i`, or on `node.o`.
    rest_cycles, restarts
        As `PeSide` has them.
    watched
        Number and position of the watched word, instead of any.

    Attributes
    ----------
    side : PeSide
        The PE of the node.
    arrived
        Words of the current repetition that have arrived.
    out : Cursor
        The repetition of the next word that departs.
    departed
        Words of it that have departed.
    unsent
        Repetitions from `out` to the current one.
    watch : Watch
    waits
        What the node owes, and for how many cycles.
    """

    def __init__(self, spec: Spec, name: str, program: Program, node: Any, received: Value,
                 sent: Value, *, rest_cycles: int | None = None, restarts: bool = False,
                 watched: tuple[Value, Value] | None = None) -> None:
        m = spec.m
        count = program.config.count_bits
        self.name = name
        self.program = program
        self.node = node
        self.side = side = PeSide(spec, name, program, node.pe, rest_cycles,
                                       restarts=restarts)
        self.arrived = Signal(count, name=f"{name}_arrived")
        self.out = program.player(spec, f"{name}_out")
        self.departed = Signal(count, name=f"{name}_departed")
        self.unsent = difference(m, f"{name}_unsent", side.current.number, self.out.number)

        self._check_receiver(spec, received)
        self._check_sender(spec, sent)
        if watched is None:
            number = any_constant(m, f"{name}_watched_number", side.current.number.shape())
            spec.assume(number < NUMBERS)
            watched = number, any_constant(m, f"{name}_watched_position", count)
        self.watch = self._follow_a_word(spec, received, sent, *watched)
        self.waits = self._check_progress(spec)

    def _check_receiver(self, spec: Spec, received: Value) -> None:
        name, side, tap = self.name, self.side, self.node.pe.tap
        op = side.current.op
        spec.m.d.sync += self.arrived.eq(Mux(side.retires, 0, self.arrived + received))
        spec.check(f"{name}: takes a word when none is due",
                   ~received | (self.arrived < op.recv))
        spec.check(f"{name}: retires before all words have arrived",
                   ~side.retires | (self.arrived + received == op.recv))
        # The tap shows what was received in the cycle before.
        shown = Signal(1 + len(op.kind) + len(self.node.i.payload), name=f"{name}_tap")
        spec.m.d.sync += shown.eq(Cat(received, op.kind, self.node.i.payload))
        spec.check(f"{name}: the tap does not show what was received",
                   (tap.valid == shown[0])
                   & (~tap.valid | (Cat(tap.p.kind, tap.p.word) == shown[1:])))

    def _check_sender(self, spec: Spec, sent: Value) -> None:
        m = spec.m
        name, out = self.name, self.out
        check_holds(spec, f"{name}_out", self.node.o)
        # The first op of the program may be one of which nothing is sent.
        with m.If((out.op.sends == 0) | sent):
            number, position = next_position(self.program, out.number, self.departed)
            m.d.sync += [out.number.eq(number), self.departed.eq(position)]
        spec.check(f"{name}: sends a word of a repetition that has not begun",
                   ~sent | (self.unsent >= 0))

    def _follow_a_word(self, spec: Spec, received: Value, sent: Value, number: Value,
                       position: Value) -> Watch:
        m = spec.m
        name, side, program = self.name, self.side, self.program
        current, written, read, out = side.current, side.written, side.read, self.out
        word = Signal(program.config.word_bits, name=f"{name}_watched_word")
        to_send = Signal(name=f"{name}_to_send")
        to_read = Signal(name=f"{name}_to_read")
        own_comes = (side.writes & (written.number == number)
                     & (side.write_position == position))
        other_comes = (received & (current.number == number)
                       & (current.op.own + self.arrived == position))
        op = program.op_at(number)
        node_reread = Const(0) if program.config.training is None else self.node.pe.reread
        goes = sent & (out.number == number) & (self.departed == position)
        is_read = (side.reads & (read.number == number) & (side.read_position == position)) | (
            side.reads_again & (side.again_number == number) & (side.again_position == position))
        done = Mux(op.again, node_reread & (side.again_number == number),
                   side.consumes & (read.number == number))
        with m.If(own_comes | other_comes):
            m.d.sync += [
                word.eq(Mux(own_comes, side.write_word, self.node.i.payload)),
                to_send.eq(position < op.sends),
                to_read.eq(op.gathers),
            ]
        with m.Else():
            m.d.sync += [
                to_send.eq(to_send & ~goes),
                to_read.eq(to_read & ~done),
            ]
        from_current = difference(m, f"{name}_watched_later", number, current.number)
        with m.If(side.starts):  # What goes out still does; what has not begun is forgotten.
            m.d.sync += to_read.eq(0)
            with m.If((from_current >= 0) & (from_current <= program.regions)):
                m.d.sync += to_send.eq(0)
        was_read = Signal(READ_CYCLES, name=f"{name}_was_read")  # The n-th bit: n + 1 cycles ago.
        m.d.sync += was_read.eq(Mux(side.starts, 0, Cat(is_read, was_read)))
        spec.check(f"{name}: sends a word that has not come", ~goes | to_send)
        spec.check(f"{name}: sends another word", ~goes | (self.node.o.payload == word))
        spec.check(f"{name}: lets a word be read that has not come", ~is_read | to_read)
        spec.check(f"{name}: another word is read", ~was_read[-1] | (side.got_word == word))
        spec.check(f"{name}: overwrites a word that was not sent",
                   ~(own_comes | other_comes) | ~to_send)
        spec.check(f"{name}: overwrites a word that was not read",
                   ~(own_comes | other_comes) | ~to_read)
        return Watch(number, position, word, to_send, to_read, was_read)

    def _check_progress(self, spec: Spec) -> dict[str, Wait]:
        """What can happen happens within a few cycles: so nothing is ever stuck in a node."""
        name, side, node = self.name, self.side, self.node
        op = side.current.op
        here = op.own + self.arrived  # Words that can be sent or read, once `landed`.
        all_sent = (self.unsent < 0) | ((self.unsent == 0) & (self.departed == op.sends))
        current_read = (side.unread == 0) & side.due & side.landed & (side.read_position < here)
        owed = {
            "retire": (2, side.due & ~side.retires & side.landed & (self.arrived == op.recv)
                       & all_sent),
            "send": (4, side.due & ~node.o.valid & side.landed & (self.unsent == 0)
                     & (self.departed < here) & (self.departed < op.sends)),
            "receive": (2, side.due & ~node.i.ready & ~side.writes & (self.arrived < op.recv)),
            "let the MAC read": (3, side.wants & ~side.reads & ((side.unread > 0) | current_read)),
        }
        return {what: spec.check_soon(f"{name}: does not {what}", is_owed, cycles)
                for what, (cycles, is_owed) in owed.items()}
