"""`Collector`: collects the gateways' beats for the host."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .config import HARDWARE_ID_BITS
from .op_fields import HostOutKind
from .ops import gateway_queues

__all__ = ["Collector"]


class Collector(wiring.Component):
    """Runs queue `host_out`: beats from one gateway after the other, or the hardware id.

    Parameters
    ----------
    config : TorusConfig

    Members
    -------
    host : Out(stream)
        Beats to the host.
    gateways : array of In(stream)
        Beats from each gateway.
    op : In(stream)
        The queue of ops.
    idle : Out(1)
        No op is in progress.
    """

    def __init__(self, config):
        self.config = config
        beats = stream.Signature(config.host_bits)
        super().__init__({
            "host": Out(beats),
            "gateways": In(beats).array(config.rows),
            "op": In(stream.Signature(gateway_queues(config)[2])),
            "idle": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        id_beats = -(-HARDWARE_ID_BITS // config.host_bits)

        op = Signal(gateway_queues(config)[2])
        active = Signal()
        beats_left = Signal(config.count_bits)
        reps_left = Signal(config.rep_bits)
        row = Signal(config.row_bits)
        hardware_id = Signal(HARDWARE_ID_BITS)
        is_id = op.kind == HostOutKind.ID

        with m.If(active & is_id):
            m.d.comb += [self.host.valid.eq(1), self.host.payload.eq(hardware_id)]
        with m.Elif(active):
            with m.Switch(row):
                for index, gateway in enumerate(self.gateways):
                    with m.Case(index):
                        m.d.comb += [
                            self.host.valid.eq(gateway.valid),
                            self.host.payload.eq(gateway.payload),
                            gateway.ready.eq(self.host.ready),
                        ]
        passed = self.host.valid & self.host.ready

        last_row = is_id | (row == config.rows - 1)
        finish = passed & (beats_left == 1) & last_row & (reps_left == 0)
        m.d.comb += [
            self.op.ready.eq(~active | finish),
            self.idle.eq(~active),
        ]
        with m.If(passed):
            m.d.sync += [
                beats_left.eq(beats_left - 1),
                hardware_id.eq(hardware_id >> config.host_bits),
            ]
        with m.If(passed & (beats_left == 1)):
            m.d.sync += [
                beats_left.eq(op.beats),
                row.eq(Mux(last_row, 0, row + 1)),
                reps_left.eq(reps_left - last_row),
            ]
        with m.If(finish):
            m.d.sync += active.eq(0)
        new = self.op.p
        with m.If(self.op.valid & self.op.ready):
            m.d.sync += [
                active.eq(1),
                op.eq(self.op.payload),
                row.eq(0),
                reps_left.eq(Mux(new.kind == HostOutKind.ID, 0, new.reps)),
                beats_left.eq(Mux(new.kind == HostOutKind.ID, id_beats, new.beats)),
                hardware_id.eq(config.hardware_id),
            ]
        return m
