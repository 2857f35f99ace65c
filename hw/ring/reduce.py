"""`RingReduce`: one node of a ring reduction, which adds to the partial sums that pass it."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..cells.lut_queue import LutQueue
from ..cells.parity import sealed
from ..layouts import complete_layout, contribution_layout, partial_layout

__all__ = ["RingReduce"]


class RingReduce(wiring.Component):
    """Runs a reduction round a ring that goes the other way than the gathers (docs/training.md).

    It has no ops: the order of the contributions decides everything, since all nodes of a ring walk
    the same words in the same order. For each contribution, oldest first, it takes the oldest
    partial sum received, if the contribution says so, adds the two, and sends the sum on or keeps
    it. It does one contribution a cycle. A contribution takes 2 cycles from `own` to `o` or
    `complete`, and a partial sum that its contribution waits for takes 1 cycle from `i` on.
    `o.valid` and `o.payload` hold until transfer. `i.ready` is a register, so there is no
    combinational path from `o.ready` to it, nor one round a ring. No partial sum is ever lost,
    doubled or reordered.

    Parameters
    ----------
    config : TorusConfig
        With `training`.

    Members
    -------
    i, o : In(stream), Out(stream)
        The reverse ring (`partial_layout`). `reduce_words` partial sums wait here at most.
    own : In(stream)
        The MAC's contributions (`contribution_layout`). Always accepted: the sender sees to it that
        at most `reduce_words` of its contributions are not yet `taken`.
    taken : Out(1)
        High for one cycle for each contribution that has left its queue, in the cycle after that.
        A register.
    complete : Out(stream)
        The sums that stay (`complete_layout`). Never waits.
    idle : Out(1)
        No contribution waits or is on its way out. Partial sums that were received may still wait
        for a contribution.
    bad_link, bad_queue : Out(1), Out(1)
        With `checks`: the parity of a partial sum on offer at `i` is wrong in this cycle; that of
        the oldest partial sum or contribution that waits.
    """

    def __init__(self, config):
        self.config = config
        super().__init__({
            "i": In(stream.Signature(partial_layout(config))),
            "o": Out(stream.Signature(partial_layout(config))),
            "own": In(stream.Signature(contribution_layout(config), always_ready=True)),
            "taken": Out(1),
            "complete": Out(stream.Signature(complete_layout(config), always_ready=True)),
            "idle": Out(1),
            **({"bad_link": Out(1), "bad_queue": Out(1)} if config.checks else {}),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        depth = config.training.reduce_words

        # `to_host` of an arriving partial sum is not looked at: its contribution says it again.
        contribution = contribution_layout(config)
        waiting, waits_own = signed(config.acc_bits), contribution
        if config.checks:
            waiting, waits_own = config.acc_bits + 1, contribution.size + 1
        m.submodules.partials = partials = LutQueue(waiting, depth)
        m.submodules.contributions = contributions = LutQueue(waits_own, depth)
        mine = contributions.o
        arrived, waited = self.i.p.sum, partials.o.payload
        share = mine.p
        if config.checks:
            share = data.View(contribution, contributions.o.payload[:-1])
            arrived, waited = Cat(arrived, self.i.p.parity ^ self.i.p.to_host), waited[:-1]

        # A partial sum that comes when none waits is added at once, if its contribution is there:
        # a hop of 1 cycle.
        waits = partials.o.valid
        partial = Signal(signed(config.acc_bits))
        partial_here = Signal()
        step = Signal()
        total = Signal(signed(config.acc_bits))
        may_send = ~self.o.valid | self.o.ready
        m.d.comb += [
            partials.i.valid.eq(self.i.valid & (waits | ~step | ~share.takes)),
            partials.i.payload.eq(arrived),
            self.i.ready.eq(partials.i.ready),
            contributions.i.valid.eq(self.own.valid),
            contributions.i.payload.eq(sealed(config, Value.cast(self.own.payload))),
            partial.eq(Mux(waits, waited, self.i.p.sum)),
            partial_here.eq(waits | self.i.valid),
            step.eq(mine.valid & (~share.takes | partial_here) & (share.keeps | may_send)),
            mine.ready.eq(step),
            partials.o.ready.eq(step & share.takes),
            total.eq(share.sum + Mux(share.takes, partial, 0)),
            self.idle.eq(~mine.valid & ~self.o.valid & ~self.complete.valid),
        ]
        m.d.sync += [
            self.taken.eq(step),
            self.complete.valid.eq(step & share.keeps),
            self.complete.p.sum.eq(total),
            self.complete.p.place.eq(share.place),
        ]
        with m.If(may_send):
            m.d.sync += [
                self.o.valid.eq(step & ~share.keeps),
                self.o.p.sum.eq(total),
                self.o.p.to_host.eq(share.to_host),
            ]
        if config.checks:
            # Each node makes the parity of its own sum, from what it has looked at.
            with m.If(may_send):
                m.d.sync += self.o.p.parity.eq(total.xor() ^ share.to_host)
            m.d.comb += [
                self.bad_link.eq(self.i.valid & Value.cast(self.i.payload).xor()),
                self.bad_queue.eq((partials.o.valid & partials.o.payload.xor())
                                  | (mine.valid & contributions.o.payload.xor())),
            ]
        return m
