"""`Link`, and chains of it: what comes out is what went in."""

from typing import Any

from amaranth import *
from amaranth.lib import stream

from .inside import Inside
from .rtl import Rtl
from .spec import Spec, any_value
from .streams import check_holds, drive, take

__all__ = ["link_spec"]

_WORD_BITS = 4
_LINK_WORDS = 2  # What one link holds.


def link_spec(rtl: Rtl, stages: int) -> Spec:
    """`stages` links in a row between any sender and any receiver.

    Any one word is watched: it is picked as it goes in, and `ahead` counts the words before it.
    The word that comes out when none is ahead has to be the same. As this holds of every word, each
    comes out once and in its turn.
    """
    spec = Spec()
    m = spec.m
    source = stream.Signature(_WORD_BITS).create(path=("source",))
    sink = stream.Signature(_WORD_BITS).flip().create(path=("sink",))
    rtl.module("ring.link").chain(m, "hop", source, sink, _WORD_BITS, stages)
    links = [getattr(m.submodules, f"hop_{stage}") for stage in range(stages)]
    goes_in = drive(spec, "in", source)
    comes_out = take(spec, "out", sink)
    check_holds(spec, "out", sink)

    most = _LINK_WORDS * stages
    inside = Signal(range(most + 2))
    m.d.sync += inside.eq(inside + goes_in - comes_out)
    spec.check("more words inside than there is room for", inside <= most)
    spec.check("a word comes out that did not go in", ~comes_out | (inside != 0))
    hidden = spec.check_soon("a word stays inside", (inside != 0) & ~sink.valid, stages - 1).cycles

    watching = Signal()
    watched = Signal(_WORD_BITS)
    ahead = Signal(range(most + 2))
    with m.If(goes_in & ~watching & any_value(m, "pick", 1)):
        m.d.sync += [
            watching.eq(1),
            watched.eq(source.payload),
            ahead.eq(inside - comes_out),
        ]
    with m.Elif(comes_out):
        m.d.sync += [
            watching.eq(watching & (ahead != 0)),
            ahead.eq(ahead - 1),
        ]
    turn = watching & (ahead == 0)
    spec.check("another word comes out in its turn",
               ~(turn & comes_out) | (sink.payload == watched))
    filled = Signal()
    m.d.sync += filled.eq(watching & (filled | (inside == most)))
    spec.goal = filled & turn & comes_out

    spec.look_inside(lambda: _lemmas(spec, links, hidden, watching, watched, ahead, inside))
    return spec


def _lemmas(spec: Spec, links: list[Any], hidden: Value, watching: Value, watched: Value,
            ahead: Value, inside: Value) -> None:
    """Where the words are, the oldest first."""
    before: Value = Const(0)
    for stage, link in reversed(list(enumerate(links))):
        registers = Inside(link)
        spare_full = registers["spare_full"]
        spec.lemma(f"link {stage}: a spare word without one before it", ~spare_full | link.o.valid)
        spec.lemma(f"link {stage}: no word has come so far",
                   (hidden != stage) | (inside == 0)
                   | Cat(later.o.valid for later in links[stage:]).any())
        for full, word in ((link.o.valid, link.o.payload), (spare_full, registers["spare"])):
            spec.lemma(f"link {stage}: another word at {word.name}",
                       ~(watching & full & (before == ahead)) | (word == watched))
            before = before + full
    spec.lemma("words inside", before == inside)
    spec.lemma("the watched word is inside", ~watching | (ahead < inside))
