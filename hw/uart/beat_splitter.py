"""`BeatSplitter`: splits beats into the bytes that a link is to send."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["BeatSplitter"]


class BeatSplitter(wiring.Component):
    """Writes beats into a buffer while it has room, lowest byte first, a byte a cycle.

    Parameters
    ----------
    link : LinkConfig
    host_bits : int
        Width of a beat.

    Members
    -------
    i : In(stream)
        Beats.
    acknowledged : In(place_bits)
        Number of a word; the words before it are no longer needed.
    written : Out(place_bits)
        Number of the word that is written next; the words before it are in the buffer.
    write_en, write_at, write_data : Out
        The write port of the buffer, in bytes.
    """

    def __init__(self, link, host_bits):
        self.link = link
        self.host_bits = host_bits
        super().__init__({
            "i": In(stream.Signature(host_bits)),
            "acknowledged": In(link.place_bits), "written": Out(link.place_bits),
            "write_en": Out(1), "write_at": Out(range(link.buffer_bytes)), "write_data": Out(8),
        })

    def elaborate(self, platform):
        m = Module()
        link = self.link
        beat_bytes = self.host_bits // 8
        place = Signal(link.place_bits + 2)
        beat = Signal(self.host_bits)
        bytes_left = Signal(range(beat_bytes + 1))
        empty = Signal(init=1)  # `bytes_left` is 0.

        # Only the bit beyond the buffer differs.
        full = (place[2:] ^ self.acknowledged) == link.buffer_words
        m.d.comb += [
            self.written.eq(place[2:]),
            self.i.ready.eq(empty),
            self.write_en.eq(~empty & ~full),
            self.write_at.eq(place),
            self.write_data.eq(beat),
        ]
        with m.If(self.write_en):
            m.d.sync += [
                place.eq(place + 1),
                beat.eq(beat >> 8),
                bytes_left.eq(bytes_left - 1),
                empty.eq(bytes_left == 1),
            ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [beat.eq(self.i.payload), bytes_left.eq(beat_bytes), empty.eq(0)]
        return m
