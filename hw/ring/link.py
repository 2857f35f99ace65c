"""The link between two ring nodes: one word a cycle, valid and ready, nothing else."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Link", "chain"]


class Link(wiring.Component):
    """A register slice: breaks every combinational path between its two ends.

    Words leave in the order in which they came, each once; `o.valid` and `o.payload` hold until
    transfer. `i.ready` is a register. Latency 1 cycle, throughput 1 word a cycle, 2 words deep.
    Because the torus is insensitive to the latency of its links, any number of these may stand in
    any hop.

    Parameters
    ----------
    shape
        Shape of a word; a number is its width.

    Members
    -------
    i : In(stream)
        Sampled on every cycle on which `i.valid & i.ready`.
    o : Out(stream)
        The oldest word not yet transferred.
    """

    def __init__(self, shape):
        self.shape = shape
        super().__init__({
            "i": In(stream.Signature(shape)),
            "o": Out(stream.Signature(shape)),
        })

    def elaborate(self, platform):
        m = Module()

        # The word that arrived while the output was held up; `i.ready` says that it is empty.
        spare = Signal(self.shape)
        spare_full = Signal()
        m.d.comb += self.i.ready.eq(~spare_full)

        with m.If(self.o.ready | ~self.o.valid):
            m.d.sync += [
                self.o.valid.eq(spare_full | self.i.valid),
                self.o.payload.eq(Mux(spare_full, spare, self.i.payload)),
                spare_full.eq(0),
            ]
        with m.Elif(self.i.valid & self.i.ready):
            m.d.sync += [
                spare.eq(self.i.payload),
                spare_full.eq(1),
            ]
        return m


def chain(m, name, source, sink, shape, stages):
    """Connect the stream `source` to `sink` through `stages` links, submodules of `m`."""
    for stage in range(stages):
        link = Link(shape)
        m.submodules[f"{name}_{stage}"] = link
        wiring.connect(m, source, link.i)
        source = link.o
    wiring.connect(m, source, sink)
