"""`Dump`: copies records of a memory to the row buffer, from where they go to the host."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..cells.credits import Credits
from ..cells.parity import with_parity
from ..config import READ_CYCLES
from ..layouts import write_layout
from ..op_fields import Memory
from ..ops import mac_op

__all__ = ["Dump"]


class Dump(wiring.Component):
    """Runs DUMP ops: it reads a record, for READ_CYCLES, and writes it, a word a cycle; and again.

    Parameters
    ----------
    config : TorusConfig
        With `training`.

    Members
    -------
    op : In(stream)
        DUMP ops (`hw.training_fields`).
    look, look_addr : Out(1), Out
        Read the records at this address.
    weight_record, bias_record, lfsr_record : In
        The records that were read, `READ_CYCLES` after `look`; they stay.
    write : Out(stream)
        A word for the row buffer, with `checks` its parity above it, made here. Never waits.
    landed : Out(1)
        High with the last word of a repetition.
    row_retired : In(1)
        The row engine has retired a repetition. Repetitions that DUMP ops ask for are counted apart
        from those that RUN ops ask for.
    hold : In(1)
        While it is high no repetition begins: the MAC does a step, or has not finished one.
    waiting, busy : Out(1), Out(1)
        An op waits for its last repetition to end; a repetition is in progress.
    start : In(1)
        High for one cycle before a program starts: forget all progress.
    idle : Out(1)
        No op is in progress, and none that was taken waits to begin.
    """

    def __init__(self, config):
        self.config = config
        super().__init__({
            "op": In(stream.Signature(mac_op(config))),
            "look": Out(1),
            "look_addr": Out(max(config.weight_addr_bits, config.bias_addr_bits)),
            "weight_record": In(config.weight_chunks * config.word_bits),
            "bias_record": In(config.bias_record_chunks * config.word_bits),
            "lfsr_record": In(config.lfsr_chunks * config.word_bits),
            "write": Out(stream.Signature(write_layout(config), always_ready=True)),
            "landed": Out(1),
            "row_retired": In(1),
            "hold": In(1), "waiting": Out(1), "busy": Out(1),
            "start": In(1),
            "idle": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config

        op = Signal(mac_op(config))
        waiting = Signal()                    # The op has repetitions that have not begun.
        asked_for = Signal()                  # `freed` is about its next repetition.
        m.submodules.freed = freed = Credits(config.rep_bits)
        reps_left = Signal(config.rep_bits)   # Repetitions after the next one.
        base = Signal(config.addr_bits)       # Address of the next repetition's first word.

        # The repetition in progress
        records_left = Signal(config.count_bits)
        record_addr = Signal.like(self.look_addr)
        write_addr = Signal(config.addr_bits)
        records = {
            Memory.WEIGHTS: (self.weight_record, config.weight_chunks),
            Memory.BIASES: (self.bias_record, config.bias_record_chunks),
            Memory.LFSR: (self.lfsr_record, config.lfsr_chunks),
        }
        most_chunks = max(chunks for _, chunks in records.values())
        words = Signal(most_chunks * config.word_bits)
        chunks_left = Signal(range(most_chunks + 1))
        read_cycles = Signal(range(READ_CYCLES + 1))

        asks = waiting & ~asked_for
        begin = Signal()
        last_word = Signal()
        m.d.comb += [
            freed.add.eq(self.row_retired),
            freed.take.eq(Mux(asks, op.need_free, 0)),
            freed.start.eq(self.start),
            self.look_addr.eq(record_addr),
            self.write.p.addr.eq(write_addr),
            self.write.p.word.eq(with_parity(config, words[:config.word_bits])),
            last_word.eq((chunks_left == 1) & (records_left == 0)),
            self.op.ready.eq(~self.waiting),
            self.waiting.eq(waiting | self.busy),
            self.idle.eq(~waiting & ~self.busy),
        ]
        with m.If(asks):
            m.d.sync += asked_for.eq(1)

        with m.FSM():
            with m.State("Rest"):
                m.d.comb += begin.eq(waiting & asked_for & freed.enough & ~self.hold)
                with m.If(begin):
                    m.d.sync += [
                        records_left.eq(op.last_word),
                        write_addr.eq(base),
                        base.eq(base + op.y_rep_stride),
                        reps_left.eq(reps_left - 1),
                        asked_for.eq(0),
                        waiting.eq(reps_left != 0),
                        self.busy.eq(1),
                    ]
                    m.next = "Look"
            with m.State("Look"):
                m.d.comb += self.look.eq(1)
                m.d.sync += read_cycles.eq(READ_CYCLES - 1)
                m.next = "Read"
            with m.State("Read"):
                m.d.sync += read_cycles.eq(read_cycles - 1)
                with m.If(read_cycles == 0):
                    with m.Switch(op.memory):
                        for which, (record, chunks) in records.items():
                            with m.Case(which):
                                m.d.sync += [words.eq(record), chunks_left.eq(chunks)]
                    m.d.sync += record_addr.eq(record_addr + 1)
                    m.next = "Write"
            with m.State("Write"):
                m.d.comb += [
                    self.write.valid.eq(1),
                    self.landed.eq(last_word),
                ]
                m.d.sync += [
                    words.eq(words >> config.word_bits),
                    chunks_left.eq(chunks_left - 1),
                    write_addr.eq(write_addr + 1),
                ]
                with m.If(chunks_left == 1):
                    m.d.sync += records_left.eq(records_left - 1)
                    m.next = "Look"
                with m.If(last_word):
                    m.d.sync += self.busy.eq(0)
                    m.next = "Rest"

        with m.If(self.op.valid & self.op.ready):
            m.d.sync += [
                waiting.eq(1),
                asked_for.eq(0),
                op.eq(self.op.payload),
                reps_left.eq(self.op.p.reps),
                base.eq(self.op.p.y_base),
                record_addr.eq(self.op.p.w_base),
            ]
        return m
