"""Where the ops of a gateway are, and which words go where, by its ports alone."""

from typing import Any

from amaranth import *

from hw.config import TorusConfig
from hw.op_fields import RingKind

from .spec import Spec, any_constant
from .streams import check_holds

__all__ = ["FromHost", "GatewayWalk", "ToHost"]

_BEATS = 16  # Beats are numbered modulo this; fewer are ever in a gateway.


class GatewayWalk:
    """Where the ops of a gateway are, by its ring ports and the op that its sequencer gives it.

    Attributes
    ----------
    kind, reps, recv, send
        As the op in progress has them.
    active, rep
        An op is in progress, and in which repetition.
    got, gave
        Words of the repetition that were received, and that were shown at `o` or are the program's.
    received, shows, boots
        A word is received in this cycle, shown at `o` for the first time, or one of the program.
    from_host
        A word of the host is shown or is one of the program.
    forwards, sinks
        A word is received to be sent on, or for the host.
    block_ends
        The host's word of this cycle is the last of its block.
    finishes
        All that the repetition asks for has been done.
    """

    def __init__(self, spec: Spec, gateway: Any, sequencer: Any, received: Value) -> None:
        m = spec.m
        queue = sequencer.queue_0
        fields = queue.p
        self.kind = Signal.like(fields.kind, name="kind")
        self.reps, self.rep = (Signal.like(fields.reps, name=name) for name in ("reps", "rep"))
        self.recv, self.got = (Signal.like(fields.recv, name=name) for name in ("recv", "got"))
        self.send, self.gave = (Signal.like(fields.send, name=name) for name in ("send", "gave"))
        self.active, self.finishes = Signal(name="op_in_progress"), Signal(name="finishes")
        self.received = received
        self.shows, waited = Signal(name="shows"), Signal(name="o_waited")
        self.boots = sequencer.load.valid
        is_sink = self.kind == RingKind.SINK
        self.is_send = self.kind == RingKind.SEND
        self.is_program = self.kind == RingKind.PROGRAM
        self.passes = (self.kind == RingKind.FORWARD) | is_sink
        self.is_sink = is_sink
        m.d.sync += waited.eq(gateway.o.valid & ~gateway.o.ready)
        shown = self.gave + self.shows
        self.from_host = (self.shows & self.is_send) | self.boots
        self.block_ends = self.gave + 1 == self.send
        self.forwards = received & (self.got < self.send)
        self.sinks = received & is_sink
        m.d.comb += [
            self.shows.eq(gateway.o.valid & ~waited),
            self.finishes.eq(self.active & (self.got == self.recv) & (shown == self.send)),
        ]
        with m.If(self.finishes):
            m.d.sync += [self.got.eq(0), self.gave.eq(0), self.rep.eq(self.rep + 1)]
            with m.If(self.rep == self.reps):
                m.d.sync += self.active.eq(0)
        with m.Else():
            m.d.sync += [self.got.eq(self.got + received), self.gave.eq(shown + self.boots)]
        with m.If(queue.valid & queue.ready):
            m.d.sync += [self.active.eq(1), self.rep.eq(0), self.kind.eq(fields.kind),
                         self.reps.eq(fields.reps), self.recv.eq(fields.recv),
                         self.send.eq(fields.send)]
        spec.check("an op is taken before the one before is done with, or too late",
                   queue.ready == (~self.active | (self.finishes & (self.rep == self.reps))))
        spec.check("it is said to be idle, or not", sequencer.idle == ~self.active)
        spec.check("it receives what is not due",
                   ~received | (self.active & self.passes & (self.got < self.recv)))
        spec.check("it shows what is not due", ~self.shows | (
            self.active & ~self.is_program & (self.gave < self.send)))
        spec.check("it boots what is not due", ~self.boots | (
            self.active & self.is_program & (self.gave < self.send)))
        self._check_forwards(spec, gateway)

    def _check_forwards(self, spec: Spec, gateway: Any) -> None:
        """A word to be sent on is shown in the next cycle, and no other is where there is none."""
        went, word = Signal(name="went_on"), Signal.like(gateway.i.payload, name="word_before")
        spec.m.d.sync += [went.eq(self.forwards), word.eq(gateway.i.payload)]
        spec.check("a word is not sent on in the next cycle, or none was to be",
                   (self.shows & self.passes) == went)
        spec.check("another word is sent on", ~went | (gateway.o.payload == word))
        spec.lemma("what was to be sent on", ~went | (self.active & self.passes))


class FromHost:
    """The beats of the host, one of which is watched, and which word of them comes next.

    A beat is transferred on `host_in` with `comes`.

    Attributes
    ----------
    number, beat
        The number of a beat, any; and what was in it.
    came, used, at
        Beats that have come, and that are done with; the word of the next one that comes next.
    used_next, at_next
        These after what is shown in this cycle.
    word
        That word, if the beat is the watched one.
    """

    def __init__(self, spec: Spec, config: TorusConfig, gateway: Any, walk: GatewayWalk,
                 sequencer: Any, comes: Value) -> None:
        m = spec.m
        in_beat = config.beat_words
        self.number = any_constant(m, "watched_beat_in", range(_BEATS))
        self.beat = Signal(config.host_bits, name="beat_in")
        self.came = Signal(range(_BEATS), name="came")
        self.used = Signal(range(_BEATS), name="used")
        self.at = Signal(range(in_beat), name="at")
        self.used_next, self.at_next = Signal.like(self.used), Signal.like(self.at)
        shows = walk.shows & walk.is_send
        ends = walk.block_ends | (self.at == in_beat - 1)
        goes = walk.from_host
        m.d.comb += [
            self.used_next.eq(self.used + (shows & ends)),
            self.at_next.eq(Mux(shows, Mux(ends, 0, self.at + 1), self.at)),
        ]
        with m.If(goes):
            m.d.sync += [self.at.eq(Mux(ends, 0, self.at + 1)), self.used.eq(self.used + ends)]
        with m.If(comes):
            m.d.sync += self.came.eq(self.came + 1)
            with m.If(self.came == self.number):
                m.d.sync += self.beat.eq(gateway.host_in.payload)
        word = self.beat.word_select(self.at, config.link_bits)
        is_it = self.used == self.number
        self.inside = Signal.like(self.came, name="beats_inside")
        m.d.comb += self.inside.eq(self.came - self.used)
        spec.check("a word is shown or booted before it has come", ~goes | (self.inside != 0))
        spec.check("another word of the host goes round the ring",
                   ~(shows & is_it) | (gateway.o.payload == word))
        spec.check("another word of the host is in the program",
                   ~(walk.boots & is_it) | (sequencer.load.payload == word))
        spec.check("a beat waits though there is room", gateway.host_in.ready
                   | (self.inside >= config.host_fifo_beats - 1))
        owed = (self.inside != 0) & walk.active & (walk.gave < walk.send) & Mux(
            walk.is_send, ~gateway.o.valid, walk.is_program & ~walk.boots)
        self.wait = spec.check_soon("a word of the host is stuck", owed, 3)


class ToHost:
    """The beats for the host, of one of which one word is watched.

    A beat is transferred on `host_out` with `goes`.

    Attributes
    ----------
    number, place
        The number of a beat and that of a word in it, any.
    word
        That word, or 0 if the beat is closed before it.
    closed, at, gone
        Beats that are whole, words of the one that is not, and beats that the host has.
    """

    def __init__(self, spec: Spec, config: TorusConfig, gateway: Any, walk: GatewayWalk,
                 goes: Value) -> None:
        m = spec.m
        in_beat = config.beat_words
        self.number = any_constant(m, "watched_beat_out", range(_BEATS))
        self.place = any_constant(m, "watched_place", range(in_beat))
        self.word = Signal(config.link_bits, name="word_out")
        self.closed = Signal(range(_BEATS), name="closed")
        self.gone = Signal(range(_BEATS), name="gone")
        self.at = Signal(range(in_beat), name="at_out")
        with m.If(walk.sinks):
            ends = (walk.got + 1 == walk.recv) | (self.at == in_beat - 1)
            m.d.sync += [self.at.eq(Mux(ends, 0, self.at + 1)), self.closed.eq(self.closed + ends)]
            with m.If(self.closed == self.number):
                with m.If(self.at == self.place):
                    m.d.sync += self.word.eq(gateway.i.payload)
                with m.Elif(self.at == 0):
                    m.d.sync += self.word.eq(0)
        check_holds(spec, "host_out", gateway.host_out)
        m.d.sync += self.gone.eq(self.gone + goes)
        self.inside = Signal.like(self.closed, name="beats_for_host")
        m.d.comb += self.inside.eq(self.closed - self.gone)
        spec.check("there is a beat for the host that is none",
                   ~gateway.host_out.valid | (self.inside != 0))
        spec.check("a beat for the host has another word", ~gateway.host_out.valid
                   | (self.gone != self.number)
                   | (gateway.host_out.payload.word_select(self.place, config.link_bits)
                      == self.word))
        self.wait = spec.check_soon("a beat for the host is stuck",
                                    (self.inside != 0) & ~gateway.host_out.valid, 2)
        owed = (walk.active & walk.passes & (walk.got < walk.recv) & ~gateway.i.ready
                & (~gateway.o.valid | gateway.o.ready)
                & (~walk.is_sink | (self.inside < config.host_fifo_beats - 1)))
        spec.check("it does not receive though there is room", ~owed)
