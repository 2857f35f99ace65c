"""`Unpack` and `Pack`: no word is lost, doubled or moved, and blocks begin on new beats."""

from typing import Any

from amaranth import *

from hw.config import TorusConfig

from .inside import Inside
from .rtl import Rtl
from .spec import Spec, any_value
from .streams import check_holds, drive, take

__all__ = ["pack_spec", "unpack_spec"]


def unpack_spec(rtl: Rtl, config: TorusConfig) -> Spec:
    """Beats of any host, and blocks of any length that end anywhere in a beat; resets at any time.

    The beat is kept as it came, with the number of its word that comes next; so a word that is
    lost, doubled, overtaken or changed shows at once.
    """
    spec = Spec(restarts=True)
    m = spec.m
    m.submodules.unpack = unpack = rtl.module("host.host_words").Unpack(config)
    comes = drive(spec, "in", unpack.i)
    goes = take(spec, "out", unpack.o)
    m.d.comb += unpack.last.eq(any_value(m, "last", 1))
    in_beat = config.beat_words // config.link_words
    full, at = Signal(name="beat_is_here"), Signal(range(in_beat))
    beat = Signal(config.host_bits, name="kept")
    ends = goes & (unpack.last | (at == in_beat - 1))
    with m.If(goes):
        m.d.sync += [at.eq(at + 1), full.eq(~ends)]
    with m.If(comes):
        m.d.sync += [full.eq(1), beat.eq(unpack.i.payload), at.eq(0)]
    check_holds(spec, "out", unpack.o)
    spec.check("there is a word without a beat, or a beat gives none", unpack.o.valid == full)
    spec.check("it is another word",
               ~full | (unpack.o.payload == beat.word_select(at, config.link_bits)))
    spec.check("a beat comes before the one before is done with, or has to wait for nothing",
               unpack.i.ready == (~full | (unpack.o.ready & (unpack.last | (at == in_beat - 1)))))

    # A block that ends in the middle of a beat, and then whole beats without a gap between them.
    ended, streamed = Signal(), Signal()
    m.d.sync += [ended.eq(ended | (ends & (at == 1))),
                 streamed.eq(ended & (streamed | (ends & (at == in_beat - 1) & comes)))]
    spec.goal = streamed & goes & (at == in_beat - 1)

    def add_lemmas() -> None:
        inside = Inside(unpack)
        spec.lemma("words left", inside["words_left"] == Mux(full, in_beat - at, 0))
        held = inside["beat"]
        for number in range(in_beat):
            left = len(held) - number * config.link_bits
            spec.lemma(f"the beat from word {number} on", ~full | (at != number) | (
                held[:left] == beat[number * config.link_bits:len(held)]))

    spec.look_inside(add_lemmas)
    return spec


def pack_spec(rtl: Rtl, config: TorusConfig) -> Spec:
    """Words at any time, blocks of any length, and any host; resets at any time."""
    spec = Spec(restarts=True)
    m = spec.m
    m.submodules.pack = pack = rtl.module("host.host_words").Pack(config)
    comes = drive(spec, "in", pack.i)
    goes = take(spec, "out", pack.o)
    in_beat = config.beat_words // config.link_words
    words = [Signal(config.link_bits, name=f"word_{number}") for number in range(in_beat)]
    given, whole = Signal(range(in_beat + 1)), Signal()
    closes = comes & (pack.i.p.last | (_given_now(given, whole) == in_beat - 1))
    with m.If(goes):
        m.d.sync += [whole.eq(0), given.eq(0)]
    with m.If(comes):
        m.d.sync += [given.eq(_given_now(given, whole) + 1), whole.eq(closes)]
        with m.Switch(_given_now(given, whole)):
            for number, word in enumerate(words):
                with m.Case(number):
                    m.d.sync += word.eq(pack.i.p.word)
    check_holds(spec, "out", pack.o)
    spec.check("there is a beat before it is whole, or not after that", pack.o.valid == whole)
    expected = Cat(Mux(given > number, word, 0) for number, word in enumerate(words))
    spec.check("it is another beat", ~whole | (pack.o.payload == expected))
    spec.check("a word comes while a beat waits, or waits for nothing",
               pack.i.ready == (~whole | pack.o.ready))

    closed = Signal()
    m.d.sync += closed.eq(closed | (goes & (given == 2)))
    spec.goal = closed & goes & (given == in_beat) & comes

    def add_lemmas() -> None:
        inside = Inside(pack)
        so_far: Value = Mux(whole, 0, given)
        spec.lemma("words of a beat", (given <= in_beat) & (whole | (given < in_beat))
                   & (~whole | (given != 0)))
        spec.lemma("index", inside["index"] == so_far)
        spec.lemma("beat", (given == 0) | (inside["beat"] == expected))

    spec.look_inside(add_lemmas)
    return spec


def _given_now(given: Value, whole: Any) -> Value:
    """Return how many words the beat has that the next word belongs to."""
    return Mux(whole, 0, given)
