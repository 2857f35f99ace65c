"""`MacDispatch`: hands the ops of the MAC queue to the controls that run them."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..op_fields import MacKind
from ..ops import mac_op

__all__ = ["MacDispatch"]


class MacDispatch(wiring.Component):
    """One queue, three controls: ops begin in the order of the queue, and never overlap.

    An op is given to its control when no control has an op that waits to begin: a cycle after the
    last repetition of the op before has begun (of a DUMP: has ended). It begins when no other
    control is busy, a cycle after an op of another kind has ended. So nothing here waits for what a
    control decides in the same cycle.

    Parameters
    ----------
    config : TorusConfig
        With `training`.

    Members
    -------
    op : In(stream)
        The MAC queue.
    run, back, dump : Out(stream)
        The ops of each kind.
    waiting, busy : In(3), In(3)
        Of the controls of RUN, BACK and DUMP, lowest bit first.
    hold : Out(3)
        To each of them: begin nothing.
    """

    def __init__(self, config):
        ops = stream.Signature(mac_op(config))
        super().__init__({
            "op": In(ops),
            "run": Out(ops), "back": Out(ops), "dump": Out(ops),
            "waiting": In(3), "busy": In(3), "hold": Out(3),
        })

    def elaborate(self, platform):
        m = Module()
        free = ~self.waiting.any()
        m.d.comb += self.op.ready.eq(free)
        for number, (kind, control) in enumerate((
                (MacKind.RUN, self.run), (MacKind.BACK, self.back), (MacKind.DUMP, self.dump))):
            others = Cat(self.busy[other] for other in range(3) if other != number)
            m.d.comb += [
                control.payload.eq(self.op.payload),
                control.valid.eq(self.op.valid & free & (self.op.p.kind == kind)),
                self.hold[number].eq(others.any()),
            ]
        return m
