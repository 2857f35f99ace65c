"""`Unpack` splits beats of the host into link words, and `Pack` joins words into beats."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..layouts import packed_layout

__all__ = ["Pack", "Unpack"]


class Unpack(wiring.Component):
    """Splits beats into words, word 0 first: `link_words` a cycle, also from beat to beat.

    Parameters
    ----------
    config : TorusConfig

    Members
    -------
    i : In(stream)
        Beats of `host_bits`.
    o : Out(stream)
        Words, `link_words` at once.
    last : In(1)
        With a transfer on `o`: it ends its block, and the rest of its beat is dropped.
    """

    def __init__(self, config):
        self.config = config
        super().__init__({
            "i": In(stream.Signature(config.host_bits)),
            "o": Out(stream.Signature(config.link_bits)),
            "last": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        beat = Signal(config.beat_words * config.word_bits)
        in_beat = config.beat_words // config.link_words
        words_left = Signal(range(in_beat + 1))  # `link_words` at once.

        empties = self.o.ready & (self.last | (words_left == 1))
        m.d.comb += [
            self.o.valid.eq(words_left != 0),
            self.o.payload.eq(beat),
            self.i.ready.eq((words_left == 0) | empties),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += [
                beat.eq(beat >> config.link_bits),
                words_left.eq(Mux(self.last, 0, words_left - 1)),
            ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [
                beat.eq(self.i.payload),
                words_left.eq(in_beat),
            ]
        return m


class Pack(wiring.Component):
    """Joins words into beats, word 0 lowest; a word that ends its block closes the beat.

    It takes `link_words` a cycle. Places of a beat for which no word was given are zero.

    Parameters
    ----------
    config : TorusConfig

    Members
    -------
    i : In(stream)
        Words, `link_words` at once, with `last` on the last of a block.
    o : Out(stream)
        Beats of `host_bits`.
    """

    def __init__(self, config):
        self.config = config
        super().__init__({
            "i": In(stream.Signature(packed_layout(config))),
            "o": Out(stream.Signature(config.host_bits)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        in_beat = config.beat_words // config.link_words
        index = Signal(range(max(2, in_beat)))
        beat = Signal(config.host_bits)

        m.d.comb += [
            self.i.ready.eq(~self.o.valid | self.o.ready),
            self.o.payload.eq(beat),
        ]
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(self.i.valid & self.i.ready):
            with m.If(index == 0):
                m.d.sync += beat.eq(0)
            m.d.sync += beat.word_select(index, config.link_bits).eq(self.i.p.word)
            closes = self.i.p.last | (index == in_beat - 1)
            m.d.sync += [
                index.eq(Mux(closes, 0, index + 1)),
                self.o.valid.eq(closes),
            ]
        return m
