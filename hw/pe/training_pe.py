"""`TrainingPE`: a processing element of a torus that trains. It only wires its blocks together."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..cells.parity import result_word, sticky
from ..cells.part import part
from ..config import PROGRAM_BLOCK_WORDS
from ..fault_places import FaultPlace, flag_bits
from ..layouts import partial_layout
from ..mac.back_control import BackControl
from ..mac.gradient_memory import GradientMemory, HostGradients, TargetGradients
from ..mac.lane_training_mac import training_mac_of
from ..mac.mac_control import MacControl
from ..op_fields import Axis, GatherKind
from ..ops import pe_queues
from ..ring.sides import mac_ring_side
from ..ring.training_router import TrainingRouter
from ..sequencer import Sequencer
from .dump import Dump
from .loader import Loader
from .mac_dispatch import MacDispatch, mac_op_side

__all__ = ["TrainingPE", "training_pe_members"]


def training_pe_members(config):
    """The ports of a training PE; see `TrainingPE`."""
    link = stream.Signature(config.ring_bits)
    reverse = stream.Signature(partial_layout(config))
    return {
        "col": In(config.col_bits),
        "west": In(link), "north": In(link),
        "east": Out(link), "south": Out(link),
        "from_east": In(reverse), "from_south": In(reverse),
        "to_west": Out(reverse), "to_north": Out(reverse),
        **({"faults": Out(flag_bits(config))} if config.checks else {}),
    }


class TrainingPE(wiring.Component):
    """One node of the training torus; see docs/training.md.

    Parameters
    ----------
    config : TorusConfig
        With `training`.
    weights, biases : list of int
        Contents of the memories after configuration.

    Members
    -------
    col : In
        Column of this PE, a constant, as in `PE`.
    west, north, east, south
        The rings of words, as in `PE`.
    from_east, from_south : In(stream)
        Partial sums of the rings back (`hw.layouts.partial_layout`).
    to_west, to_north : Out(stream)
        The same rings, downstream.
    faults : Out
        With `checks`: as in `PE`.
    """

    def __init__(self, config, *, weights=(), biases=()):
        self.config = config
        self.weights = weights
        self.biases = biases
        super().__init__(training_pe_members(config))

    def elaborate(self, platform):
        m = Module()
        config = self.config

        m.submodules.router = router = TrainingRouter(config)
        m.submodules.sequencer = sequencer = Sequencer(
            config, dict(enumerate(pe_queues(config))), boot=(0, {
                "kind": GatherKind.PROGRAM, "recv": PROGRAM_BLOCK_WORDS}))
        m.submodules.dispatch = dispatch = MacDispatch(config)
        m.submodules.control = control = MacControl(config)
        m.submodules.back_control = back = BackControl(config)
        m.submodules.dump = dump = Dump(config)
        m.submodules.mac = mac = training_mac_of(
            config, weights=self.weights, biases=self.biases)
        m.submodules.loader = loader = Loader(config)
        m.submodules.row_gradients = row_gradients = GradientMemory(config)
        m.submodules.col_gradients = col_gradients = GradientMemory(config)
        m.submodules.host_gradients = host_gradients = HostGradients(config)

        completed = row_gradients.complete
        if config.training.targets:
            m.submodules.target_gradients = made = TargetGradients(config)
            wiring.connect(m, made.complete, row_gradients.complete)
            completed = made.summed
            m.d.comb += [
                made.result.valid.eq(mac.result.valid),
                made.result.payload.eq(mac.result.payload),
                made.target.eq(host_gradients.target),
                host_gradients.take.eq(made.take),
            ]
        for port in ("west", "north", "from_east", "from_south"):
            wiring.connect(m, wiring.flipped(getattr(self, port)), getattr(router, port))
        for port in ("east", "south", "to_west", "to_north"):
            wiring.connect(m, getattr(router, port), wiring.flipped(getattr(self, port)))
        for source, sink in (
                (router.row.tap, loader.tap), (loader.program, sequencer.load),
                (loader.weight, mac.load_weight), (loader.bias, mac.load_bias),
                (loader.lfsr, mac.load_lfsr), (loader.gradient, host_gradients.load),
                (sequencer.queue_0, router.row.op), (sequencer.queue_1, router.col.op),
                (sequencer.queue_2, dispatch.op),
                (control.step, mac.forward), (back.step, mac.back),
                (mac.row_share, router.row_back.own), (mac.col_share, router.col_back.own),
                (router.row_back.complete, completed),
                (router.col_back.complete, col_gradients.complete)):
            wiring.connect(m, source, sink)
        for side, one in zip(dispatch.controls, (control, back, dump), strict=True):
            wiring.connect(m, side, part(one, mac_op_side(config).flip()))
        with m.If(~mac.idle):
            m.d.comb += dump.hold.eq(1)

        step = back.step
        reads = step.valid
        if config.lanes_out > 1:
            wiring.connect(m, back.read, mac.gradient_read)
            reads, dy_addr = back.read.valid, back.read.p.addr
            m.d.comb += back.bias_busy.eq(mac.bias_busy)
        else:
            dy_addr = step.p.dy_addr
        rings, engines = (router.row, router.col), (router.row_back, router.col_back)
        memories, here = (row_gradients, col_gradients), (mac.for_row, mac.for_col)
        for axis in Axis:
            ring, gradients = rings[axis], memories[axis]
            wiring.connect(m, control.rings[axis], part(ring, mac_ring_side(config).flip()))
            with m.If(step.valid & (step.p.axis == axis)):
                m.d.comb += [
                    ring.read_en.eq(1),
                    ring.read_addr.eq(step.p.x_addr),
                ]
            m.d.comb += [
                ring.reread.eq(back.rings[axis].reread),
                back.rings[axis].taken.eq(engines[axis].taken),
                back.rings[axis].landed.eq(gradients.landed),
                ring.write.valid.eq(here[axis]),
                ring.write.p.addr.eq(mac.result.p.where.addr),
                ring.write.p.word.eq(result_word(config, mac.result.p.word)),
                ring.landed.eq(here[axis] & mac.result.p.where.landed),
                ring.start.eq(sequencer.start),
                gradients.read_en.eq(reads),
                gradients.read_addr.eq(dy_addr),
            ]
        with m.If(dump.write.valid):
            m.d.comb += [
                router.row.write.valid.eq(1),
                router.row.write.payload.eq(dump.write.payload),
                router.row.landed.eq(dump.landed),
            ]

        m.d.comb += [
            loader.col.eq(self.col),
            router.last_in_row.eq(self.col == config.cols - 1),
            back.last_in_row.eq(self.col == config.cols - 1),
            mac.row_word.eq(router.row.read_word),
            mac.col_word.eq(router.col.read_word),
            mac.row_gradient.eq(row_gradients.word),
            mac.col_gradient.eq(col_gradients.word),
            mac.host_gradient.eq(host_gradients.word),
            host_gradients.read_addr.eq(dy_addr),
            back.host_landed.eq(loader.gradients_landed),
            mac.look.eq(dump.look),
            mac.look_addr.eq(dump.look_addr),
            dump.weight_record.eq(mac.weight_record),
            dump.bias_record.eq(mac.bias_record),
            dump.lfsr_record.eq(mac.lfsr_record),
            dump.row_retired.eq(router.row.retired),
            # No RUN begins in the cycle of a step backwards: `hold` is high then.
            control.writing.eq(mac.writing),
            back.writing.eq(mac.writing),
            control.start.eq(sequencer.start),
            back.start.eq(sequencer.start),
            dump.start.eq(sequencer.start),
            loader.start.eq(sequencer.start),
            sequencer.idle.eq(
                router.row.idle & router.col.idle & router.row_back.idle & router.col_back.idle
                & control.idle & back.idle & dump.idle & mac.idle
                & ~row_gradients.busy & ~col_gradients.busy),
        ]
        if config.checks:
            bad_target = made.bad_target if config.training.targets else Const(0)
            self._flag(m, sequencer.fault, mac, rings, engines, bad_target)
        return m

    def _flag(self, m, bad_program, mac, rings, engines, bad_target):
        """Set the flags, a cycle after a parity is found wrong."""
        sticky(m, self.faults, {
            FaultPlace.WEIGHTS: mac.bad_weight, FaultPlace.BIASES: mac.bad_bias,
            FaultPlace.BUFFER: Cat(ring.bad_buffer for ring in rings).any(),
            FaultPlace.PROGRAM: bad_program,
            FaultPlace.LINK: Cat(ring.bad_link for ring in rings).any(),
            FaultPlace.GRADIENTS: mac.bad_gradient | bad_target,
            FaultPlace.VELOCITIES: mac.bad_velocity,
            FaultPlace.PARTIALS: Cat(engine.bad_queue for engine in engines).any(),
            FaultPlace.BACK_LINK: Cat(engine.bad_link for engine in engines).any(),
            FaultPlace.RANDOM: mac.bad_lfsr,
        })
