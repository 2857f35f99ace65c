"""`Distributor`: deals the host's beats out to the gateways."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..cells.countdown import Countdown
from ..op_fields import HostInKind
from ..ops import gateway_queues

__all__ = ["Distributor"]


class Distributor(wiring.Component):
    """Runs queue `host_in`: beats to one gateway after the other, or to all at once.

    Parameters
    ----------
    config : TorusConfig

    Members
    -------
    host : In(stream)
        Beats from the host, taken in order, none before an op asks for it.
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

        active = Signal()
        boots = Signal()
        broadcasts = Signal()
        of_row = Signal(config.rows)  # Which gateways are meant: all, or one bit is high.
        beats_of_row = Signal(config.count_bits)
        beats = Countdown(config.count_bits, "beats")  # Of this row.
        reps = Countdown(config.rep_bits, "reps")  # After this one.

        # A beat is done with when every output that it is meant for has taken it.
        outputs = [*zip(self.gateways, of_row, strict=True), (self.own, boots)]
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
        m.d.comb += self.host.ready.eq(active & ~missing.any())
        passed = self.host.valid & self.host.ready

        last_row = broadcasts | of_row[-1]
        at_last = beats.last & last_row & ~reps.some
        m.d.comb += [
            self.op.ready.eq(~active | (at_last & passed)),
            self.idle.eq(~active),
        ]
        with m.If(passed):
            m.d.sync += [taken.eq(0), *beats.step()]
        with m.If(passed & beats.last):
            m.d.sync += [
                *beats.start(beats_of_row),
                of_row.eq(of_row.rotate_left(1)),
            ]
            with m.If(last_row):
                m.d.sync += reps.step()
        with m.If(at_last & passed):
            m.d.sync += [active.eq(0), boots.eq(0), of_row.eq(0)]

        with m.If(self.op.valid & self.op.ready):
            m.d.sync += [
                active.eq(1),
                beats_of_row.eq(self.op.p.beats),
                *reps.start(self.op.p.reps),
                *beats.start(self.op.p.beats),
                boots.eq(self.op.p.kind == HostInKind.PROGRAM),
                broadcasts.eq(self.op.p.kind != HostInKind.SCATTER),
                of_row.eq(Mux(self.op.p.kind == HostInKind.SCATTER, 1, -1)),
            ]
        return m
