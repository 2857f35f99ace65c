"""`Collector`: collects the gateways' beats for the host."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..cells.countdown import Countdown
from ..config import HARDWARE_ID_BITS
from ..op_fields import HostOutKind
from ..ops import gateway_queues

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

        active = Signal()
        is_id = Signal()
        beats_of_row = Signal(config.count_bits)
        beats = Countdown(config.count_bits, "beats")  # Of this row.
        reps = Countdown(config.rep_bits, "reps")  # After this one.
        of_row = Signal(config.rows)  # One bit is high: whose beats are passed on; none for the id.
        hardware_id = Signal(HARDWARE_ID_BITS)

        beat = Mux(is_id, hardware_id[:config.host_bits], 0)
        for gateway, chosen in zip(self.gateways, of_row, strict=True):
            beat |= Mux(chosen, gateway.payload, 0)
            m.d.comb += gateway.ready.eq(chosen & self.host.ready)
        m.d.comb += [
            self.host.valid.eq(is_id | Cat(
                gateway.valid & chosen
                for gateway, chosen in zip(self.gateways, of_row, strict=True)).any()),
            self.host.payload.eq(beat),
        ]
        passed = self.host.valid & self.host.ready

        last_row = is_id | of_row[-1]
        at_last = beats.last & last_row & ~reps.some
        m.d.comb += [
            self.op.ready.eq(~active | (at_last & passed)),
            self.idle.eq(~active),
        ]
        with m.If(passed):
            m.d.sync += [
                *beats.step(),
                hardware_id.eq(hardware_id >> config.host_bits),
            ]
        with m.If(passed & beats.last):
            m.d.sync += [
                *beats.start(beats_of_row),
                of_row.eq(of_row.rotate_left(1)),
            ]
            with m.If(last_row):
                m.d.sync += reps.step()
        with m.If(at_last & passed):
            m.d.sync += [active.eq(0), is_id.eq(0), of_row.eq(0)]
        new = self.op.p
        with m.If(self.op.valid & self.op.ready):
            m.d.sync += [
                active.eq(1),
                is_id.eq(new.kind == HostOutKind.ID),
                of_row.eq(new.kind != HostOutKind.ID),
                beats_of_row.eq(new.beats),
                *reps.start(Mux(new.kind == HostOutKind.ID, 0, new.reps)),
                *beats.start(Mux(new.kind == HostOutKind.ID, id_beats, new.beats)),
                hardware_id.eq(config.hardware_id),
            ]
        return m
