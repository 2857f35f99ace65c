"""`CobsDecoder`: makes of the bytes of COBS frames the bytes that they stand for."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..layouts import decoded_layout

__all__ = ["CobsDecoder"]


class CobsDecoder(wiring.Component):
    """Takes Consistent Overhead Byte Stuffing off (Cheshire and Baker 1999); it needs no memory.

    Every byte in gives at most one item out, in the same cycle. A zero byte gives an `end`; it is
    `whole` if no byte is missing that the last code promised.

    Members
    -------
    i : In(stream)
        Bytes, always taken.
    o : Out(stream)
        Bytes and ends of frames (`decoded_layout`), each for one cycle.
    """

    def __init__(self):
        super().__init__({
            "i": In(stream.Signature(8, always_ready=True)),
            "o": Out(stream.Signature(decoded_layout(), always_ready=True)),
        })

    def elaborate(self, platform):
        m = Module()
        left = Signal(8)        # Bytes until the next code.
        zero_before = Signal()  # The next code stands for a zero before what it counts.
        byte = self.i.payload

        m.d.comb += [self.o.p.byte.eq(byte), self.o.p.whole.eq(left == 0)]
        with m.If(self.i.valid):
            with m.If(byte == 0):
                m.d.comb += [self.o.valid.eq(1), self.o.p.end.eq(1)]
                m.d.sync += [left.eq(0), zero_before.eq(0)]
            with m.Elif(left == 0):
                m.d.comb += [self.o.valid.eq(zero_before), self.o.p.byte.eq(0)]
                m.d.sync += [left.eq(byte - 1), zero_before.eq(byte != 0xff)]
            with m.Else():
                m.d.comb += self.o.valid.eq(1)
                m.d.sync += left.eq(left - 1)
        return m
