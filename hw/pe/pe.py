"""`PE`: a processing element. It only wires its router, MAC, memories and sequencer together."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..cells.doubled import with_twins
from ..cells.parity import sticky, with_parity
from ..cells.part import part
from ..config import PROGRAM_BLOCK_WORDS
from ..covered import is_covered, is_no_arithmetic
from ..fault_places import FaultPlace, flag_bits
from ..mac.lane_mac import mac_of
from ..mac.mac_control import MacControl
from ..op_fields import GatherKind
from ..ops import pe_queues
from ..ring.router import InferenceRouter
from ..ring.sides import mac_ring_side
from ..sequencer import Sequencer
from .loader import Loader

__all__ = ["PE", "pe_members"]


def pe_members(config):
    """The ports of a PE; see `PE`."""
    link = stream.Signature(config.ring_bits)
    return {
        "col": In(config.col_bits),
        "west": In(link), "north": In(link),
        "east": Out(link), "south": Out(link),
        **({"faults": Out(flag_bits(config))} if config.checks else {}),
    }


class PE(wiring.Component):
    """One node of the inference torus; see docs/architecture.md, section 3.

    Parameters
    ----------
    config : TorusConfig
    weights, biases : list of int
        Contents of the memories after configuration.
    folded : bool
        Weights and biases are logic instead of memories, and cannot be loaded.

    Members
    -------
    col : In
        Column of this PE, a constant. It says which words of a load op are the PE's own, and
        whether a gateway comes next in the row. It is a port so that all PEs are one module.
    west, north : In(stream)
        Words of the row ring and of the column ring.
    east, south : Out(stream)
        The same rings, downstream.
    faults : Out
        With `checks`: a flag for each `FaultPlace`, set in the cycle after the parity of a word
        there is found wrong, and kept until a reset. Registers.
    """

    def __init__(self, config, *, weights=(), biases=(), folded=False):
        self.config = config
        self.folded = folded
        self.weights = weights
        self.biases = biases
        super().__init__(pe_members(config))

    def elaborate(self, platform):
        m = Module()
        config = self.config

        m.submodules.router = router = InferenceRouter(config)
        m.submodules.sequencer = sequencer = Sequencer(
            config, dict(enumerate(pe_queues(config))), boot=(0, {
                "kind": GatherKind.PROGRAM, "recv": PROGRAM_BLOCK_WORDS, "lag": 1}))
        m.submodules.control = control = MacControl(config)
        m.submodules.mac = mac = mac_of(config, weights=self.weights, biases=self.biases,
                                        folded=self.folded)
        m.submodules.loader = loader = Loader(config)

        for port in ("west", "north", "east", "south"):
            wiring.connect(m, wiring.flipped(getattr(self, port)), getattr(router, port))
        wiring.connect(m, router.row.tap, loader.tap)
        wiring.connect(m, loader.program, sequencer.load)
        wiring.connect(m, loader.weight, mac.load_weight)
        wiring.connect(m, loader.bias, mac.load_bias)
        wiring.connect(m, sequencer.queue_0, router.row.op)
        wiring.connect(m, sequencer.queue_1, router.col.op)
        wiring.connect(m, sequencer.queue_2, control.op)
        wiring.connect(m, control.step, mac.step)

        for ring, reads, here in zip((router.row, router.col), control.rings,
                                     (mac.for_row, mac.for_col), strict=True):
            wiring.connect(m, reads, part(ring, mac_ring_side(config).flip()))
            m.d.comb += [
                ring.write.valid.eq(here),
                ring.write.p.addr.eq(mac.result.p.where.addr),
                ring.write.p.word.eq(self._ring_word(mac.result.p.word)),
                ring.landed.eq(here & mac.result.p.where.landed),
                ring.start.eq(sequencer.start),
            ]
        m.d.comb += [
            loader.col.eq(self.col),
            router.last_in_row.eq(self.col == config.cols - 1),
            mac.row_word.eq(router.row.read_word),
            mac.col_word.eq(router.col.read_word),
            control.start.eq(sequencer.start),
            loader.start.eq(sequencer.start),
            sequencer.idle.eq(router.row.idle & router.col.idle & control.idle & mac.idle),
        ]
        if config.checks:
            sticky(m, self.faults, {
                FaultPlace.WEIGHTS: mac.bad_weight, FaultPlace.BIASES: mac.bad_bias,
                FaultPlace.BUFFER: router.row.bad_buffer | router.col.bad_buffer,
                FaultPlace.PROGRAM: sequencer.fault,
                FaultPlace.LINK: router.row.bad_link | router.col.bad_link,
            })
        if config.checks < 2:
            return m
        sticky(m, self.faults, {FaultPlace.SUM: mac.bad_sum})
        if config.checks == 2:
            return with_twins(m, platform, self.faults[FaultPlace.SUM], is_no_arithmetic)
        return with_twins(m, platform, self.faults[FaultPlace.CONTROL], is_covered)

    def _ring_word(self, result):
        """A result as a word of a ring: with `checks` its parity is made here."""
        config = self.config
        if not config.checks:
            return result
        above = result[-1].replicate(config.word_bits - len(result))
        return with_parity(config, Cat(result, above))
