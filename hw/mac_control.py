"""`MacControl`: runs the queue of MAC ops; makes the addresses, one step of a sum a cycle."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .ops import Axis, mac_op

__all__ = ["MacControl", "result_layout", "step_layout"]


def result_layout(config):
    """Where a result goes, and whether it is the last one of its repetition."""
    return data.StructLayout({"dest": Axis, "addr": config.addr_bits, "landed": 1})


def step_layout(config):
    """One step of a sum: which word, which weight, and what the sum begins and ends with."""
    return data.StructLayout({
        "axis": Axis,
        "w_addr": config.weight_addr_bits,
        "first": 1, "bias": 1, "b_addr": config.bias_addr_bits,
        "last": 1, "shift": config.shift_bits, "relu": 1, "result": result_layout(config),
    })


class MacControl(wiring.Component):
    """Walks ops as (repetition, output, word) and steps when the next word may be read.

    A step a cycle when words are there: no cycle is lost between outputs, repetitions or ops, as
    long as the next op is waiting in the queue. Never steps on a word that has not been received,
    nor in an op whose destination is not free. See docs/architecture.md, section 3.

    Parameters
    ----------
    config : TorusConfig

    Members
    -------
    op : In(stream)
        The queue of ops (`hw.ops.mac_op`).
    x_addr : Out(count_bits)
        Address of the next word, for both gather buffers.
    row_readable, col_readable : In(1)
        The word at `x_addr` may be read from that buffer.
    step : Out(stream)
        The step that is done this cycle: the word at `x_addr` is being read. Never waits.
    row_consume, col_consume : Out(1)
        High with the last step of a repetition that reads that buffer.
    row_retired, col_retired : In(1)
        A ring engine has retired a repetition.
    start : In(1)
        High for one cycle before a program starts: forget all progress.
    idle : Out(1)
        No op is in progress.
    """

    def __init__(self, config):
        self.config = config
        super().__init__({
            "op": In(stream.Signature(mac_op(config))),
            "x_addr": Out(config.count_bits),
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

        op = Signal(mac_op(config))
        active = Signal()
        dest_free = Signal()
        reps_left = Signal(config.rep_bits)
        outputs_left = Signal(config.count_bits)
        words_left = Signal(config.count_bits)
        first = Signal()
        x_base = Signal(config.addr_bits)
        x_addr = Signal(config.count_bits)
        w_addr = Signal(config.weight_addr_bits)
        b_addr = Signal(config.bias_addr_bits)
        y_base = Signal(config.addr_bits)
        y_addr = Signal(config.addr_bits)

        is_row = op.axis == Axis.ROW
        last_word = words_left == 1
        last_output = outputs_left == 1
        end_of_rep = last_word & last_output
        step = Signal()
        m.d.comb += [
            step.eq(active & dest_free & Mux(is_row, self.row_readable, self.col_readable)),
            self.x_addr.eq(x_addr),
            self.row_consume.eq(step & end_of_rep & is_row),
            self.col_consume.eq(step & end_of_rep & ~is_row),
            self.op.ready.eq(~active | (step & end_of_rep & (reps_left == 0))),
            self.idle.eq(~active),

            self.step.valid.eq(step),
            self.step.p.axis.eq(op.axis),
            self.step.p.w_addr.eq(w_addr),
            self.step.p.first.eq(first),
            self.step.p.bias.eq(op.bias),
            self.step.p.b_addr.eq(b_addr),
            self.step.p.last.eq(last_word),
            self.step.p.shift.eq(op.shift),
            self.step.p.relu.eq(op.relu),
            self.step.p.result.dest.eq(op.dest),
            self.step.p.result.addr.eq(y_addr),
            self.step.p.result.landed.eq(last_output),
        ]

        def begin_sum():
            return [first.eq(1), words_left.eq(op.words)]

        with m.If(step):
            m.d.sync += [
                first.eq(0),
                x_addr.eq(x_addr + 1),
                w_addr.eq(w_addr + 1),
                words_left.eq(words_left - 1),
            ]
        with m.If(step & last_word):
            m.d.sync += [
                begin_sum(),
                x_addr.eq(x_base),
                b_addr.eq(b_addr + 1),
                y_addr.eq(y_addr + op.y_stride),
                outputs_left.eq(outputs_left - 1),
            ]
        with m.If(step & end_of_rep):
            m.d.sync += [
                x_base.eq(x_base + op.x_stride),
                x_addr.eq((x_base + op.x_stride)[:config.addr_bits]),
                y_base.eq(y_base + op.y_rep_stride),
                y_addr.eq(y_base + op.y_rep_stride),
                outputs_left.eq(op.outputs),
                reps_left.eq(reps_left - 1),
                active.eq(reps_left != 0),
            ]
        new = self.op.p
        with m.If(self.op.valid & self.op.ready):
            m.d.sync += [
                active.eq(1),
                op.eq(self.op.payload),
                reps_left.eq(new.reps),
                outputs_left.eq(new.outputs),
                words_left.eq(new.words),
                first.eq(1),
                x_base.eq(new.x_base),
                x_addr.eq(new.x_base),
                w_addr.eq(new.w_base),
                b_addr.eq(new.b_base),
                y_base.eq(new.y_base),
                y_addr.eq(new.y_base),
            ]

        # Ops retired at each destination beyond those that ops have asked for. An op asks as it is
        # taken, and again each cycle until it has been served: no cycle is lost where none need be.
        freed = {Axis.ROW: Signal(config.rep_bits), Axis.COL: Signal(config.rep_bits)}
        retired = {Axis.ROW: self.row_retired, Axis.COL: self.col_retired}
        take = self.op.valid & self.op.ready
        dest = Mux(take, new.dest.as_value(), op.dest.as_value())
        need = Mux(take, new.need_free, op.need_free)
        available = Mux(dest == Axis.ROW.value, freed[Axis.ROW], freed[Axis.COL])
        serve = Signal()
        m.d.comb += serve.eq((take | (active & ~dest_free)) & (available >= need))
        with m.If(take | serve):
            m.d.sync += dest_free.eq(serve)
        for axis, count in freed.items():
            m.d.sync += count.eq(
                count + retired[axis] - Mux(serve & (dest == axis.value), need, 0))
            with m.If(self.start):
                m.d.sync += count.eq(0)
        return m
