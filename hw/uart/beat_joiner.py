"""`BeatJoiner`: joins the bytes that a link has received into beats."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["BeatJoiner"]


class BeatJoiner(wiring.Component):
    """Reads whole words out of a buffer, a byte in two cycles, and gives a beat when it has one.

    Parameters
    ----------
    link : LinkConfig
    host_bits : int
        Width of a beat.

    Members
    -------
    expected : In(place_bits)
        Number of the word that is expected next: the words before it may be read.
    read_word : Out(place_bits)
        Number of the word that is read next.
    read_at, read_data : Out, In(8)
        The read port of the buffer, in bytes; a byte comes a cycle after its address.
    o : Out(stream)
        Beats; the byte that was received first is the lowest.
    """

    def __init__(self, link, host_bits):
        self.link = link
        self.host_bits = host_bits
        super().__init__({
            "expected": In(link.place_bits), "read_word": Out(link.place_bits),
            "read_at": Out(range(link.buffer_bytes)), "read_data": In(8),
            "o": Out(stream.Signature(host_bits)),
        })

    def elaborate(self, platform):
        m = Module()
        beat_bytes = self.host_bits // 8
        place = Signal(self.link.place_bits + 2)
        index = Signal(range(beat_bytes))  # Number of the byte in its beat; it wraps.
        fetched = Signal()
        beat = Signal(self.host_bits)

        m.d.comb += [
            self.read_word.eq(place[2:]),
            self.read_at.eq(place),
            self.o.payload.eq(beat),
        ]
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(fetched):
            m.d.sync += [
                fetched.eq(0),
                beat.eq(Cat(beat[8:], self.read_data)),
                place.eq(place + 1),
                index.eq(index + 1),
                self.o.valid.eq(index == beat_bytes - 1),
            ]
        with m.Elif((place[2:] != self.expected) & (~self.o.valid | self.o.ready)):
            m.d.sync += fetched.eq(1)
        return m
