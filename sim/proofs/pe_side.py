"""The PE's side of one ring engine, played as the contract of `hw.ring.sides.ring_side` has it.

This is the one place that knows the names of that contract.
"""

from typing import Any

from amaranth import *

from .program import NUMBERS, Program, at_most, difference, plus
from .spec import Spec, Wait, any_value

__all__ = ["PeSide"]


class PeSide:
    """Gives an engine its ops, and plays the MAC that writes own words and reads what is gathered.

    Each of the three players rests at any time. The writer waits until the region is free: retired
    by the engine and read by the MAC. The reader reads in order, each word when it is readable.

    Parameters
    ----------
    rest_cycles
        How long each of them rests at most. The MAC then reads each word once, and waits for it.
    restarts
        A program may start whenever the engine is idle. What was written or received before and
        not used is forgotten; the program goes on with the next op. The MAC neither reads nor
        writes in that cycle, nor reads in the next one, since its first op takes longer to come.
        Where the players rest for so long and no longer, a repetition is retired between two
        starts.

    Where a torus trains, the MAC may read a repetition again, any of its words in any order, before
    it begins to read the next; the op says which.

    Attributes
    ----------
    rests
        The rests of the players.
    starts, started, has_run
        A program starts in this cycle, or did in the one before; a repetition has been retired
        since.
    queue, current, written, read : Cursor
        The next op, and the repetitions that the engine works on, that are being written, and that
        are being read.
    due
        The op of the current repetition has been offered, and its region is free.
    landed
        All own words of the current repetition have been written.
    retires
        The current repetition is retired this cycle.
    waiting
        Repetitions gathered and retired, less those read to their end.
    ahead, unread, full
        Repetitions written but not retired; retired but not read (less than 0 if the reader waits
        for a later one); written but not read.
    writes, write_position, write_word
        An own word is written this cycle, at which position of its repetition, and which.
    begins
        A player rests no longer: an op is offered, or a word is wanted.
    wants, reads, read_position
        The MAC wants to read a word, and does so, and at which position.
    consumes
        That word is the last that the MAC reads of the repetition.
    again, again_number
        A repetition is to be read again, and which.
    reads_again, again_position
        A word of it is read, and at which position.
    unread_again
        As `unread`, but counted from that repetition.
    got_word
        What the read of `READ_CYCLES` cycles ago gave.
    """

    def __init__(self, spec: Spec, name: str, program: Program, pe: Any,
                 rest_cycles: int | None = None, *, restarts: bool = False) -> None:
        m = spec.m
        self.starts, self.started = Const(0), Const(0)
        if restarts:
            self.starts = Signal(name=f"{name}_starts")
            self.started = Signal(name=f"{name}_started")
            self.has_run = Signal(name=f"{name}_has_run", init=1)
            m.d.sync += self.started.eq(self.starts)
        self.rests: dict[str, Wait] = {}
        self._rest_cycles = rest_cycles
        self.begins: list[Value] = []
        count = program.config.count_bits
        self.pe = pe
        self.program = program
        self.queue = program.player(spec, f"{name}_queue")
        self.current = program.player(spec, f"{name}_current")
        self.written = program.player(spec, f"{name}_written")
        self.read = program.player(spec, f"{name}_read")
        self.before_queue = Signal(2, name=f"{name}_before_queue")
        self.op_waits = Signal(name=f"{name}_op_waits")
        self.due = Signal(name=f"{name}_due")
        self.landed = Signal(name=f"{name}_landed")
        self.retires = Signal(name=f"{name}_retires")
        self.waiting = Signal(signed(4), name=f"{name}_waiting")
        self.writes = Signal(name=f"{name}_writes")
        self.write_position = Signal(count, name=f"{name}_write_position")
        self.write_word = Signal(program.config.word_bits, name=f"{name}_write_word")
        self.wants = Signal(name=f"{name}_wants_read")
        self.reads = Signal(name=f"{name}_reads")
        self.consumes = pe.consume
        self.read_position = Signal(count, name=f"{name}_read_position")
        self.got_word = pe.read_word
        self.ahead = difference(m, f"{name}_ahead", self.written.number, self.current.number)
        self.unread = difference(m, f"{name}_unread", self.current.number, self.read.number)
        self._read_again(spec, name)
        oldest = Mux(self.again, self.again_number, self.read.number)
        self.unread_again = difference(m, f"{name}_unread_again", self.current.number, oldest)
        self.full = difference(m, f"{name}_full", self.written.number, oldest)

        m.d.comb += [
            pe.start.eq(self.starts),
            self.retires.eq(pe.retired),
            self.landed.eq(self.ahead > 0),
        ]
        m.d.sync += self.waiting.eq(
            self.waiting + (self.retires & self.current.op.gathers) - pe.consume)
        with m.If(self.retires):
            m.d.sync += self.current.number.eq(plus(self.current.number, 1))
        self._give_ops(spec, name)
        self._write(spec, name)
        self._read(spec, name)
        if restarts:
            self._start(spec, name)
        spec.check(f"{name}: retires before the own words have landed",
                   ~self.retires | self.landed)
        spec.check(f"{name}: readable before it is received, or of another repetition",
                   ~self.reads | (self.unread >= 0))

    def _soon(self, spec: Spec, name: str, what: str, wanted: Any) -> Signal:
        rest = spec.soon(f"{name}: {what}", wanted, self._rest_cycles)
        if rest.wait is not None:
            self.rests[what] = rest.wait
        return rest.over

    def _give_ops(self, spec: Spec, name: str) -> None:
        m = spec.m
        pe, program, queue, current = self.pe, self.program, self.queue, self.current
        trains = program.config.training is not None
        takes = Signal(name=f"{name}_takes_op")
        taken = Signal(name=f"{name}_current_op_taken")
        m.d.comb += [
            pe.op.valid.eq(self.op_waits
                           | self._soon(spec, name, "offers an op", ~self.op_waits)),
            pe.op.p.kind.eq(queue.op.kind),
            pe.op.p.reps.eq(queue.op.reps),
            pe.op.p.own.eq(queue.op.own),
            pe.op.p.recv.eq(queue.op.recv),
            pe.op.p.to_gateway.eq(queue.op.to_gateway),
            pe.op.p.base.eq(program.base(queue.number)),
            pe.op.p.stride.eq(program.stride),
            pe.op.p.need_first.eq(queue.op.need),
            pe.op.p.need_step.eq(queue.op.need_step),
            takes.eq(pe.op.valid & pe.op.ready),
            taken.eq(current.last & (queue.number == plus(current.number, 1))),
            self.due.eq((pe.op.valid | taken) & (
                self.unread_again < program.regions if trains
                else self.waiting < current.op.lag)),
        ]
        if trains:
            self._ask_for_reads(spec, name, takes)
        else:
            m.d.comb += pe.op.p.lag.eq(queue.op.lag)
        m.d.sync += self.op_waits.eq(pe.op.valid & ~pe.op.ready)
        self.begins.append(pe.op.valid & ~self.op_waits)
        with m.If(takes):
            m.d.sync += queue.number.eq(plus(queue.number, 1 + queue.op.reps))
        spec.check(f"{name}: takes an op before its last repetition begins",
                   ~takes | (plus(queue.number, queue.op.reps)
                             == plus(current.number, self.retires)))
        spec.check(f"{name}: retires a repetition of which it has not seen the op",
                   ~self.retires | Mux(current.last, taken, self.op_waits & ~taken))

    def _ask_for_reads(self, spec: Spec, name: str, takes: Value) -> None:
        """Ask for the reads of whatever used the region before."""
        m = spec.m
        pe, program, queue = self.pe, self.program, self.queue
        # Repetitions before the one in the queue, as far as that matters.
        before = self.before_queue
        with m.If(takes):
            m.d.sync += before.eq(at_most(2, before + 1 + queue.op.reps))
        for more, field in ((0, pe.op.p.need_read), (1, pe.op.p.need_read_step)):
            used_before = program.op_at(plus(queue.number, NUMBERS - program.regions + more))
            m.d.comb += field.eq(Mux(before + more >= program.regions, used_before.reads, 0))

    def _read_again(self, spec: Spec, name: str) -> None:
        m = spec.m
        pe, program, read = self.pe, self.program, self.read
        self.again = Signal(name=f"{name}_again")
        self.again_number = Signal.like(read.number, name=f"{name}_again_number")
        self.reads_again: Value = Const(0)
        self.again_position: Value = Const(0)
        if program.config.training is None:
            return
        position = any_value(m, f"{name}_again_position", program.config.count_bits)
        reads = Signal(name=f"{name}_reads_again")
        self.reads_again, self.again_position = reads, position
        m.d.comb += [
            reads.eq(self.again & (position < program.op_at(self.again_number).words)
                     & any_value(m, f"{name}_reads_again_now", 1) & ~self.starts),
            pe.reread.eq(reads & any_value(m, f"{name}_last_again", 1)),
        ]
        with m.If(pe.consume):
            m.d.sync += [self.again.eq(read.op.again), self.again_number.eq(read.number)]
        with m.If(pe.reread):
            m.d.sync += self.again.eq(0)

    def _write(self, spec: Spec, name: str) -> None:
        m = spec.m
        pe, program, written = self.pe, self.program, self.written
        free = Signal(name=f"{name}_region_free")
        may_write = Signal(name=f"{name}_may_write")
        last = self.write_position + 1 >= written.op.own
        m.d.comb += [
            free.eq((self.ahead < program.regions) & (self.full < program.regions)),
            may_write.eq(free & (written.op.own != 0)),
            self.writes.eq(may_write & self._soon(spec, name, "writes", may_write)
                           & ~self.starts),
            self.write_word.eq(any_value(m, f"{name}_any_word", program.config.word_bits)),
            pe.write.valid.eq(self.writes),
            pe.write.p.addr.eq(program.base(written.number) + self.write_position),
            pe.write.p.word.eq(self.write_word),
            pe.landed.eq(self.writes & (self.write_position + written.op.need >= written.op.own)),
        ]
        with m.If(Mux(written.op.own == 0, free, self.writes & last)):
            m.d.sync += [
                written.number.eq(plus(written.number, 1)),
                self.write_position.eq(0),
            ]
        with m.Elif(self.writes):
            m.d.sync += self.write_position.eq(self.write_position + 1)

    def _read(self, spec: Spec, name: str) -> None:
        m = spec.m
        pe, program, read = self.pe, self.program, self.read
        config = program.config
        last = self.read_position + 1 == read.op.words
        still_wants = self.still_wants = Signal(name=f"{name}_still_wants")
        wants_now = self._soon(spec, name, "reads", read.op.gathers & ~still_wants
                               & ~self.starts & ~self.started)
        if self._rest_cycles is None:
            last_output = any_value(m, f"{name}_last_output", 1)
        else:
            last_output = Const(1)
            m.d.sync += still_wants.eq(self.wants & ~self.reads)
        m.d.comb += [
            self.wants.eq(read.op.gathers & ~self.again & (still_wants | wants_now)
                          & ~self.starts & ~self.started),
            self.reads.eq(self.wants & pe.readable),
            # Between its reads of this buffer the MAC reads the other one.
            pe.read_next.eq(Mux(self.wants, self.read_position + 1,
                                any_value(m, f"{name}_other_next", config.count_bits))),
            # All words are read for one output after another.
            pe.advance.eq(self.reads & ~last),
            pe.read_addr.eq(Mux(
                self.wants, program.base(read.number) + self.read_position,
                Mux(self.again, program.base(self.again_number) + self.again_position,
                    any_value(m, f"{name}_other_addr", config.addr_bits)))),
            pe.read_en.eq(self.reads | self.reads_again),
            pe.consume.eq(self.reads & last & last_output),
        ]
        self.begins.append(self.wants & ~still_wants)
        # Nobody reads ops of other kinds; the first one of the program may be such.
        with m.If(~read.op.gathers | pe.consume):
            m.d.sync += read.number.eq(program.after(read.number, lambda op: op.gathers))
        with m.If(self.reads):
            m.d.sync += self.read_position.eq(Mux(last, 0, self.read_position + 1))

    def _start(self, spec: Spec, name: str) -> None:
        """Forget what was ahead of the engine, and what it has and nobody has read."""
        m = spec.m
        pe, program, current = self.pe, self.program, self.current
        may_start = any_value(m, f"{name}_may_start", 1)
        if self._rest_cycles is not None:
            with m.If(self.starts | self.retires):
                m.d.sync += self.has_run.eq(~self.starts)
            may_start &= self.has_run
        m.d.comb += self.starts.eq(may_start & pe.idle)
        with m.If(self.starts):
            m.d.sync += [
                self.waiting.eq(0), self.before_queue.eq(0), self.again.eq(0),
                self.written.number.eq(current.number), self.write_position.eq(0),
                self.read_position.eq(0),
                self.read.number.eq(Mux(current.op.gathers, current.number, program.after(
                    current.number, lambda op: op.gathers))),
            ]
