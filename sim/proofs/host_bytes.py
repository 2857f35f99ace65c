"""`BeatJoiner` and `BeatSplitter`: every byte of a buffer is in its beat once, and in its place."""


from amaranth import *

from hw.link_config import WORD_BYTES, LinkConfig

from .inside import Inside
from .rtl import Rtl
from .spec import Spec, any_constant, any_value
from .streams import check_holds, drive, take

__all__ = ["beat_joiner_spec", "beat_splitter_spec"]


class _Bytes:
    """Any byte of a stream of words, by its number, which wraps at twice the size of the buffer.

    Attributes
    ----------
    place
        Its number.
    address
        Where it is in the buffer.
    beat, index
        The number of its beat, and which byte of that it is.
    """

    def __init__(self, spec: Spec, link: LinkConfig, host_bits: int) -> None:
        beat_bytes = host_bits // 8
        self.place = any_constant(spec.m, "watched_place", link.place_bits + 2)
        self.address = self.place[:-1]
        self.index = self.place[:(beat_bytes - 1).bit_length()]
        self.beat = self.place[(beat_bytes - 1).bit_length():]


def beat_joiner_spec(rtl: Rtl, link: LinkConfig, host_bits: int) -> Spec:
    """Words come at any time, as many as the buffer holds, and beats are taken at any time.

    From the time that a byte comes until its word is read the buffer holds it. A reset comes at any
    time.
    """
    spec = Spec(restarts=True)
    m = spec.m
    m.submodules.joiner = joiner = rtl.module("uart.beat_joiner").BeatJoiner(link, host_bits)
    watch = _Bytes(spec, link, host_bits)
    beat_words = host_bits // 8 // WORD_BYTES
    expected = Signal(link.place_bits)
    more = any_value(m, "more_words", link.place_bits)
    unread, behind = Signal(link.place_bits), Signal(link.place_bits)
    m.d.comb += [
        joiner.expected.eq(expected),
        unread.eq(expected - joiner.read_word),
        behind.eq(watch.place[2:] - joiner.read_word),
    ]
    with m.If(more <= link.buffer_words - unread):
        m.d.sync += expected.eq(expected + more)
    byte, read_at = Signal(8, name="byte"), Signal.like(joiner.read_at)
    with m.If(behind >= unread):  # It has not come.
        m.d.sync += byte.eq(any_value(m, "any_byte", 8))
    m.d.sync += read_at.eq(joiner.read_at)
    m.d.comb += joiner.read_data.eq(Mux(
        read_at == watch.address, byte, any_value(m, "another_byte", 8)))
    want = Signal(8, name="want")
    with m.If(behind < unread):
        m.d.sync += want.eq(byte)

    goes = take(spec, "o", joiner.o)
    check_holds(spec, "o", joiner.o)
    gone = Signal(len(watch.beat), name="gone")
    m.d.sync += gone.eq(gone + goes)
    given = Signal.like(gone)  # Beats that have been shown.
    m.d.comb += given.eq(gone + joiner.o.valid)
    in_beat = Signal(link.place_bits, name="words_of_next_beat")
    m.d.comb += in_beat.eq(joiner.read_word - given * beat_words)
    spec.check("words are read that have not come", unread <= link.buffer_words)
    spec.check("a beat comes before all its words are read, or late", in_beat < beat_words)
    spec.check("a beat has another byte", ~(joiner.o.valid & (gone == watch.beat))
               | (joiner.o.payload.word_select(watch.index, 8) == want))
    wait = spec.check_soon("a beat does not come", ~joiner.o.valid & (unread + in_beat
                           >= beat_words), 2 * beat_words * WORD_BYTES)

    # A reset comes in the middle of a beat, and later the second beat.
    spec.goal = joiner.o.valid & (gone == 1) & (watch.beat == 1) & (want != 0) & (
        spec.was_restarted(in_beat != 0))

    def add_lemmas() -> None:
        inside = Inside(joiner)
        place, index, fetched, beat = (inside[name] for name in (
            "place", "index", "fetched", "beat"))
        spec.lemma("index", (place[:len(index)] == index)
                   & (place[len(index):] == given[:len(place) - len(index)]))
        spec.lemma("in a word", (place[:2] == 0) | (unread != 0))
        spec.lemma("fetched", ~fetched | ((unread != 0) & (read_at == place[:-1])
                                          & (joiner.o.valid == 0)))
        spec.lemma("a byte in two cycles", joiner.o.valid | (
            wait.cycles <= 2 * index + fetched))
        back = (place - watch.place)[:len(place)]  # Bytes since the watched one.
        for ago in range(host_bits // 8):
            spec.lemma(f"the watched byte, {ago} bytes ago", (back != ago + 1)
                       | ~(joiner.o.valid | (ago < index))
                       | (beat[host_bits - 8 * (ago + 1):][:8] == want))
        # `want` is a cycle late; a byte is read two cycles after its word has come, or later.
        seen = Signal(name="seen")
        spec.m.d.sync += seen.eq(behind < unread)
        spec.lemma("the watched byte as it comes", ~seen | (want == byte))
        spec.lemma("it has come before it is read", ~(((place[:2] != 0) | fetched) & (behind == 0))
                   | seen)

    spec.look_inside(add_lemmas)
    return spec


def beat_splitter_spec(rtl: Rtl, link: LinkConfig, host_bits: int) -> Spec:
    """Beats come at any time, and written words are acknowledged at any time; resets, too.

    From the time that a word is written until it is acknowledged the buffer must hold it.
    """
    spec = Spec(restarts=True)
    m = spec.m
    m.submodules.splitter = splitter = rtl.module("uart.beat_splitter").BeatSplitter(
        link, host_bits)
    watch = _Bytes(spec, link, host_bits)
    beat_words = host_bits // 8 // WORD_BYTES
    comes = drive(spec, "i", splitter.i)
    acknowledged, kept = Signal(link.place_bits), Signal(link.place_bits)
    more = any_value(m, "more_acknowledged", link.place_bits)
    m.d.comb += [splitter.acknowledged.eq(acknowledged), kept.eq(splitter.written - acknowledged)]
    with m.If(more <= kept):
        m.d.sync += acknowledged.eq(acknowledged + more)
    came = Signal(len(watch.beat), name="came")
    want, cell = Signal(8, name="want"), Signal(8, name="cell", reset_less=True)
    m.d.sync += came.eq(came + comes)
    with m.If(comes & (came == watch.beat)):
        m.d.sync += want.eq(splitter.i.payload.word_select(watch.index, 8))
    with m.If(splitter.write_en & (splitter.write_at == watch.address)):
        m.d.sync += cell.eq(splitter.write_data)
    left = Signal(link.place_bits, name="words_of_last_beat")  # That are not written.
    m.d.comb += left.eq(came * beat_words - splitter.written)
    spec.check("more words are written than there is room for", kept <= link.buffer_words)
    spec.check("words are written that have not come, or a beat comes too early",
               left <= beat_words)
    spec.check("a beat waits though all are written", splitter.i.ready == (left == 0))
    spec.check("a byte of the buffer is another one than the beat had",
               ((watch.place[2:] - acknowledged)[:link.place_bits] >= kept) | (cell == want))
    wait = spec.check_soon("a beat is not written", (left != 0) & (kept != link.buffer_words),
                           beat_words * WORD_BYTES)

    # A reset comes in the middle of a beat, and later the second beat is written.
    spec.goal = (came == 2) & (left == 0) & (acknowledged != 0) & (want != 0) & (
        watch.beat == 1) & spec.was_restarted(left == 1)

    def add_lemmas() -> None:
        inside = Inside(splitter)
        place, beat, bytes_left = (inside[name] for name in ("place", "beat", "bytes_left"))
        beat_bytes = host_bits // 8
        spec.lemma("empty", inside["empty"] == (bytes_left == 0))
        spec.lemma("bytes left", (bytes_left <= beat_bytes) & (
            ((came * beat_bytes - bytes_left) - place)[:len(place)] == 0))
        spec.lemma("about to be written", wait.cycles + bytes_left <= beat_bytes)
        for ahead in range(beat_bytes):
            spec.lemma(f"the watched byte, {ahead} bytes ahead", (ahead >= bytes_left)
                       | ((watch.place - place)[:len(place)] != ahead)
                       | (beat[8 * ahead:][:8] == want))

        behind = (place - 1 - watch.place)[:len(place)]
        written = (place - (acknowledged << 2))[:len(place)]  # And not acknowledged.
        spec.lemma("written", written <= link.buffer_bytes)
        spec.lemma("the watched byte is written", (behind >= written) | (cell == want))

    spec.look_inside(add_lemmas)
    return spec
