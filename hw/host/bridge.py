"""`Bridge`: shares the one host stream each way among the gateways of all rows."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..cells.doubled import with_twins
from ..cells.parity import sticky, with_parity
from ..config import PROGRAM_BLOCK_WORDS
from ..covered import is_covered
from ..fault_places import FaultPlace, flag_bits
from ..op_fields import HostInKind
from ..ops import gateway_queues
from ..sequencer import Sequencer
from .collector import Collector
from .distributor import Distributor
from .host_words import Unpack

__all__ = ["Bridge"]


class Bridge(wiring.Component):
    """A sequencer with a `Distributor` and a `Collector`, which run queues of the gateway program.

    Parameters
    ----------
    config : TorusConfig
    tells : bool
        Whether there is a port `running`.

    Members
    -------
    host_in, host_out : In(stream), Out(stream)
        The host's beats.
    to_gateways, from_gateways : arrays of Out(stream), In(stream)
        The beats of each gateway.
    running : Out(1)
        With `tells`: a program of the gateways runs.
    faults : Out
        With `checks`: as of a `Gateway`, of the bridge's own program.
    """

    def __init__(self, config, *, tells=False):
        self.config = config
        self.tells = tells
        beats = stream.Signature(config.host_bits)
        super().__init__({
            "host_in": In(beats),
            "host_out": Out(beats),
            "to_gateways": Out(beats).array(config.rows),
            "from_gateways": In(beats).array(config.rows),
            **({"running": Out(1)} if tells else {}),
            **({"faults": Out(flag_bits(config))} if config.checks else {}),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        _, in_layout, out_layout = gateway_queues(config)

        m.submodules.sequencer = sequencer = Sequencer(
            config, {1: in_layout, 2: out_layout}, boot=(1, {
                "kind": HostInKind.PROGRAM, "beats": config.block_beats}), tells=self.tells)
        m.submodules.distributor = distributor = Distributor(config)
        m.submodules.collector = collector = Collector(config)
        m.submodules.unpack = unpack = Unpack(config)

        wiring.connect(m, wiring.flipped(self.host_in), distributor.host)
        wiring.connect(m, collector.host, wiring.flipped(self.host_out))
        for row in range(config.rows):
            wiring.connect(m, distributor.gateways[row], wiring.flipped(self.to_gateways[row]))
            wiring.connect(m, wiring.flipped(self.from_gateways[row]), collector.gateways[row])
        wiring.connect(m, sequencer.queue_1, distributor.op)
        wiring.connect(m, sequencer.queue_2, collector.op)
        wiring.connect(m, distributor.own, unpack.i)
        if self.tells:
            m.d.comb += self.running.eq(sequencer.running)

        # Only blocks of the gateway program come this way, and each begins on a new beat.
        in_block = PROGRAM_BLOCK_WORDS // config.link_words
        block_index = Signal(range(in_block))
        at_last_word = Signal()
        m.d.comb += [
            sequencer.load.valid.eq(unpack.o.valid),
            sequencer.load.payload.eq(with_parity(config, unpack.o.payload)),
            unpack.o.ready.eq(1),
            unpack.last.eq(at_last_word),
            sequencer.idle.eq(distributor.idle & collector.idle & ~unpack.o.valid),
        ]
        with m.If(unpack.o.valid):
            m.d.sync += [
                block_index.eq(block_index + 1),
                at_last_word.eq(block_index == in_block - 2),
            ]
        if config.checks:
            sticky(m, self.faults, {FaultPlace.PROGRAM: sequencer.fault})
        if config.checks < 3:
            return m
        return with_twins(m, platform, self.faults[FaultPlace.CONTROL], is_covered)
