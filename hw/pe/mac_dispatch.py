"""`MacDispatch`: hands the ops of the MAC queue to the controls that run them."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..op_fields import MacKind
from ..ops import mac_op

__all__ = ["MacDispatch", "mac_op_side"]


_KINDS = (MacKind.RUN, MacKind.BACK, MacKind.DUMP)


def mac_op_side(config):
    """What `MacDispatch` shares with the control of one kind of op, as `MacDispatch` sees it.

    Members
    -------
    op : Out(stream)
        The ops of this kind.
    hold : Out(1)
        While it is high the control begins no repetition.
    waiting, busy : In(1), In(1)
        An op has repetitions that have not begun (of a DUMP: not ended); a repetition is in
        progress. Registers.
    """
    return wiring.Signature({
        "op": Out(stream.Signature(mac_op(config))),
        "hold": Out(1), "waiting": In(1), "busy": In(1),
    })


class MacDispatch(wiring.Component):
    """One queue, three controls: ops begin in the order of the queue, and never overlap.

    An op is given to its control when no control has an op that waits to begin: a cycle after the
    last repetition of the op before has begun (of a DUMP: has ended). It begins when no other
    control is busy, a cycle after an op of another kind has ended. So nothing here depends on what
    a control decides in the same cycle.

    Parameters
    ----------
    config : TorusConfig
        With `training`.

    Members
    -------
    op : In(stream)
        The MAC queue.
    controls : array of Out(mac_op_side)
        The controls of RUN, BACK and DUMP ops, in this order: see `mac_op_side`.
    """

    def __init__(self, config):
        super().__init__({
            "op": In(stream.Signature(mac_op(config))),
            "controls": Out(mac_op_side(config)).array(len(_KINDS)),
        })

    def elaborate(self, platform):
        m = Module()
        free = ~Cat(control.waiting for control in self.controls).any()
        m.d.comb += self.op.ready.eq(free)
        for kind, control in zip(_KINDS, self.controls, strict=True):
            others = Cat(other.busy for other in self.controls if other is not control)
            m.d.comb += [
                control.op.payload.eq(self.op.payload),
                control.op.valid.eq(self.op.valid & free & (self.op.p.kind == kind)),
                control.hold.eq(others.any()),
            ]
        return m
