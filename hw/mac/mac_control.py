"""`MacControl`: runs RUN ops, and makes the addresses of one step of a sum a cycle."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..cells.countdown import Countdown
from ..cells.credits import Credits
from ..layouts import finish_options, step_layout, target_options
from ..op_fields import Axis
from ..ops import mac_op
from ..ring.sides import mac_ring_side

__all__ = ["MacControl"]


class MacControl(wiring.Component):
    """Walks ops as (repetition, output, word) and steps when the next word may be read.

    Where a MAC has lanes, a step reads a row of `lanes_in` words, and an output is a group of up to
    `lanes_out` sums, which are made in one walk through the rows. The last step of a walk waits
    until there have been as many cycles as the walk before it has sums, so that these have left.

    A sum is over every word of a repetition, or with `word_steps` over every `word_step`-th one;
    an op of that kind waits until repetitions are complete.

    It does a step a cycle when words are there, and loses no cycle between outputs or repetitions.
    It loses none between ops either, if the last repetition of the op in progress has 2 steps or
    more (where a torus trains: 3): the next op is taken in the cycle after that repetition has
    begun. It never does a step with a word that has not been received, and never begins an op whose
    destination is not free. See docs/architecture.md, section 3.

    Parameters
    ----------
    config : TorusConfig

    Members
    -------
    op : In(stream)
        The queue of ops (`hw.op_fields.mac_fields`).
    rings : array of Out(mac_ring_side)
        The ring engine of each `Axis`: see `hw.ring.sides`. A step reads one of them.
    step : Out(stream)
        The step that is done this cycle: its word is being read. Never waits.
    start : In(1)
        High for one cycle before a program starts: forget all progress.
    idle : Out(1)
        No op is in progress, and none that was taken waits to begin.
    hold, writing : In(1), In(1)
        Training only. While `hold` is high no repetition begins; while `writing` is high no op with
        `fence`.
    waiting, busy : Out(1), Out(1)
        Training only. An op waits for its last repetition to begin; a repetition is in progress.
        Both are registers.
    """

    def __init__(self, config):
        self.config = config
        training = {} if config.training is None else {
            "hold": In(1), "writing": In(1), "waiting": Out(1), "busy": Out(1)}
        super().__init__({
            **training,
            "op": In(stream.Signature(mac_op(config))),
            "rings": Out(mac_ring_side(config)).array(len(Axis)),
            "step": Out(stream.Signature(step_layout(config), always_ready=True)),
            "start": In(1),
            "idle": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config

        # The repetition in progress. Words are counted from 0.
        active = Signal()
        axis = Signal()
        dest = Signal()
        word = Signal(config.count_bits)
        # The word after this one, of the sum.
        word_next = Signal(config.count_bits, init=config.lanes_in)
        outputs = Countdown(config.count_bits, "outputs")  # Outputs, or groups, after this one.
        last_but_one = Signal(config.count_bits)           # Number of the last word but one.
        # These decide what happens after a step, so they are registers instead of comparisons.
        at_last_word = Signal()
        one_word = Signal()
        x_base = Signal(config.addr_bits)
        w_addr = Signal(config.weight_row_bits)
        bias = Signal()
        b_addr = Signal(config.bias_addr_bits)
        y_addr = Signal(config.addr_bits)
        y_stride = Signal(config.addr_bits)
        shift = Signal(config.shift_bits)
        relu = Signal()
        options = {name: Signal(shape, name=name) for name, shape in finish_options(config).items()}
        targets = {name: Signal(shape, name=name) for name, shape in target_options(config).items()}

        # The coming repetition, of the op that was taken last.
        op = Signal(mac_op(config))
        waiting = Signal()      # It has repetitions that have not begun.
        # From a cycle that asks on, the registers below and `free` are about it: that in which the
        # op is taken, or where a torus trains, where ops come late in a cycle, the one after that.
        if config.training is None:
            asks, asked_for, coming = self.op.valid & self.op.ready, Const(1), self.op.p
        else:
            asked_for = Signal()
            asks, coming = waiting & ~asked_for, op
        first = Signal()        # None of its repetitions has begun.
        reps_left = Signal(config.rep_bits)  # Repetitions after it.
        last_rep = Signal()     # The coming repetition is its last.
        one_word_coming = Signal()
        x_coming = Signal(config.addr_bits)
        y_coming = Signal(config.addr_bits)

        begin = Signal()
        step = Signal()
        end_of_rep = Signal()
        # How far it is to the next word, and which ring has what the sum asks for.
        row = config.lanes_in
        word_step, coming_step, readable = Const(row), Const(row), [
            ring.readable for ring in self.rings]
        if config.word_steps:
            word_step = Signal(config.count_bits)
            skips = Signal()
            coming_step = op.word_step
            readable = [ring.readable & (ring.complete | ~skips) for ring in self.rings]
            with m.If(begin):
                m.d.sync += [word_step.eq(coming_step), skips.eq(coming_step != row)]
        address, row_next = x_base + word, word_next
        if row > 1:
            address, row_next = address[1:], word_next[1:]
        goes_on = active
        crowded = Signal()
        if config.lanes_out > 1:
            goes_on = active & ~(at_last_word & crowded)
        steps = []
        for number, ring in enumerate(self.rings):
            reads = goes_on & (axis == number) & readable[number]
            steps.append(reads)
            m.d.comb += [
                ring.read_en.eq(reads),
                ring.read_addr.eq(address),
                ring.read_next.eq(row_next),
                ring.advance.eq(reads & ~at_last_word),
                ring.consume.eq(reads & end_of_rep),
            ]
        m.d.comb += [
            step.eq(Cat(steps).any()),
            end_of_rep.eq(at_last_word & ~outputs.some),
            self.idle.eq(~active & ~waiting),

            self.step.valid.eq(step),
            self.step.p.axis.eq(axis),
            self.step.p.w_addr.eq(w_addr),
            self.step.p.first.eq(word == 0),
            self.step.p.bias.eq(bias),
            self.step.p.b_addr.eq(b_addr),
            self.step.p.last.eq(at_last_word),
            self.step.p.finish.shift.eq(shift),
            self.step.p.finish.relu.eq(relu),
            *(self.step.p.finish[name].eq(value) for name, value in options.items()),
            *(self.step.p.result[name].eq(value) for name, value in targets.items()),
            self.step.p.result.dest.eq(dest),
            self.step.p.result.addr.eq(y_addr),
            # Where a torus trains, every result counts: the next stage may begin sooner.
            self.step.p.result.landed.eq(
                end_of_rep if config.training is None else at_last_word),
        ]

        # Repetitions that the ring engine of either axis has retired. Whatever was asked for before
        # was there before its op began: so nobody need say for which axis, nor whether it is first.
        free = []
        for axis_to, ring in zip(Axis, self.rings, strict=True):
            m.submodules[f"{axis_to.name.lower()}_freed"] = freed = Credits(config.rep_bits)
            m.d.comb += [freed.add.eq(ring.retired), freed.start.eq(self.start)]
            free.append(freed.enough)
            with m.If(asks & (coming.dest == axis_to)):
                m.d.comb += freed.take.eq(coming.need_free)

        allowed = Const(1)
        if config.training is not None:
            allowed = ~self.hold & ~(op.fence & first & self.writing)
            m.d.comb += [self.busy.eq(active), self.waiting.eq(waiting)]
        m.d.comb += [
            begin.eq(waiting & asked_for & Cat(free).all()
                     & (~active | (step & end_of_rep)) & allowed),
            self.op.ready.eq(~waiting),
        ]
        m.d.sync += w_addr.eq(w_addr + step)
        with m.If(step):
            m.d.sync += [
                word.eq(word_next),
                word_next.eq(word_next + word_step),
                at_last_word.eq(Mux(at_last_word, one_word, word == last_but_one)),
            ]
        last_output = op.last_output if config.lanes_out == 1 else op.last_walk
        with m.If(step & at_last_word):
            m.d.sync += [word.eq(0), word_next.eq(word_step), *outputs.step()]
            if config.lanes_out == 1:
                m.d.sync += [b_addr.eq(b_addr + 1), y_addr.eq(y_addr + y_stride)]
        with m.If(step & end_of_rep):
            m.d.sync += active.eq(0)
        with m.If(asks):
            m.d.sync += [
                first.eq(1),
                reps_left.eq(coming.reps),
                last_rep.eq(coming.reps == 0),
                one_word_coming.eq(coming.last_word == 0),
                x_coming.eq(coming.x_base),
                y_coming.eq(coming.y_base),
            ]
        with m.If(begin):
            m.d.sync += [
                active.eq(1),
                word_next.eq(coming_step),
                axis.eq(op.axis),
                dest.eq(op.dest),
                *outputs.start(last_output),
                last_but_one.eq(op.last_word - coming_step),
                one_word.eq(one_word_coming),
                at_last_word.eq(one_word_coming),
                x_base.eq(x_coming),
                bias.eq(op.bias),
                y_addr.eq(y_coming),
                y_stride.eq(op.y_stride),
                shift.eq(op.shift),
                relu.eq(op.relu),
                *(value.eq(op[name]) for name, value in (options | targets).items()),
                first.eq(0),
                reps_left.eq(reps_left - 1),
                last_rep.eq(reps_left == 1),
                x_coming.eq(x_coming + op.x_stride),
                y_coming.eq(y_coming + op.y_rep_stride),
                waiting.eq(~last_rep),
            ]
            with m.If(first):
                m.d.sync += [w_addr.eq(op.w_base), b_addr.eq(op.b_base)]
        if config.lanes_out > 1:
            end_of_walk = step & at_last_word
            m.d.comb += self.step.p.group.stride.eq(y_stride)
            m.d.comb += crowded.eq(self._groups(m, op, begin, first, end_of_walk, outputs.some))
        with m.If(self.op.valid & self.op.ready):
            m.d.sync += [waiting.eq(1), op.eq(self.op.payload)]
        if config.training is not None:
            with m.If(asks):
                m.d.sync += asked_for.eq(1)
            with m.If(self.op.valid & self.op.ready):
                m.d.sync += asked_for.eq(0)
        return m

    def _groups(self, m, op, begin, first, end_of_walk, more_walks):
        """Say which sums a walk makes at once; return whether those before must leave first."""
        bits = self.config.sum_bits
        last_rest = Signal(bits)
        opens = Signal()
        begins = Signal()
        leaving = Countdown(bits, "leaving")  # Sums of the walk before that are in the way.
        group = self.step.p.group
        m.d.comb += [
            group.last_sum.eq(Mux(more_walks, self.config.lanes_out - 1, last_rest)),
            group.opens.eq(opens),
            group.begins.eq(begins),
        ]
        with m.If(leaving.some):
            m.d.sync += leaving.step()
        with m.If(end_of_walk):
            m.d.sync += [*leaving.start(group.last_sum), opens.eq(0), begins.eq(0)]
        with m.If(begin):
            m.d.sync += [
                last_rest.eq(op.last_rest),
                opens.eq(1),
                begins.eq(first),
            ]
        return leaving.some
