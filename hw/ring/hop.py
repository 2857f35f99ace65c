"""`Hop`: the part of a ring node that a word passes on its way through."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Hop"]


class Hop(wiring.Component):
    """Takes words from a ring into a buffer, and sends the buffer's words on.

    A word that arrives when it is the next to be sent, with the way out free, goes to the output
    directly and takes 1 cycle. Any other word goes through the buffer and takes 2 cycles from its
    reading on. Either way words can go on at one a cycle. `i.ready` comes from registers of this
    node alone, so there is no combinational path from `o.ready` to it, nor one round a ring.
    `o.valid` and `o.payload` hold until transfer.

    Which words are received and sent, and where the buffer keeps them, is not decided here: a
    `Hop` has no counters.

    Parameters
    ----------
    word_bits : int

    Members
    -------
    i, o : In(stream), Out(stream)
        The ring.
    receiving : In(1)
        A word may be taken. A register.
    sending : In(1)
        The next word in order may be sent, if it is there.
    caught_up : In(1)
        All words in the buffer have been sent: the next one to send is the next one to arrive.
    own : In(stream)
        A word for the buffer that does not come from the ring. Always accepted; it holds up the
        receiver for that cycle.
    received : Out(1)
        High when a word is taken from `i`.
    sent : Out(1)
        High when a word has left the buffer, or passed it by.
    write_data : Out(word_bits)
        The word that the buffer is to store in a cycle with `own.valid` or `received`.
    read_en, out_en, read_data : Out(1), Out(1), In(word_bits)
        The read port of the buffer, a `BlockRam`; it reads the next word to be sent.
    """

    def __init__(self, word_bits):
        self.word_bits = word_bits
        super().__init__({
            "i": In(stream.Signature(word_bits)),
            "o": Out(stream.Signature(word_bits)),
            "receiving": In(1), "sending": In(1), "caught_up": In(1),
            "own": In(stream.Signature(word_bits, always_ready=True)),
            "received": Out(1), "sent": Out(1),
            "write_data": Out(word_bits),
            "read_en": Out(1), "out_en": Out(1), "read_data": In(word_bits),
        })

    def elaborate(self, platform):
        m = Module()

        m.d.comb += [
            self.i.ready.eq(self.receiving & ~self.own.valid),
            self.received.eq(self.i.valid & self.i.ready),
            self.write_data.eq(Mux(self.own.valid, self.own.payload, self.i.payload)),
        ]

        latched = Signal()      # The buffer's latch holds a word on its way out.
        from_buffer = Signal()  # The word at the output is in the buffer's register.
        passed = Signal(self.word_bits)
        load = Signal()
        bypass = Signal()
        m.d.comb += [
            load.eq(~self.o.valid | self.o.ready),
            self.read_en.eq(self.sending & ~self.caught_up & (~latched | load)),
            self.out_en.eq(latched & load),
            bypass.eq(self.sending & self.caught_up & self.received & ~latched & load),
            self.sent.eq(self.read_en | bypass),
            self.o.payload.eq(Mux(from_buffer, self.read_data, passed)),
        ]
        with m.If(self.read_en | load):
            m.d.sync += latched.eq(self.read_en)
        with m.If(load):
            m.d.sync += [
                self.o.valid.eq(latched | bypass),
                from_buffer.eq(latched),
                passed.eq(self.i.payload),
            ]
        return m
