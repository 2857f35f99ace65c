"""`MacControl`: runs the queue of MAC ops; makes the addresses, one step of a sum a cycle."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .ops import mac_op
from .requantise import finish_layout

__all__ = ["MacControl", "result_layout", "step_layout"]


def result_layout(config):
    """Where a result goes, and whether it is the last one of its repetition."""
    return data.StructLayout({"dest": 1, "addr": config.addr_bits, "landed": 1})


def step_layout(config):
    """One step of a sum: which word, which weight, and what the sum begins and ends with."""
    return data.StructLayout({
        "axis": 1,
        "w_addr": config.weight_addr_bits,
        "first": 1, "bias": 1, "b_addr": config.bias_addr_bits,
        "last": 1, "finish": finish_layout(config), "result": result_layout(config),
    })


class MacControl(wiring.Component):
    """Walks ops as (repetition, output, word) and steps when the next word may be read.

    A step a cycle when words are there: no cycle is lost between outputs, repetitions or ops, as
    long as the next op came two cycles before the end of the one in progress. Never steps on a word
    that has not been received, nor begins an op whose destination is not free. See
    docs/architecture.md, section 3.

    Parameters
    ----------
    config : TorusConfig

    Members
    -------
    op : In(stream)
        The queue of ops (`hw.op_fields.mac_fields`).
    x_index, x_addr : Out(count_bits), Out(addr_bits)
        The next word: its number in the repetition, and its address in the gather buffer.
    row_readable, col_readable : In(1)
        That word may be read from that buffer. Follows `x_index` combinationally.
    step : Out(stream)
        The step that is done this cycle: the word at `x_addr` is being read. Never waits.
    row_consume, col_consume : Out(1)
        High with the last step of a repetition that reads that buffer.
    row_retired, col_retired : In(1)
        A ring engine has retired a repetition.
    start : In(1)
        High for one cycle before a program starts: forget all progress.
    idle : Out(1)
        No op is in progress or waits.
    """

    def __init__(self, config):
        self.config = config
        super().__init__({
            "op": In(stream.Signature(mac_op(config))),
            "x_index": Out(config.count_bits),
            "x_addr": Out(config.addr_bits),
            "row_readable": In(1),
            "col_readable": In(1),
            "step": Out(stream.Signature(step_layout(config), always_ready=True)),
            "row_consume": Out(1),
            "col_consume": Out(1),
            "row_retired": In(1),
            "col_retired": In(1),
            "start": In(1),
            "idle": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config

        # The repetition in progress. Words and outputs are counted from 0.
        active = Signal()
        axis = Signal()
        dest = Signal()
        last_word = Signal(config.count_bits)
        last_output = Signal(config.count_bits)
        word = Signal(config.count_bits)
        output = Signal(config.count_bits)
        x_base = Signal(config.addr_bits)
        w_addr = Signal(config.weight_addr_bits)
        bias = Signal()
        b_addr = Signal(config.bias_addr_bits)
        y_addr = Signal(config.addr_bits)
        y_stride = Signal(config.addr_bits)
        shift = Signal(config.shift_bits)
        relu = Signal()

        # The coming repetition, of the op that was taken last.
        op = Signal(mac_op(config))
        waiting = Signal()      # It has repetitions that have not begun.
        asked_for = Signal()    # Its `need_free` is part of `asked`.
        first = Signal()        # None of them has begun.
        rep = Signal(config.rep_bits)
        x_next = Signal(config.addr_bits)
        y_next = Signal(config.addr_bits)

        step = Signal()
        end_of_sum = Signal()
        end_of_rep = Signal()
        m.d.comb += [
            step.eq(active & Mux(axis, self.col_readable, self.row_readable)),
            end_of_sum.eq(word == last_word),
            end_of_rep.eq(end_of_sum & (output == last_output)),
            self.x_index.eq(word),
            self.x_addr.eq(x_base + word),
            self.row_consume.eq(step & end_of_rep & ~axis),
            self.col_consume.eq(step & end_of_rep & axis),
            self.idle.eq(~active & ~waiting & ~self.op.valid),

            self.step.valid.eq(step),
            self.step.p.axis.eq(axis),
            self.step.p.w_addr.eq(w_addr),
            self.step.p.first.eq(word == 0),
            self.step.p.bias.eq(bias),
            self.step.p.b_addr.eq(b_addr),
            self.step.p.last.eq(end_of_sum),
            self.step.p.finish.shift.eq(shift),
            self.step.p.finish.relu.eq(relu),
            self.step.p.result.dest.eq(dest),
            self.step.p.result.addr.eq(y_addr),
            self.step.p.result.landed.eq(end_of_rep),
        ]

        # Repetitions that the ring engine of either axis has retired, and those that ops have
        # asked for. Counters wrap; only differences matter.
        free = Signal(2)
        for number, retired in enumerate((self.row_retired, self.col_retired)):
            freed = Signal(config.rep_bits + 1, name=f"freed_{number}")
            asked = Signal(config.rep_bits + 1, name=f"asked_{number}")
            m.d.comb += free[number].eq(~(freed - asked)[config.rep_bits])
            m.d.sync += freed.eq(freed + retired)
            with m.If(waiting & ~asked_for & (op.dest == number)):
                m.d.sync += asked.eq(asked + op.need_free)
            with m.If(self.start):
                m.d.sync += [freed.eq(0), asked.eq(0)]

        begin = Signal()
        last_rep = Signal()
        m.d.comb += [
            begin.eq(waiting & asked_for & (free.bit_select(op.dest, 1) | ~first)
                     & (~active | (step & end_of_rep))),
            last_rep.eq(rep == op.reps),
            self.op.ready.eq(~waiting | (begin & last_rep)),
        ]
        m.d.sync += [
            word.eq(word + step),
            w_addr.eq(w_addr + step),
        ]
        with m.If(step & end_of_sum):
            m.d.sync += [
                word.eq(0),
                output.eq(output + 1),
                b_addr.eq(b_addr + 1),
                y_addr.eq(y_addr + y_stride),
            ]
        with m.If(step & end_of_rep):
            m.d.sync += [output.eq(0), active.eq(0)]
        with m.If(waiting):
            m.d.sync += asked_for.eq(1)
        with m.If(begin):
            m.d.sync += [
                active.eq(1),
                axis.eq(op.axis),
                dest.eq(op.dest),
                last_word.eq(op.last_word),
                last_output.eq(op.last_output),
                x_base.eq(x_next),
                bias.eq(op.bias),
                y_addr.eq(y_next),
                y_stride.eq(op.y_stride),
                shift.eq(op.shift),
                relu.eq(op.relu),
                first.eq(0),
                rep.eq(rep + 1),
                x_next.eq(x_next + op.x_stride),
                y_next.eq(y_next + op.y_rep_stride),
                waiting.eq(~last_rep),
            ]
            with m.If(first):
                m.d.sync += [w_addr.eq(op.w_base), b_addr.eq(op.b_base)]
        with m.If(self.op.valid & self.op.ready):
            m.d.sync += [
                waiting.eq(1),
                asked_for.eq(0),
                first.eq(1),
                op.eq(self.op.payload),
                rep.eq(0),
                x_next.eq(self.op.p.x_base),
                y_next.eq(self.op.p.y_base),
            ]
        return m
