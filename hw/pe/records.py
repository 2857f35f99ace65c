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
        A record and its address, in the cycle of its last word. Never waits.
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
        words, last = self.word.payload, Const(1)
        if self.chunks > 1:
            # The words of the record that came before this one, the latest on top.
            chunk = Signal(range(self.chunks))
            low_words = Signal(self.word_bits * (self.chunks - 1))
            words, last = Cat(low_words, self.word.payload), chunk == self.chunks - 1
            with m.If(self.word.valid):
                m.d.sync += [
                    low_words.eq(words >> self.word_bits),
                    chunk.eq(Mux(last, 0, chunk + 1)),
                ]
            with m.If(self.start):
                m.d.sync += chunk.eq(0)
        m.d.comb += [
            self.record.valid.eq(self.word.valid & last),
            self.record.p.addr.eq(addr),
            self.record.p.record.eq(words),
        ]
        with m.If(self.record.valid):
            m.d.sync += addr.eq(addr + 1)
        with m.If(self.start):
            m.d.sync += addr.eq(0)
        return m
