"""The bridge: deals the host stream out to the gateways and collects what they have to say."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .config import HARDWARE_ID_BITS, PROGRAM_BLOCK_WORDS
from .host_words import Unpack
from .ops import HostInKind, HostOutKind, gateway_queues
from .sequencer import Sequencer

__all__ = ["Bridge", "Collector", "Distributor"]


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
    boot : In(stream)
        Requests for program blocks (their number less one); served before ops.
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
            "boot": In(stream.Signature(config.rep_bits)),
            "idle": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config

        active = Signal()
        boots = Signal()
        broadcasts = Signal()
        beats = Signal(config.count_bits)
        beats_left = Signal(config.count_bits)
        reps_left = Signal(config.rep_bits)
        row = Signal(config.row_bits)

        # A beat is done with when every output that it is meant for has taken it.
        wanted = [active & (broadcasts | (row == index)) for index in range(config.rows)]
        outputs = [*zip(self.gateways, wanted, strict=True), (self.own, active & boots)]
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

        last_row = broadcasts | (row == config.rows - 1)
        finish = passed & (beats_left == 1) & last_row & (reps_left == 0)
        free = ~active | finish
        m.d.comb += [
            self.boot.ready.eq(free),
            self.op.ready.eq(free & ~self.boot.valid),
            self.idle.eq(~active),
        ]
        with m.If(passed):
            m.d.sync += [
                taken.eq(0),
                beats_left.eq(beats_left - 1),
            ]
        with m.If(passed & (beats_left == 1)):
            m.d.sync += [
                beats_left.eq(beats),
                row.eq(Mux(last_row, 0, row + 1)),
                reps_left.eq(reps_left - last_row),
            ]
        with m.If(finish):
            m.d.sync += active.eq(0)

        def begin(count, reps):
            return [
                active.eq(1), row.eq(0), reps_left.eq(reps), beats.eq(count), beats_left.eq(count),
            ]

        with m.If(self.boot.valid & self.boot.ready):
            m.d.sync += [*begin(config.block_beats, self.boot.payload),
                         broadcasts.eq(1), boots.eq(1)]
        with m.Elif(self.op.valid & self.op.ready):
            m.d.sync += [*begin(self.op.p.beats, self.op.p.reps),
                         broadcasts.eq(self.op.p.kind == HostInKind.BROADCAST), boots.eq(0)]
        return m


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


class Bridge(wiring.Component):
    """A sequencer with a `Distributor` and a `Collector`; they run queues of the gateway program.

    Parameters
    ----------
    config : TorusConfig

    Members
    -------
    host_in, host_out : In(stream), Out(stream)
        The host's beats.
    to_gateways, from_gateways : arrays of Out(stream), In(stream)
        The beats of each gateway.
    """

    def __init__(self, config):
        self.config = config
        beats = stream.Signature(config.host_bits)
        super().__init__({
            "host_in": In(beats),
            "host_out": Out(beats),
            "to_gateways": Out(beats).array(config.rows),
            "from_gateways": In(beats).array(config.rows),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        _, in_layout, out_layout = gateway_queues(config)

        m.submodules.sequencer = sequencer = Sequencer(config, {1: in_layout, 2: out_layout})
        m.submodules.distributor = distributor = Distributor(config)
        m.submodules.collector = collector = Collector(config)
        m.submodules.unpack = unpack = Unpack(config)

        wiring.connect(m, wiring.flipped(self.host_in), distributor.host)
        wiring.connect(m, collector.host, wiring.flipped(self.host_out))
        for row in range(config.rows):
            wiring.connect(m, distributor.gateways[row], wiring.flipped(self.to_gateways[row]))
            wiring.connect(m, wiring.flipped(self.from_gateways[row]), collector.gateways[row])
        wiring.connect(m, sequencer.boot, distributor.boot)
        wiring.connect(m, sequencer.queue_1, distributor.op)
        wiring.connect(m, sequencer.queue_2, collector.op)
        wiring.connect(m, distributor.own, unpack.i)

        # Only program blocks come this way, each on beats of its own.
        block_index = Signal(range(PROGRAM_BLOCK_WORDS))
        m.d.comb += [
            sequencer.load.valid.eq(unpack.o.valid),
            sequencer.load.payload.eq(unpack.o.payload),
            unpack.o.ready.eq(1),
            unpack.last.eq(block_index == PROGRAM_BLOCK_WORDS - 1),
            sequencer.idle.eq(distributor.idle & collector.idle),
        ]
        with m.If(unpack.o.valid):
            m.d.sync += block_index.eq(block_index + 1)
        return m
