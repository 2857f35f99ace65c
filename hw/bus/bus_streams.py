"""`BusStreams`: the beats between a torus that can be reset alone and the streams of a bus."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..ring.link import Link
from .register_file import WORD_BITS

__all__ = ["BusStreams", "last_layout"]


def last_layout(host_bits):
    """A beat, and whether it is the last of a packet."""
    return data.StructLayout({"beat": host_bits, "last": 1})


class BusStreams(wiring.Component):
    """Beats to a torus and from it, with a `Link` behind it that a reset of the torus leaves alone.

    A beat that is on offer to the bus stays on offer until it is taken, as the rules of streams
    want it, so that up to two beats of before may come after a reset. No beat passes to the torus
    or from it in the cycle of a reset.

    A beat that is sent is with the torus in the same cycle. A beat of the torus is on offer in the
    cycle after; one a cycle passes.

    Parameters
    ----------
    host_bits : int
    has_last : bool
        Whether packets have a `last`.

    Members
    -------
    host_in, host_out : In(stream), Out(stream)
        Beats of `host_bits`; those that come out are of `last_layout`.
    to_torus, from_torus : Out(stream), In(stream)
        Beats of `host_bits`.
    reset : In(1)
        The torus is reset in this cycle: it does anything until the next one.
    last_beats, counts_anew : In(32), In(1)
        With `has_last`: beats of a packet, 0 for none; and that a packet begins after this cycle,
        which a reset says, too.
    """

    def __init__(self, host_bits, *, has_last=False):
        self.host_bits = host_bits
        self.has_last = has_last
        beats = stream.Signature(host_bits)
        super().__init__({
            "host_in": In(beats),
            "host_out": Out(stream.Signature(last_layout(host_bits))),
            "to_torus": Out(beats),
            "from_torus": In(beats),
            "reset": In(1),
            **({"last_beats": In(WORD_BITS), "counts_anew": In(1)} if has_last else {}),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.behind = behind = Link(last_layout(self.host_bits))
        wiring.connect(m, behind.o, wiring.flipped(self.host_out))
        m.d.comb += [
            self.to_torus.payload.eq(self.host_in.payload),
            self.to_torus.valid.eq(self.host_in.valid & ~self.reset),
            self.host_in.ready.eq(self.to_torus.ready & ~self.reset),
            behind.i.p.beat.eq(self.from_torus.payload),
            behind.i.valid.eq(self.from_torus.valid & ~self.reset),
            self.from_torus.ready.eq(behind.i.ready),
        ]
        if self.has_last:
            self._count(m, behind.i)
        return m

    def _count(self, m, beats):
        """Mark the last beat of each packet, as it goes into the link: there it stays as it is."""
        before = Signal(WORD_BITS)  # Beats of the packet before this one.
        m.d.comb += beats.p.last.eq(before + 1 == self.last_beats)
        with m.If(beats.valid & beats.ready):
            m.d.sync += before.eq(Mux(beats.p.last, 0, before + 1))
        with m.If(self.counts_anew | self.reset):
            m.d.sync += before.eq(0)
