"""`PackedJoiner`: joins the bytes that a link has received into beats, and unpacks packed ones."""

from math import gcd

from amaranth import *

from ..layouts import segment_layout
from .beat_joiner import BeatJoiner

__all__ = ["PackedJoiner"]


class PackedJoiner(BeatJoiner):
    """Reads segments out of a buffer and gives their beats; docs/host_link.md has their format.

    A segment begins with a word that says how many beats follow, and how. Beats that are not packed
    come byte by byte, as `BeatJoiner` takes them. Of packed beats come the words, each as a field
    of `input_bits` bits without gaps, lowest bit first; a word is its field, with its sign or
    without, times a power of two. The rest of the last word of a packed segment is skipped.

    A byte of whole beats takes two cycles. A byte of packed beats takes a cycle more than it has
    pieces, where a piece is the greatest common divisor of `input_bits` and 8: one for 8 bits, two
    for 4 or 12 bits, eight for an odd width. So packed fields of 8 bits come twice as fast as whole
    words of 16 bits.

    Parameters
    ----------
    link : LinkConfig
        `input_bits` must be at least 1.
    host_bits : int
        Width of a beat.
    word_bits : int
        Width of a word in a beat, more than `input_bits`.
    beat_words : int
        Words of a beat, word 0 lowest; bits beyond them are 0 in a packed beat. By default as many
        as fit.

    Members
    -------
    Those of `BeatJoiner`.
    """

    def __init__(self, link, host_bits, word_bits, beat_words=None):
        self.word_bits = word_bits
        self.beat_words = beat_words or host_bits // word_bits
        super().__init__(link, host_bits)

    def elaborate(self, platform):
        m = Module()
        beat_bytes = self.host_bits // 8
        place = Signal(self.link.place_bits + 2)
        index = Signal(range(beat_bytes))  # Number of the byte in a header or beat.
        header = Signal(segment_layout())
        beat = Signal(self.host_bits)
        beat_free = Signal()               # What is in `beat` was taken, or is no beat yet.
        fetches = Signal()
        fetched = Signal()                 # `read_data` is the byte at `place`.
        last_beat = Signal()

        m.d.comb += [
            self.read_word.eq(place[2:]),
            self.read_at.eq(place),
            self.o.payload.eq(beat),
            beat_free.eq(~self.o.valid | self.o.ready),
            last_beat.eq(header.beats == 1),
        ]
        m.d.sync += fetched.eq(fetches & (place[2:] != self.expected))
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(fetched):
            m.d.sync += place.eq(place + 1)

        fields = _Fields(self.link.input_bits, self.word_bits, self.beat_words)
        fields.advance(m, self.o, beat, header, beat_free)
        with m.FSM():
            with m.State("Header"):
                m.d.comb += fetches.eq(~fetched)
                with m.If(fetched):
                    m.d.sync += [
                        Value.cast(header).eq(Cat(Value.cast(header)[8:], self.read_data)),
                        index.eq(index + 1),
                    ]
                    with m.If(index[:2] == 3):
                        m.next = "Begin"
            with m.State("Begin"):
                m.d.sync += index.eq(0)
                with m.If(header.beats == 0):
                    m.next = "Header"
                with m.Elif(header.packed):
                    m.next = "Packed"
                with m.Else():
                    m.next = "Whole"
            with m.State("Whole"):
                m.d.comb += fetches.eq(~fetched & beat_free & ~fields.full)
                with m.If(fetched):
                    m.d.sync += [
                        beat.eq(Cat(beat[8:], self.read_data)),
                        index.eq(index + 1),
                    ]
                    with m.If(index == beat_bytes - 1):
                        m.d.sync += [self.o.valid.eq(1), header.beats.eq(header.beats - 1)]
                        with m.If(last_beat):
                            m.d.sync += index.eq(0)
                            m.next = "Header"
            with m.State("Packed"):
                m.d.comb += fetches.eq(~fetched & fields.wants & ~(fields.ends_beat & last_beat))
                with m.If(fetched):
                    m.d.sync += fields.take(self.read_data)
                with m.If(fields.ends_beat):
                    m.d.sync += header.beats.eq(header.beats - 1)
                    with m.If(last_beat):
                        # Goes to the next word; all of this byte is read.
                        m.d.sync += [place.eq(Cat(C(0, 2), place[2:] + place[:2].any())),
                                     fields.clear()]
                        m.next = "Header"
        return m


class _Fields:
    """Makes words of the bytes of packed beats, and puts them into the beat, in two steps.

    A field is put together piece by piece, and rests with its sign in a register; then it is
    shifted into the beat.
    """

    def __init__(self, input_bits, word_bits, lanes):
        self._piece_bits = gcd(input_bits, 8)
        self._word_bits, self._lanes = word_bits, lanes
        self._held = Signal(8, name="held")
        self._pieces = Signal(range(8 // self._piece_bits + 1), name="pieces")  # Left in `held`.
        self._field = Signal(input_bits, name="field")
        self._index = Signal(range(input_bits // self._piece_bits), name="piece")
        self._lane = Signal(range(lanes), name="lane")
        self._word = Signal(word_bits, name="word")
        self._closes = Signal(name="closes")  # The word is the last one of its beat.
        self.full = Signal(name="word_full")
        self.ends_beat = Signal(name="ends_beat")
        self.wants = Signal(name="wants_byte")

    def take(self, byte):
        """Statements that take the next byte."""
        return [self._held.eq(byte), self._pieces.eq(8 // self._piece_bits)]

    def clear(self):
        """The statement that drops the rest of a byte."""
        return self._pieces.eq(0)

    def advance(self, m, beats, beat, header, beat_free):
        """Go on by a piece and by a word, where there are some and there is room."""
        joined = Cat(self._field, self._held[:self._piece_bits])[self._piece_bits:]
        steps, completes, room = Signal(), Signal(), Signal()
        in_words = self._lanes * self._word_bits
        m.d.comb += [
            room.eq(~self.full | beat_free),
            completes.eq(self._index == len(self._field) // self._piece_bits - 1),
            steps.eq((self._pieces != 0) & (room | ~completes)),
            self.wants.eq((self._pieces == 0) | ((self._pieces == 1) & steps)),
            self.ends_beat.eq(steps & completes & (self._lane == self._lanes - 1)),
        ]
        with m.If(self.full & beat_free):
            m.d.sync += [
                beat.eq(Cat(beat[self._word_bits:in_words],
                            (self._word << header.shift)[:self._word_bits])),
                beats.valid.eq(self._closes),
                self.full.eq(0),
            ]
        with m.If(steps):
            m.d.sync += [
                self._held.eq(self._held >> self._piece_bits),
                self._pieces.eq(self._pieces - 1),
                self._field.eq(joined),
                self._index.eq(self._index + 1),
            ]
            with m.If(completes):
                m.d.sync += [
                    self._index.eq(0),
                    self._word.eq(Mux(header.signed, joined.as_signed(), joined)),
                    self.full.eq(1),
                    self._closes.eq(self._lane == self._lanes - 1),
                    self._lane.eq(Mux(self._lane == self._lanes - 1, 0, self._lane + 1)),
                ]
