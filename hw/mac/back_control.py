"""`BackControl`: runs BACK ops, and makes the addresses of one step backwards a cycle."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..cells.credits import Credits
from ..cells.loop import Loop
from ..layouts import back_step_layout
from ..op_fields import Axis
from ..ops import mac_op

__all__ = ["BackControl", "back_ring_side"]


class _Position:
    """How far a repetition of a BACK op is, and the addresses of its next step.

    Attributes
    ----------
    output, group, word, block : Loop
        The nested loops of a repetition, the innermost first.
    farthest
        The step is in the last block, whose words no other PE has added a share to before.
    first_word, first_output
        The step is in the first word of the repetition; it is the first step of its word.
    x_addr, w_addr, dy_addr, b_addr
        Addresses of the step's word, its weight, the gradient of its output, and its bias.
    w_word
        Address of the word's first weight.
    dy_group, dy_first
        Addresses of the first gradient of the group, and of the repetition.
    """

    def __init__(self, config, op):
        self.block = Loop(op.last_block, "block")
        self.word = Loop(op.last_word, "word")
        self.group = Loop(op.last_group, "group")
        self.output = Loop(op.last_output, "output")
        self.farthest = Signal()
        self.first_word = Signal()
        self.first_output = Signal()
        self.x_addr = Signal(config.addr_bits)
        self.w_addr = Signal(config.weight_addr_bits)
        self.w_word = Signal(config.weight_addr_bits)
        self.dy_addr = Signal(config.addr_bits)
        self.dy_group = Signal(config.addr_bits)
        self.dy_first = Signal(config.addr_bits)
        self.b_addr = Signal(config.bias_addr_bits)

    def start(self, op, x_addr, w_addr, dy_addr):
        """Statements that go to the first step of a repetition; `b_addr` stays what it was."""
        return [
            self.x_addr.eq(x_addr),
            *(addr.eq(w_addr) for addr in (self.w_addr, self.w_word)),
            *(addr.eq(dy_addr) for addr in (self.dy_addr, self.dy_group, self.dy_first)),
            *(flag.eq(1) for flag in (self.farthest, self.first_word, self.first_output)),
            *self.output.start(op.last_output), *self.group.start(op.last_group),
            *self.word.start(op.last_word), *self.block.start(op.last_block),
        ]


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
        super().__init__({
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
        at = _Position(config, op)
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
            step.dest.eq(op.dest), step.from_host.eq(op.from_host), step.dy_addr.eq(at.dy_addr),
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
            step.bias.eq(op.bias & at.first_word),
            step.b_addr.eq(at.b_addr), step.bias_shift.eq(op.bias_shift),
            *(ring.reread.eq(steps & end_of_rep & (op.axis == axis))
              for axis, ring in zip(Axis, self.rings, strict=True)),
            self.busy.eq(active),
        ]

        # One step on: each loop steps where the one inside it ends, and addresses follow.
        for loop, last, ends in (
                (at.output, op.last_output, steps),
                (at.group, op.last_group, steps & at.output.at_last),
                (at.word, op.last_word, steps & end_of_word),
                (at.block, op.last_block, steps & end_of_block)):
            with m.If(ends):
                m.d.sync += loop.step(last)
        # Up a word, or down to the block before.
        on = Mux(at.word.at_last, -op.block_jump, 1)
        w_next = (at.w_word + on)[:len(at.w_word)]
        group_next = (at.dy_group + op.group_stride)[:len(at.dy_group)]
        with m.If(steps):
            m.d.sync += [
                at.first_output.eq(end_of_word),
                at.w_addr.eq(at.w_addr + op.w_step),
                at.dy_addr.eq(at.dy_addr + op.y_stride),
                at.b_addr.eq(at.b_addr + at.first_word),
            ]
        with m.If(steps & at.output.at_last):
            m.d.sync += [at.dy_addr.eq(group_next), at.dy_group.eq(group_next)]
        with m.If(steps & end_of_word):
            m.d.sync += [
                at.first_word.eq(0),
                at.x_addr.eq(at.x_addr + on),
                at.w_addr.eq(w_next), at.w_word.eq(w_next),
                at.dy_addr.eq(at.dy_first), at.dy_group.eq(at.dy_first),
            ]
        with m.If(steps & end_of_block):
            m.d.sync += at.farthest.eq(0)
        with m.If(steps & end_of_rep):
            m.d.sync += active.eq(0)

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

        self._next_repetition(m, op, active, may_end & end_of_rep, at)
        return m

    def _next_repetition(self, m, op, active, ends, at):
        """Take ops, and begin their repetitions. An active one `ends` in this cycle."""
        config = self.config
        coming = Signal(mac_op(config))
        waiting = Signal()    # It has repetitions that have not begun.
        asked_for = Signal()  # The counts of landed gradients are about its next repetition.
        prepared = Signal()   # So are the addresses, from its first repetition on.
        first = Signal()      # None of its repetitions has begun.
        reps_left = Signal(config.rep_bits)  # Repetitions after the next one.
        last_rep = Signal()   # Its next repetition is its last.
        x_coming = Signal(config.addr_bits)
        w_coming = Signal(config.weight_addr_bits)
        dy_coming = Signal(config.addr_bits)

        # Gradients that have landed, in the memory of either axis or among those of the host. What
        # was asked for before was there before its repetition began, so only that which the coming
        # repetition waits for can be too few.
        asked = Signal(config.rep_bits)
        asks = waiting & ~asked_for & prepared
        landed = Signal(3)
        for number, (name, here) in enumerate((
                *((axis.name.lower(), ring.landed)
                  for axis, ring in zip(Axis, self.rings, strict=True)),
                ("host", self.host_landed))):
            mine = coming.from_host if name == "host" else (
                ~coming.from_host & (coming.dest == number))
            m.submodules[f"{name}_landed"] = credits = Credits(config.rep_bits)
            m.d.comb += [
                credits.add.eq(here), credits.start.eq(self.start),
                credits.take.eq(Mux(asks & mine, asked, 0)),
                landed[number].eq(credits.enough),
            ]

        begin = Signal()
        # Where one is active, no other begins but with a step of it.
        writes = active & (op.update | (op.bias & at.first_word))
        m.d.comb += [
            asked.eq(Mux(first, coming.need_free, coming.need_step)),
            begin.eq(waiting & asked_for & landed.all() & ~self.hold & (~active | ends)
                     & ~(coming.fence & first & (self.writing | writes))),
            self.op.ready.eq(~waiting),
            self.waiting.eq(waiting),
            self.idle.eq(~active & ~waiting),
        ]
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
            with m.If(first):
                m.d.sync += at.b_addr.eq(coming.b_base)
        with m.If(self.op.valid & self.op.ready):
            m.d.sync += [
                waiting.eq(1),
                asked_for.eq(0),
                prepared.eq(0),
                coming.eq(self.op.payload),
            ]
