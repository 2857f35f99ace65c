"""`TrainingRouter`: an inference router, and a ring back on each axis."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..layouts import complete_layout, contribution_layout, partial_layout
from .reduce import RingReduce
from .router import InferenceRouter
from .sides import ring_side

__all__ = ["TrainingRouter", "reduce_side"]


def reduce_side(config):
    """What a PE and one of its reduce engines share, as the PE sees it; see `RingReduce`."""
    return wiring.Signature({
        "own": Out(stream.Signature(contribution_layout(config), always_ready=True)),
        "taken": In(1),
        "complete": In(stream.Signature(complete_layout(config), always_ready=True)),
        "idle": In(1),
        **({"bad_link": In(1), "bad_queue": In(1)} if config.checks else {}),
    })


class TrainingRouter(wiring.Component):
    """Words go east and south round the rings of the forward pass, partial sums west and north.

    The four engines share nothing: whichever rings are in use, forward, back, or all of them at
    once, none holds up another. There is no mode to switch.

    Parameters
    ----------
    config : TorusConfig
        With `training`.

    Members
    -------
    last_in_row : In(1)
        The neighbour to the east is a gateway; a constant.
    west, east : In(stream), Out(stream)
        The row ring.
    north, south : In(stream), Out(stream)
        The column ring.
    from_east, to_west : In(stream), Out(stream)
        The row ring back.
    from_south, to_north : In(stream), Out(stream)
        The column ring back.
    row, col : In(ring_side)
        What each engine of the forward rings shares with the blocks of the PE.
    row_back, col_back : In(reduce_side)
        What each engine of the rings back shares with the blocks of the PE.
    """

    def __init__(self, config):
        self.config = config
        words = stream.Signature(config.ring_bits)
        partials = stream.Signature(partial_layout(config))
        super().__init__({
            "last_in_row": In(1),
            "west": In(words), "east": Out(words),
            "north": In(words), "south": Out(words),
            "from_east": In(partials), "to_west": Out(partials),
            "from_south": In(partials), "to_north": Out(partials),
            "row": In(ring_side(config)), "col": In(ring_side(config)),
            "row_back": In(reduce_side(config)), "col_back": In(reduce_side(config)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.forward = forward = InferenceRouter(self.config)
        m.d.comb += forward.last_in_row.eq(self.last_in_row)
        for name in ("west", "north", "row", "col"):
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(forward, name))
        for name in ("east", "south"):
            wiring.connect(m, getattr(forward, name), wiring.flipped(getattr(self, name)))

        m.submodules.row_back = row_back = RingReduce(self.config)
        m.submodules.col_back = col_back = RingReduce(self.config)
        for engine, source, sink, side in (
                (row_back, self.from_east, self.to_west, self.row_back),
                (col_back, self.from_south, self.to_north, self.col_back)):
            wiring.connect(m, wiring.flipped(source), engine.i)
            wiring.connect(m, engine.o, wiring.flipped(sink))
            wiring.connect(m, wiring.flipped(side.own), engine.own)
            wiring.connect(m, engine.complete, wiring.flipped(side.complete))
            m.d.comb += [side.taken.eq(engine.taken), side.idle.eq(engine.idle)]
            if self.config.checks:
                m.d.comb += [side.bad_link.eq(engine.bad_link), side.bad_queue.eq(engine.bad_queue)]
        return m
