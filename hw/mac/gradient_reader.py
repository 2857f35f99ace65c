"""`GradientReader`: reads the gradients of outputs into rows, before a MAC with lanes goes back."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..back_layouts import gradient_read_layout
from ..cells.credits import Credits
from ..cells.loop import Loop
from ..op_fields import Axis
from ..ops import mac_op

__all__ = ["GradientReader", "gradients_landed"]


class GradientReader(wiring.Component):
    """Reads a gradient a cycle, in the order (repetition, group, output), a row for `lanes_out`.

    A step backwards takes a row of gradients, and each word of a repetition takes them all again.
    So they are read once for each repetition, from memories that give one a cycle, and kept in a
    ring of `gradient_rows` rows. The reader runs ahead of the steps, within the op that was taken
    last, as far as rows are free and gradients have landed. It begins with a repetition no sooner
    than 4 cycles after its op was taken, and loses no cycle between repetitions of 2 outputs and
    more. The changes of the biases of the outputs begin with these reads.

    An op that changes biases waits, before its first read, while `hold` or `bias_busy` is high. All
    rows of a repetition must fit: it would wait for ever for its own.

    Parameters
    ----------
    config : TorusConfig
        With `training`, and `lanes_out` above 1.

    Members
    -------
    op : In(mac_op)
        The op that was taken last. It stays until the last of its repetitions has begun.
    taken : In(1)
        High in the cycle before `op` becomes another one.
    read : Out(stream)
        The gradient that is read in this cycle, and where it goes (`gradient_read_layout`). It is
        `READ_CYCLES` later that it is written to its row. Never waits.
    landed : array of In(1)
        A gradient has landed in the memory of either `Axis`; see `back_ring_side`.
    host_landed : In(1)
        The host's gradients of a repetition have landed.
    hold, bias_busy : In(1), In(1)
        Another control than that of BACK ops is busy; biases are being read or changed.
    freed : In(1)
        A step takes a row for the last time; each cycle in which it is high counts.
    begin : In(1)
        The next repetition begins: its first step follows in the next cycle.
    ready : Out(1)
        The next repetition may begin: its rows will be there for its steps. A register.
    start : In(1)
        High for one cycle before a program starts: forget all progress.
    """

    def __init__(self, config):
        self.config = config
        super().__init__({
            "op": In(mac_op(config)), "taken": In(1),
            "read": Out(stream.Signature(gradient_read_layout(config), always_ready=True)),
            "landed": In(1).array(len(Axis)), "host_landed": In(1),
            "hold": In(1), "bias_busy": In(1),
            "freed": In(1), "begin": In(1), "ready": Out(1),
            "start": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        config, op, read = self.config, self.op, self.read.p
        rows = config.training.gradient_rows

        # The op: what it asks for, and how far it is.
        waiting = Signal()    # It has repetitions that are not begun to be read.
        prepared = Signal()   # The addresses are those of the next of them,
        asked_for = Signal()  # and so are the counts of landed gradients.
        first = Signal()      # None has been begun.
        reps_left = Signal(config.rep_bits)  # Repetitions after the next one.
        coming_addr = Signal(config.addr_bits)
        asks = waiting & prepared & ~asked_for
        landed = gradients_landed(m, self, list(self.landed), op, asks, first)

        # The repetition that is being read, and its next gradient.
        active = Signal()
        lane = Signal(config.sum_bits)
        walk, group = Loop(op.last_walk, "walk"), Loop(op.last_group, "group")
        addr = Signal(config.addr_bits)
        group_addr = Signal(config.addr_bits)
        b_addr = Signal(config.bias_addr_bits)
        row = Signal(range(rows))
        room = Signal(init=1)

        begin, reads, end_of_row, end_of_rep = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            reads.eq(active & (room | (lane != 0))),
            end_of_row.eq(lane == Mux(walk.at_last, op.last_rest, config.lanes_out - 1)),
            end_of_rep.eq(end_of_row & walk.at_last & group.at_last),
            begin.eq(waiting & asked_for & landed & (~active | (reads & end_of_rep))
                     & ~(op.bias & first & (self.hold | self.bias_busy))),
            self.read.valid.eq(reads),
            read.dest.eq(op.dest), read.from_host.eq(op.from_host), read.addr.eq(addr),
            read.row.eq(row), read.lane.eq(lane),
            read.bias.eq(op.bias), read.b_addr.eq(b_addr),
            read.decay.eq(op.decay), read.apply.eq(op.apply), read.bias_shift.eq(op.bias_shift),
        ]
        following = (group_addr + op.group_stride)[:len(addr)]
        with m.If(reads):
            m.d.sync += [
                lane.eq(lane + 1),
                addr.eq(addr + op.y_stride),
                b_addr.eq(b_addr + 1),
            ]
        with m.If(reads & end_of_row):
            m.d.sync += [lane.eq(0), row.eq(row + 1), *walk.step(op.last_walk)]
        with m.If(reads & end_of_row & walk.at_last):
            m.d.sync += [addr.eq(following), group_addr.eq(following), *group.step(op.last_group)]
        with m.If(reads & end_of_rep):
            m.d.sync += active.eq(0)

        with m.If(asks):
            m.d.sync += asked_for.eq(1)
        with m.If(waiting & ~prepared):
            m.d.sync += [
                prepared.eq(1), first.eq(1), reps_left.eq(op.reps), coming_addr.eq(op.y_base)]
        with m.If(begin):
            m.d.sync += [
                active.eq(1), asked_for.eq(0), first.eq(0),
                waiting.eq(reps_left != 0), reps_left.eq(reps_left - 1),
                coming_addr.eq(coming_addr + op.y_rep_stride),
                addr.eq(coming_addr), group_addr.eq(coming_addr),
                *walk.start(op.last_walk), *group.start(op.last_group),
            ]
            with m.If(first):
                m.d.sync += b_addr.eq(op.b_base)
        with m.If(self.taken):
            m.d.sync += [waiting.eq(1), prepared.eq(0), asked_for.eq(0)]

        # Rows that are free, and repetitions that have been read but not begun: each is a count,
        # and a register that says whether it is above 0.
        for name, most, some, up, down in (
                ("rows", rows, room, self.freed, reads & (lane == 0)),
                ("ready", rows, self.ready, reads & end_of_rep, self.begin)):
            count = Signal(range(most + 1), init=most if name == "rows" else 0,
                           name=f"{name}_count")
            with m.If(up ^ down):
                m.d.sync += [
                    count.eq(count + Mux(up, 1, -1)),
                    some.eq(up | (count != 1)),
                ]
        return m


def gradients_landed(m, control, landed, op, asks, first):
    """Whether the gradients of the next repetition of an op have landed, in whichever memory.

    What was asked for before was there before its repetition began, so only that which the next
    repetition waits for can be too few.

    Parameters
    ----------
    control : GradientReader or BackControl
        Has `config`, `host_landed` and `start`.
    landed : list of Value
        A gradient has landed in the memory of either axis.
    op : data.View
        A BACK op.
    asks : Value
        The next repetition is asked for: known in the cycle after.
    first : Value
        It is the first of the op.
    """
    asked = Signal(control.config.rep_bits)
    enough = Signal(3, name="landed")
    for number, (name, here) in enumerate((
            *((axis.name.lower(), one) for axis, one in zip(Axis, landed, strict=True)),
            ("host", control.host_landed))):
        mine = op.from_host if name == "host" else (~op.from_host & (op.dest == number))
        m.submodules[f"{name}_landed"] = credits = Credits(control.config.rep_bits)
        m.d.comb += [
            credits.add.eq(here), credits.start.eq(control.start),
            credits.take.eq(Mux(asks & mine, asked, 0)),
            enough[number].eq(credits.enough),
        ]
    m.d.comb += asked.eq(Mux(first, op.need_free, op.need_step))
    return enough.all()
