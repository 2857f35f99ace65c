"""`Distributor`: deals the host's beats out to the gateways."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..op_fields import HostInKind
from ..ops import gateway_queues
from .row_walk import RowWalk

__all__ = ["Distributor"]


class Distributor(wiring.Component):
    """Runs queue `host_in`: it gives beats to one gateway after the other, or to all at once.

    Parameters
    ----------
    config : TorusConfig

    Members
    -------
    host : In(stream)
        Beats from the host. They are taken in order, and none before an op asks for it.
    gateways : array of Out(stream)
        Beats to each gateway.
    own : Out(stream)
        Beats of the gateway program, for the bridge's own sequencer; the gateways get the same.
    op : In(stream)
        The queue of ops.
    idle : Out(1)
        No op is in progress.
    """

    def __init__(self, config):
        self.config = config
        beats = stream.Signature(config.host_bits)
        super().__init__({
            "host": In(beats),
            "gateways": Out(beats).array(config.rows),
            "own": Out(beats),
            "op": In(stream.Signature(gateway_queues(config)[1])),
            "idle": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config

        walk = RowWalk(config)
        boots = Signal()
        broadcasts = Signal()

        # A beat is done with when every output that it is meant for has taken it.
        outputs = [*zip(self.gateways, walk.of_row, strict=True), (self.own, boots)]
        taken = Signal(len(outputs))
        missing = Signal(len(outputs))
        for index, (output, want) in enumerate(outputs):
            m.d.comb += [
                output.payload.eq(self.host.payload),
                output.valid.eq(self.host.valid & want & ~taken[index]),
                missing[index].eq(want & ~taken[index] & ~output.ready),
            ]
            with m.If(output.valid & output.ready):
                m.d.sync += taken[index].eq(1)
        m.d.comb += self.host.ready.eq(walk.active & ~missing.any())
        passed = self.host.valid & self.host.ready
        ends = walk.advance(m, passed, broadcasts)
        m.d.comb += [
            self.op.ready.eq(~walk.active | ends),
            self.idle.eq(~walk.active),
        ]
        with m.If(passed):
            m.d.sync += taken.eq(0)
        with m.If(ends):
            m.d.sync += boots.eq(0)

        new = self.op.p
        with m.If(self.op.valid & self.op.ready):
            m.d.sync += [
                *walk.start(Mux(new.kind == HostInKind.SCATTER, 1, -1), new.beats, new.reps),
                boots.eq(new.kind == HostInKind.PROGRAM),
                broadcasts.eq(new.kind != HostInKind.SCATTER),
            ]
        return m
