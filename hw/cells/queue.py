"""`Queue`: a first-in, first-out queue with typed stream ports."""

from amaranth import *
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Queue"]


class Queue(wiring.Component):
    """Holds up to `depth` items in order. Synthesisers make block RAM of it if it is deep enough.

    Parameters
    ----------
    shape
        Shape of an item.
    depth : int
        Items held; at least 3.

    Members
    -------
    i : In(stream)
        Accepted while there is room; `i.ready` does not depend on `o.ready`.
    o : Out(stream)
        The oldest item.
    """

    def __init__(self, shape, depth):
        self.shape = shape
        self.depth = depth
        super().__init__({
            "i": In(stream.Signature(shape)),
            "o": Out(stream.Signature(shape)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.fifo = inner = fifo.SyncFIFOBuffered(
            width=Shape.cast(self.shape).width, depth=self.depth)
        m.d.comb += [
            inner.w_data.eq(self.i.payload),
            inner.w_en.eq(self.i.valid),
            self.i.ready.eq(inner.w_rdy),
            self.o.payload.eq(inner.r_data),
            self.o.valid.eq(inner.r_rdy),
            inner.r_en.eq(self.o.ready),
        ]
        return m
