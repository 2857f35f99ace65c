"""`InferenceRouter`: words come from north and west and leave to east and south.

It is the router of the ClosNets paper, section III, figure 6.
"""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .gather import RingGather
from .sides import ring_side

__all__ = ["InferenceRouter"]


class InferenceRouter(wiring.Component):
    """Two ring engines that share nothing: the row ring goes east, the column ring south.

    Words never turn from one axis to the other inside the router: they do so as results, which the
    MAC writes into the buffer of the axis on which they leave.

    Parameters
    ----------
    config : TorusConfig

    Members
    -------
    last_in_row : In(1)
        The neighbour to the east is a gateway; a constant.
    west, east : In(stream), Out(stream)
        The row ring.
    north, south : In(stream), Out(stream)
        The column ring.
    row, col : In(ring_side)
        What each engine shares with the blocks of the PE.
    """

    def __init__(self, config):
        self.config = config
        super().__init__({
            "last_in_row": In(1),
            "west": In(stream.Signature(config.ring_bits)),
            "east": Out(stream.Signature(config.ring_bits)),
            "north": In(stream.Signature(config.ring_bits)),
            "south": Out(stream.Signature(config.ring_bits)),
            "row": In(ring_side(config)),
            "col": In(ring_side(config)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.row = row = RingGather(self.config)
        m.submodules.col = col = RingGather(self.config)
        m.d.comb += row.last_in_row.eq(self.last_in_row)
        for engine, source, sink, side in ((row, self.west, self.east, self.row),
                                           (col, self.north, self.south, self.col)):
            wiring.connect(m, wiring.flipped(source), engine.i)
            wiring.connect(m, engine.o, wiring.flipped(sink))
            wiring.connect(m, wiring.flipped(side), engine.pe)
        return m
