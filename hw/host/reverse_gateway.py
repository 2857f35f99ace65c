"""`ReverseGateway`: the gateway's node on the row ring that goes back."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..layouts import packed_layout, partial_layout
from ..ring.link import Link

__all__ = ["ReverseGateway"]


class ReverseGateway(wiring.Component):
    """Sends partial sums on, in a hop of 1 cycle, and hands sums for the host out as words.

    One sum a cycle goes on; a sum for the host takes `sum_chunks` cycles. A sum for the host waits
    until `is_due` says that it is wanted, and the sums behind it wait with it. `i.ready` is a
    register.

    Parameters
    ----------
    config : TorusConfig
        With `training`.

    Members
    -------
    i, o : In(stream), Out(stream)
        The ring back: sums from the first PE of the row, and to the last.
    is_due, is_last : In(1)
        The op in progress still has to hand out a sum; it has to hand out just one more, which
        closes its beat. Both are looked at in every cycle.
    words : Out(stream)
        The words of sums for the host (`hw.layouts.packed_layout`), `sum_chunks` for each sum, low
        word first.
    handed_out : Out(1)
        High with the transfer of the last word of a sum.
    bad_link : Out(1)
        With `checks`: the parity of the oldest sum that is here is wrong in this cycle.
    """

    def __init__(self, config):
        self.config = config
        partials = stream.Signature(partial_layout(config))
        super().__init__({
            "i": In(partials), "o": Out(partials),
            "is_due": In(1), "is_last": In(1),
            "words": Out(stream.Signature(packed_layout(config))),
            "handed_out": Out(1),
            **({"bad_link": Out(1)} if config.checks else {}),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.link = link = Link(partial_layout(config))
        wiring.connect(m, wiring.flipped(self.i), link.i)
        head = link.o

        last = config.sum_chunks - 1
        chunk = Signal(range(config.sum_chunks))
        padding = config.sum_chunks * config.word_bits - config.acc_bits
        words = Cat(head.p.sum, head.p.sum[-1].replicate(padding))
        wanted = head.valid & head.p.to_host & self.is_due
        m.d.comb += [
            self.o.payload.eq(head.payload),
            self.o.valid.eq(head.valid & ~head.p.to_host),
            self.words.valid.eq(wanted),
            self.words.p.word.eq(words.word_select(chunk, config.word_bits)),
            self.words.p.last.eq(self.is_last & (chunk == last)),
            self.handed_out.eq(wanted & self.words.ready & (chunk == last)),
            head.ready.eq(Mux(head.p.to_host, self.handed_out, self.o.ready)),
        ]
        if config.checks:
            m.d.comb += self.bad_link.eq(head.valid & Value.cast(head.payload).xor())
        with m.If(wanted & self.words.ready):
            m.d.sync += chunk.eq(Mux(chunk == last, 0, chunk + 1))
        return m
