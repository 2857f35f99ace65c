"""The inference router of ClosNets, section III, figure 6: north and west in, east and south out."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .gather import RingGather, tap_layout, write_layout
from .ops import gather_op

__all__ = ["InferenceRouter", "ring_members"]


def ring_members(config):
    """What a PE and one of its ring engines share: members of `RingGather` but for the links."""
    return wiring.Signature({
        "op": Out(stream.Signature(gather_op(config))),
        "write": Out(stream.Signature(write_layout(config), always_ready=True)),
        "landed": Out(1),
        "read_addr": Out(config.count_bits),
        "read_en": Out(1),
        "read_word": In(config.word_bits),
        "readable": In(1),
        "consume": Out(1),
        "retired": In(1),
        "tap": In(stream.Signature(tap_layout(config), always_ready=True)),
        "start": Out(1),
        "idle": In(1),
    })


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
    row, col : In(ring_members)
        The PE's side of each engine; see `RingGather` for each member.
    """

    def __init__(self, config):
        self.config = config
        super().__init__({
            "last_in_row": In(1),
            "west": In(stream.Signature(config.word_bits)),
            "east": Out(stream.Signature(config.word_bits)),
            "north": In(stream.Signature(config.word_bits)),
            "south": Out(stream.Signature(config.word_bits)),
            "row": In(ring_members(config)),
            "col": In(ring_members(config)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.row = row = RingGather(self.config)
        m.submodules.col = col = RingGather(self.config)
        m.d.comb += row.last_in_row.eq(self.last_in_row)
        for engine, side, source, sink in ((row, self.row, self.west, self.east),
                                           (col, self.col, self.north, self.south)):
            wiring.connect(m, wiring.flipped(source), engine.i)
            wiring.connect(m, engine.o, wiring.flipped(sink))
            for name, member in ring_members(self.config).members.items():
                if member.is_signature:
                    if member.flow == Out:
                        wiring.connect(m, wiring.flipped(getattr(side, name)), getattr(engine, name))
                    else:
                        wiring.connect(m, getattr(engine, name), wiring.flipped(getattr(side, name)))
                elif member.flow == Out:
                    m.d.comb += getattr(engine, name).eq(getattr(side, name))
                else:
                    m.d.comb += getattr(side, name).eq(getattr(engine, name))
        return m
