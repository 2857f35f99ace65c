"""`BusStreams`: beats of AXI4-Stream stay until they are taken, once and in order, with `tlast`."""

from typing import Any

from amaranth import *

from .inside import Inside
from .rtl import Rtl
from .spec import Spec, any_value
from .streams import check_holds, drive, take

__all__ = ["axi_stream_spec"]

_BEAT_BITS = 4
_ROOM_BEATS = 2
_COUNT_BITS = 32


def axi_stream_spec(rtl: Rtl) -> Spec:
    """Streams of a bus between any masters that keep to the rules and a torus that does anything.

    The torus may offer any beat on any cycle, and take it back. It is reset at any time, and
    LAST_BEATS is written at any time. Any one beat of the torus is watched, as in the proof of
    links; `left` counts the beats of a packet down, from its length.
    """
    spec = Spec()
    m = spec.m
    streams = rtl.module("bus.bus_streams").BusStreams(_BEAT_BITS, has_last=True)
    m.submodules.streams = streams
    reset = any_value(m, "reset", 1)
    m.d.comb += [
        streams.reset.eq(reset),
        streams.from_torus.valid.eq(any_value(m, "torus_offers", 1)),
        streams.from_torus.payload.eq(any_value(m, "torus_beat", _BEAT_BITS)),
    ]
    written = any_value(m, "written", 1)
    last_beats = Signal(_COUNT_BITS)
    counts_anew = Signal()
    m.d.sync += counts_anew.eq(written)
    with m.If(written):
        m.d.sync += last_beats.eq(any_value(m, "length", _COUNT_BITS))
    m.d.comb += [streams.last_beats.eq(last_beats), streams.counts_anew.eq(counts_anew)]

    _check_way_in(spec, streams, reset)
    comes_out = take(spec, "out", streams.host_out)
    check_holds(spec, "out", streams.host_out)
    given = Signal()
    m.d.comb += given.eq(streams.from_torus.valid & streams.from_torus.ready & ~reset)
    is_last, left = _packets(spec, given, reset | counts_anew, last_beats)
    inside = Signal(range(_ROOM_BEATS + 2))
    m.d.sync += inside.eq(inside + given - comes_out)
    spec.check("more beats inside than there is room for", inside <= _ROOM_BEATS)
    spec.check("a beat comes out that the torus did not give, or stays inside",
               streams.host_out.valid == (inside != 0))
    spec.check("there is room and no beat is taken, or none and one is",
               streams.from_torus.ready == (inside < _ROOM_BEATS))

    watched = _watch(spec, streams, given, comes_out, inside, is_last,
                     any_value(m, "pick", 1) & ~counts_anew)
    was_reset = Signal()
    filled = Signal()
    m.d.sync += [
        was_reset.eq(was_reset | (reset & (inside != 0))),
        filled.eq(watched.on & (filled | (inside == _ROOM_BEATS))),
    ]
    spec.goal = (was_reset & filled & watched.turn & comes_out & watched.last & (last_beats == 2))
    spec.look_inside(lambda: _lemmas(spec, streams, watched, inside, left, last_beats))
    return spec


def _check_way_in(spec: Spec, streams: Any, reset: Value) -> None:
    """What the bus sends is with the torus in the same cycle, or stays on offer."""
    goes_in = drive(spec, "in", streams.host_in)
    taken = take(spec, "torus", streams.to_torus)
    spec.check("a beat is taken that the torus does not take, or the other way round",
               goes_in == taken)
    spec.check("the torus takes another beat",
               ~taken | (streams.to_torus.payload == streams.host_in.payload))
    spec.check("a beat is taken in the cycle of a reset", ~(taken & reset))
    spec.check("a beat on offer is kept from the torus",
               reset | (streams.to_torus.valid == streams.host_in.valid))


def _packets(spec: Spec, given: Value, anew: Value, length: Value) -> tuple[Signal, Signal]:
    """Whether the beat of this cycle is the last of its packet, and how many are left with it."""
    m = spec.m
    left = Signal(_COUNT_BITS)
    is_last = Signal()
    m.d.comb += is_last.eq((length != 0) & (left == 1))
    with m.If(anew):
        m.d.sync += left.eq(length)
    with m.Elif(given):
        m.d.sync += left.eq(Mux(is_last, length, left - 1))
    # LAST_BEATS takes its new value in the cycle in which it says that packets begin anew.
    return is_last, left


class _Watched:
    """A beat of the torus, picked at any time, and how many come out before it."""

    def __init__(self) -> None:
        self.on = Signal(name="watching")
        self.beat = Signal(_BEAT_BITS, name="watched")
        self.last = Signal(name="watched_last")
        self.ahead = Signal(range(_ROOM_BEATS + 2), name="ahead")
        self.turn = self.on & (self.ahead == 0)


def _watch(spec: Spec, streams: Any, given: Value, comes_out: Value, inside: Value,
           is_last: Value, pick: Value) -> _Watched:
    m = spec.m
    watched = _Watched()
    with m.If(given & ~watched.on & pick):
        m.d.sync += [
            watched.on.eq(1),
            watched.beat.eq(streams.from_torus.payload),
            watched.last.eq(is_last),
            watched.ahead.eq(inside - comes_out),
        ]
    with m.Elif(comes_out):
        m.d.sync += [watched.on.eq(watched.on & (watched.ahead != 0)),
                     watched.ahead.eq(watched.ahead - 1)]
    out = streams.host_out
    spec.check("another beat comes out in its turn",
               ~(watched.turn & comes_out) | (out.p.beat == watched.beat))
    spec.check("a beat is marked as the last and is not, or is and is not marked",
               ~(watched.turn & comes_out) | (out.p.last == watched.last))
    return watched


def _lemmas(spec: Spec, streams: Any, watched: _Watched, inside: Value, left: Value,
            last_beats: Value) -> None:
    """Where the beats are, and how the count goes up as `left` goes down."""
    registers = Inside(streams, "behind")
    behind = registers.submodule("behind")
    spare_full, spare = behind["spare_full"], behind["spare"]
    out = streams.host_out
    spec.lemma("a spare beat without one before it", ~spare_full | out.valid)
    spec.lemma("beats inside", inside == spare_full + out.valid)
    spec.lemma("the watched beat is inside", ~watched.on | (watched.ahead < inside))
    held = Cat(watched.beat, watched.last)
    spec.lemma("another beat on offer",
               ~watched.turn | (Value.cast(out.payload) == held))
    spec.lemma("another spare beat", ~(watched.on & (watched.ahead == 1))
               | (Value.cast(spare) == held))
    before = registers["before"]
    anew = Cat(left == last_beats, before == 0).all()
    spec.lemma("the count of a packet",
               (last_beats == 0) | anew | streams.counts_anew
               | ((before + left == last_beats) & (before < last_beats)))
