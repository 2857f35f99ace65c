"""`Collector`: collects the gateways' beats for the host."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import HARDWARE_ID_BITS
from ..op_fields import HostOutKind
from ..ops import gateway_queues
from .row_walk import RowWalk

__all__ = ["Collector"]


class Collector(wiring.Component):
    """Runs queue `host_out`: it sends beats of one gateway after the other, or the hardware id.

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

        walk = RowWalk(config)
        is_id = Signal()
        hardware_id = Signal(HARDWARE_ID_BITS)

        beat = Mux(is_id, hardware_id[:config.host_bits], 0)
        for gateway, chosen in zip(self.gateways, walk.of_row, strict=True):
            beat |= Mux(chosen, gateway.payload, 0)
            m.d.comb += gateway.ready.eq(chosen & self.host.ready)
        m.d.comb += [
            self.host.valid.eq(is_id | Cat(
                gateway.valid & chosen
                for gateway, chosen in zip(self.gateways, walk.of_row, strict=True)).any()),
            self.host.payload.eq(beat),
        ]
        passed = self.host.valid & self.host.ready
        ends = walk.advance(m, passed, is_id)
        m.d.comb += [
            self.op.ready.eq(~walk.active | ends),
            self.idle.eq(~walk.active),
        ]
        with m.If(passed):
            m.d.sync += hardware_id.eq(hardware_id >> config.host_bits)
        with m.If(ends):
            m.d.sync += is_id.eq(0)
        new = self.op.p
        asks_id = new.kind == HostOutKind.ID
        with m.If(self.op.valid & self.op.ready):
            m.d.sync += [
                *walk.start(new.kind != HostOutKind.ID, Mux(asks_id, id_beats, new.beats),
                            Mux(asks_id, 0, new.reps)),
                is_id.eq(asks_id),
                hardware_id.eq(config.hardware_id),
            ]
        return m
