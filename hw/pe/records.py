"""`Records`: joins words that are loaded into records of a memory, and counts their addresses."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Records"]


class Records(wiring.Component):
    """Joins every `chunks` words into a record, low word first; records have addresses from 0 up.

    Parameters
    ----------
    word_bits, chunks, addr_bits : int

    Members
    -------
    word : In(stream)
        The next word of a record. Always accepted.
    start : In(1)
        The next word is the first one of the record at address 0.
    record : Out(stream)
        A record and its address, in the cycle after its last word. Never waits.
    """

    def __init__(self, word_bits, chunks, addr_bits):
        self.word_bits = word_bits
        self.chunks = chunks
        super().__init__({
            "word": In(stream.Signature(word_bits, always_ready=True)),
            "start": In(1),
            "record": Out(stream.Signature(data.StructLayout({
                "addr": addr_bits, "record": word_bits * chunks}), always_ready=True)),
        })

    def elaborate(self, platform):
        m = Module()
        addr = Signal.like(self.record.p.addr)
        words = Signal(self.word_bits * self.chunks)  # The latest on top.
        valid = Signal()
        last = Const(1)
        if self.chunks > 1:
            chunk = Signal(range(self.chunks))
            last = chunk == self.chunks - 1
            with m.If(self.word.valid):
                m.d.sync += chunk.eq(Mux(last, 0, chunk + 1))
            with m.If(self.start):
                m.d.sync += chunk.eq(0)
        m.d.sync += valid.eq(self.word.valid & last)
        with m.If(self.word.valid):
            m.d.sync += words.eq(Cat(words, self.word.payload) >> self.word_bits)
        m.d.comb += [
            self.record.valid.eq(valid),
            self.record.p.addr.eq(addr),
            self.record.p.record.eq(words),
        ]
        with m.If(valid):
            m.d.sync += addr.eq(addr + 1)
        with m.If(self.start):
            m.d.sync += addr.eq(0)
        return m
