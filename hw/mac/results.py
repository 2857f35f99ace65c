"""`Results`: makes words of the MAC's sums, on their way into a gather buffer."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..cells.delay import delayed
from ..config import REQUANTISE_CYCLES
from ..layouts import finished_layout, sum_layout
from ..op_fields import Axis
from .requantise import Requantise

__all__ = ["Results"]


class Results(wiring.Component):
    """Finishes sums, and carries along where each of them goes. It never waits.

    Parameters
    ----------
    config : TorusConfig

    Members
    -------
    i : In(stream)
        A sum (`acc`), how it is finished, and `where` it goes. Always accepted.
    o : Out(stream)
        The result (`finished_layout`), `REQUANTISE_CYCLES` later.
    for_row, for_col : Out(1)
        High with a result for that axis. Registers, since a ring's readiness depends on them.
    busy : Out(1)
        A sum or a result is in here.
    """

    def __init__(self, config):
        self.config = config
        super().__init__({
            "i": In(stream.Signature(sum_layout(config), always_ready=True)),
            "o": Out(stream.Signature(finished_layout(config), always_ready=True)),
            "for_row": Out(1),
            "for_col": Out(1),
            "busy": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.requantise = requantise = Requantise(self.config)
        m.d.comb += [
            requantise.i.valid.eq(self.i.valid),
            requantise.i.p.acc.eq(self.i.p.acc),
            requantise.i.p.finish.eq(self.i.p.finish),
        ]
        stages = delayed(m, self.i.valid, self.i.p.where, REQUANTISE_CYCLES, "where")
        coming, where = stages[-2]
        m.d.sync += [
            self.for_row.eq(coming & (where.dest == Axis.ROW)),
            self.for_col.eq(coming & (where.dest == Axis.COL)),
        ]
        m.d.comb += [
            self.o.valid.eq(requantise.o.valid),
            self.o.p.word.eq(requantise.o.payload),
            self.o.p.where.eq(stages[-1][1]),
            self.busy.eq(Cat(valid for valid, _ in stages).any()),
        ]
        return m
