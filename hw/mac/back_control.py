"""`BackControl`: runs BACK ops, and makes the addresses of one step backwards a cycle."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..back_layouts import back_step_layout, gradient_read_layout
from ..op_fields import Axis
from ..ops import mac_op
from .back_position import Position
from .gradient_reader import GradientReader, gradients_landed

__all__ = ["BackControl", "back_ring_side"]


def back_ring_side():
    """What `BackControl` shares with the blocks of one axis, as `BackControl` sees it.

    Members
    -------
    reread : Out(1)
        High with the last step of a repetition that reads the axis's gather buffer.
    taken : In(1)
        A sum has left the queue of the axis's reduce engine; one for each cycle that it is high.
    landed : In(1)
        A gradient has landed in the axis's memory of gradients; each cycle in which it is high
        counts. A repetition that waits for the gradient begins 1 cycle later, and reads it after
        that.
    """
    return wiring.Signature({"reread": Out(1), "taken": In(1), "landed": In(1)})


class BackControl(wiring.Component):
    """Walks ops as (repetition, block, word, group, output), blocks from last to first.

    It does a step a cycle. A repetition waits, before it begins, until the gradients of its outputs
    are there; the last step of a word waits until its sum has room in the reduce engine. No cycle
    is lost between words or blocks, between repetitions of 2 steps or more, nor between BACK ops if
    the last repetition of the first one has 4 steps or more: the next op is taken in the cycle
    after that repetition has begun. It does not wait for the words of a region, since the RUN op
    that gathered them comes earlier in the queue. See docs/training.md.

    With `lanes_out` above 1 a step is of a group of outputs, whose gradients `GradientReader` has
    read into a row. A repetition begins 2 cycles after the last of its gradients was read; no cycle
    is lost between repetitions that have at least as many steps as outputs, if one has 2 or more.

    Parameters
    ----------
    config : TorusConfig
        With `training`.

    Members
    -------
    last_in_row : In(1)
        This PE is the last of its row; a constant.
    op : In(stream)
        BACK ops (`hw.training_fields`).
    step : Out(stream)
        The step that is done in this cycle. Never waits.
    rings : array of Out(back_ring_side)
        What belongs to each `Axis`: see `back_ring_side`.
    host_landed : In(1)
        The host's gradients of a repetition have landed; counted like `landed` of `rings`.
    read, bias_busy : Out(stream), In(1)
        With `lanes_out` above 1 only: see `GradientReader`.
    hold, writing : In(1), In(1)
        While `hold` is high no repetition begins; while `writing` is high, or the step of this
        cycle will write, no op with `fence`.
    waiting, busy : Out(1), Out(1)
        An op waits for its last repetition to begin; a repetition is in progress. Both are
        registers.
    start : In(1)
        High for one cycle before a program starts: forget all progress.
    idle : Out(1)
        No op is in progress, and none that was taken waits to begin.
    """

    def __init__(self, config):
        self.config = config
        reader = {} if config.lanes_out == 1 else {
            "read": Out(stream.Signature(gradient_read_layout(config), always_ready=True)),
            "bias_busy": In(1),
        }
        super().__init__({
            **reader,
            "last_in_row": In(1),
            "op": In(stream.Signature(mac_op(config))),
            "step": Out(stream.Signature(back_step_layout(config), always_ready=True)),
            "rings": Out(back_ring_side()).array(len(Axis)),
            "host_landed": In(1),
            "hold": In(1), "writing": In(1), "waiting": Out(1), "busy": Out(1),
            "start": In(1),
            "idle": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        step = self.step.p

        # The repetition in progress: what does not change, and how far it is.
        active = Signal()
        op = Signal(mac_op(config))
        at = Position(config, op)
        lanes = config.lanes_out > 1
        room = Signal()                         # The reduce engine takes another sum.

        end_of_word = at.output.at_last & at.group.at_last
        end_of_block = end_of_word & at.word.at_last
        end_of_rep = Signal()
        may_end = Signal()                      # The last step of a word need not wait.
        steps = Signal()
        m.d.comb += [
            end_of_rep.eq(end_of_block & at.block.at_last),
            may_end.eq(room | ~op.reduce),
            steps.eq(active & (may_end | ~end_of_word)),
            self.step.valid.eq(steps),
            step.axis.eq(op.axis), step.x_addr.eq(at.x_addr),
            *([step.row.eq(at.gradients.row)] if lanes else [
                step.dest.eq(op.dest), step.from_host.eq(op.from_host),
                step.dy_addr.eq(at.gradients.dy_addr)]),
            step.w_addr.eq(at.w_addr),
            step.first.eq(at.first_output),
            step.last.eq(end_of_word),
            step.reduce.eq(op.reduce),
            # The words of a gateway begin their way back at the other end of the row.
            step.takes.eq(Mux(op.host, ~self.last_in_row, ~at.farthest)),
            step.keeps.eq(~op.host & at.block.at_last),
            step.to_host.eq(op.host),
            step.shift.eq(op.shift), step.relu.eq(op.relu),
            step.update.eq(op.update), step.update_shift.eq(op.update_shift),
            step.decay.eq(op.decay), step.apply.eq(op.apply),
            *([] if lanes else [
                step.bias.eq(op.bias & at.first_word),
                step.b_addr.eq(at.gradients.b_addr), step.bias_shift.eq(op.bias_shift)]),
            *(ring.reread.eq(steps & end_of_rep & (op.axis == axis))
              for axis, ring in zip(Axis, self.rings, strict=True)),
            self.busy.eq(active),
        ]

        # One step on: each loop steps where the one inside it ends, and addresses follow.
        for loop, last, ends in (
                (at.output, at.last_output, steps),
                (at.group, op.last_group, steps & at.output.at_last),
                (at.word, op.last_word, steps & end_of_word),
                (at.block, op.last_block, steps & end_of_block)):
            with m.If(ends):
                m.d.sync += loop.step(last)
        # Up a word, or down to the block before.
        on = Mux(at.word.at_last, -op.block_jump, 1)
        w_next = (at.w_word + on)[:len(at.w_word)]
        with m.If(steps):
            m.d.sync += [
                at.first_output.eq(end_of_word),
                at.w_addr.eq(at.w_addr + op.w_step),
                *at.gradients.step(op, at.first_word),
            ]
        with m.If(steps & at.output.at_last):
            m.d.sync += at.gradients.group(op)
        with m.If(steps & end_of_word):
            m.d.sync += [
                at.first_word.eq(0),
                at.x_addr.eq(at.x_addr + on),
                at.w_addr.eq(w_next), at.w_word.eq(w_next),
                *at.gradients.word(),
            ]
        with m.If(steps & end_of_block):
            m.d.sync += at.farthest.eq(0)
        with m.If(steps & end_of_rep):
            m.d.sync += [active.eq(0), *at.gradients.repetition()]

        # Room in the reduce engines: how many more sums each can take beside those on their way.
        rooms = Signal(2, init=0b11)
        m.d.comb += room.eq(rooms.bit_select(op.axis, 1))
        full = config.training.reduce_words
        for axis, ring in zip(Axis, self.rings, strict=True):
            slots = Signal(range(full + 1), init=full, name=f"slots_{axis.name.lower()}")
            gives = steps & end_of_word & op.reduce & (op.axis == axis)
            with m.If(gives ^ ring.taken):
                m.d.sync += [
                    slots.eq(slots + Mux(gives, -1, 1)),
                    rooms[axis].eq(ring.taken | (slots != 1)),
                ]

        self._next_repetition(m, op, active, steps, may_end & end_of_rep, at)
        return m

    def _next_repetition(self, m, op, active, steps, ends, at):
        """Take ops, and begin their repetitions. An active one `steps` or `ends` in this cycle."""
        config, lanes = self.config, self.config.lanes_out > 1
        coming = Signal(mac_op(config))
        waiting = Signal()    # It has repetitions that have not begun.
        asked_for = Signal()  # The counts of landed gradients are about its next repetition.
        prepared = Signal()   # So are the addresses, from its first repetition on.
        first = Signal()      # None of its repetitions has begun.
        reps_left = Signal(config.rep_bits)  # Repetitions after the next one.
        last_rep = Signal()   # Its next repetition is its last.
        x_coming = Signal(config.addr_bits)
        w_coming = Signal(config.weight_row_bits)
        dy_coming = Signal(config.addr_bits)

        begin = Signal()
        # Where one is active, no other begins but with a step of it.
        writes = active & (op.update if lanes else op.update | (op.bias & at.first_word))
        if lanes:
            last_turn = steps & at.word.at_last & at.block.at_last
            there = waiting & self._rows(m, coming, begin, last_turn)
        else:
            asks = waiting & ~asked_for & prepared
            there = waiting & asked_for & gradients_landed(
                m, self, [ring.landed for ring in self.rings], coming, asks, first)
        m.d.comb += [
            begin.eq(there & ~self.hold & (~active | ends)
                     & ~(coming.fence & first & (self.writing | writes))),
            self.op.ready.eq(~waiting),
            self.waiting.eq(waiting),
            self.idle.eq(~active & ~waiting),
        ]
        if not lanes:
            with m.If(asks):
                m.d.sync += asked_for.eq(1)
        with m.If(waiting & ~prepared):
            m.d.sync += [
                prepared.eq(1),
                first.eq(1),
                reps_left.eq(coming.reps),
                last_rep.eq(coming.reps == 0),
                x_coming.eq(coming.x_base),
                w_coming.eq(coming.w_base),
                dy_coming.eq(coming.y_base),
            ]
        with m.If(begin):
            m.d.sync += [
                active.eq(1),
                op.eq(coming),
                asked_for.eq(0),
                first.eq(0),
                reps_left.eq(reps_left - 1),
                last_rep.eq(reps_left == 1),
                waiting.eq(~last_rep),
                x_coming.eq(x_coming + coming.x_stride),
                w_coming.eq(w_coming + coming.w_stride),
                dy_coming.eq(dy_coming + coming.y_rep_stride),
                *at.start(coming, x_coming, w_coming, dy_coming),
            ]
            if not lanes:
                with m.If(first):
                    m.d.sync += at.gradients.b_addr.eq(coming.b_base)
        with m.If(self.op.valid & self.op.ready):
            m.d.sync += [
                waiting.eq(1),
                asked_for.eq(0),
                prepared.eq(0),
                coming.eq(self.op.payload),
            ]

    def _rows(self, m, coming, begin, freed):
        """Whether the gradients of the coming repetition are in rows, where a MAC has lanes."""
        m.submodules.reader = reader = GradientReader(self.config)
        wiring.connect(m, reader.read, wiring.flipped(self.read))
        m.d.comb += [
            reader.op.eq(coming),
            reader.taken.eq(self.op.valid & self.op.ready),
            *(reader.landed[axis].eq(self.rings[axis].landed) for axis in Axis),
            reader.host_landed.eq(self.host_landed),
            reader.hold.eq(self.hold),
            reader.bias_busy.eq(self.bias_busy),
            reader.freed.eq(freed),
            reader.begin.eq(begin),
            reader.start.eq(self.start),
        ]
        return reader.ready
