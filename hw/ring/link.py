"""`Link`: a register slice between two nodes of a ring."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..cells.doubled import with_twins
from ..covered import is_link_word

__all__ = ["Link", "chain"]


class Link(wiring.Component):
    """A register slice, which breaks every combinational path between its two ends.

    Words leave in the order in which they came, each once; `o.valid` and `o.payload` hold until
    transfer. `i.ready` is a register. A word takes 1 cycle, one word can pass in each cycle, and 2
    words fit in. Results of a torus do not depend on the latency of its links, so any number of
    links may stand in any hop.

    Parameters
    ----------
    shape
        Shape of a word; a number is its width.
    doubled : bool
        Registers have twins, but for those that hold words, which have parities.

    Members
    -------
    i : In(stream)
        A word is taken in each cycle with `i.valid & i.ready`.
    o : Out(stream)
        The oldest word not yet transferred.
    flipped : Out(1)
        Where it is `doubled`: a register differed from its twin two cycles before, or earlier. A
        register, cleared by a reset.
    """

    def __init__(self, shape, *, doubled=False):
        self.shape = shape
        self.doubled = doubled
        super().__init__({
            "i": In(stream.Signature(shape)),
            "o": Out(stream.Signature(shape)),
            **({"flipped": Out(1)} if doubled else {}),
        })

    def elaborate(self, platform):
        m = Module()

        # `spare` is for a word that arrives while the output is held up.
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
        return with_twins(m, platform, self.flipped, is_link_word) if self.doubled else m


def chain(m, name, source, sink, shape, stages, *, doubled=False):
    """Connect the stream `source` to `sink` through `stages` links, submodules of `m`.

    Returns the `flipped` of all of them, where they are `doubled`.
    """
    flags = []
    for stage in range(stages):
        link = Link(shape, doubled=doubled)
        m.submodules[f"{name}_{stage}"] = link
        wiring.connect(m, source, link.i)
        source = link.o
        flags += [link.flipped] if doubled else []
    wiring.connect(m, source, sink)
    return flags
