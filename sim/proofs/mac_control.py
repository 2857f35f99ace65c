"""`MacControl`: it reads each word in its turn when it may, and each op waits for what it asks."""

from typing import Any

from amaranth import *

from hw.op_fields import Axis
from hw.presets import PROOF

from .inside import Inside
from .rtl import Rtl
from .spec import Spec, any_value
from .streams import drive

__all__ = ["mac_control_spec"]

_TOTAL_BITS = 8  # Of the counts of retired repetitions; only differences are looked at.


def mac_control_spec(rtl: Rtl) -> Spec:
    """The control of a MAC with any ops, between any two ring engines.

    An engine has something to read, or has not, on any cycle, and retires a repetition on any
    cycle, but never so many more or fewer than were asked for that the counter between them wraps.
    A program starts at any time at which the MAC is idle and no op waits, and a reset comes at any
    time.
    """
    spec = Spec(restarts=True)
    m = spec.m
    m.submodules.control = control = rtl.module("mac.mac_control").MacControl(PROOF)
    starts = Signal(name="starts")
    may_start = any_value(m, "may_start", 1)
    taken = drive(spec, "op", control.op)
    m.d.comb += [starts.eq(may_start & control.idle & ~control.op.valid), control.start.eq(starts)]
    for axis, ring in zip(Axis, control.rings, strict=True):
        m.d.comb += [ring.readable.eq(any_value(m, f"readable_{axis.name}", 1)),
                     ring.retired.eq(any_value(m, f"retired_{axis.name}", 1))]
    walk = _Walk(spec, control, taken, starts)
    _check_reads(spec, control, walk)
    _check_step(spec, control, walk)
    spec.check("an op is taken before the last repetition of the one before has begun, or waits",
               control.op.ready == ~walk.waiting)
    spec.check("it is idle with an op, or busy without",
               control.idle == (~walk.active & ~walk.waiting))

    # An op of two repetitions of two sums that waited has ended, and the next one goes on at once.
    waited, ended, followed = Signal(), Signal(), Signal()
    op = walk.op
    m.d.sync += [
        waited.eq(~starts & (waited | (walk.waiting & ~walk.active & ~walk.free))),
        ended.eq(waited & walk.ends & (op.reps == 1) & (walk.rep == 1) & (op.last_output == 1)
                 & (op.last_word == 2) & (op.axis != op.dest)),
        followed.eq(followed | (ended & walk.steps)),
    ]
    spec.goal = followed & walk.ends & (op.last_word == 0)
    spec.look_inside(lambda: _lemmas(spec, control, walk))
    return spec


class _Walk:
    """Where the MAC is in its ops: (repetition, sum, word), as the fields of an op have it.

    Attributes
    ----------
    coming, waiting, next_rep
        The op that was taken last, whether repetitions of it have not begun, and which is next.
    active, op, rep, sum, word
        A repetition is in progress, its op, and the word that is read next.
    done, sums
        Steps and sums of that op before this word.
    ahead
        Per axis, repetitions retired less those asked for since the start.
    free
        There are as many as were asked for.
    steps, last_word, ends
        A word is read in this cycle; it is the last of its sum; it is the last of the repetition.
    """

    def __init__(self, spec: Spec, control: Any, taken: Value, starts: Value) -> None:
        m, config = spec.m, control.config
        count = config.count_bits
        self.coming, self.op = (Signal(control.op.payload.shape(), name=name)
                                for name in ("coming", "in_progress"))
        self.waiting, self.active = Signal(name="waits"), Signal(name="works")
        self.next_rep, self.rep = Signal(config.rep_bits), Signal(config.rep_bits)
        self.sum, self.word = Signal(count), Signal(count)
        self.done, self.sums = Signal(config.weight_row_bits), Signal(config.bias_addr_bits)
        self.steps, self.last_word, self.ends = Signal(), Signal(), Signal()
        self.ahead = self._waits(spec, control, taken, starts)
        self.free = Cat(ahead >= 0 for ahead in self.ahead).all()
        begins = Signal(name="begins")
        readable = Array(ring.readable for ring in control.rings)[self.op.axis]
        m.d.comb += [
            self.steps.eq(self.active & readable),
            self.last_word.eq(self.word == self.op.last_word),
            self.ends.eq(self.steps & self.last_word & (self.sum == self.op.last_output)),
            begins.eq(self.waiting & self.free & (~self.active | self.ends)),
        ]
        with m.If(self.steps):
            m.d.sync += [self.done.eq(self.done + 1),
                         self.word.eq(Mux(self.last_word, 0, self.word + 1))]
            with m.If(self.last_word):
                m.d.sync += [self.sum.eq(self.sum + 1), self.sums.eq(self.sums + 1)]
        with m.If(self.ends):
            m.d.sync += self.active.eq(0)
        with m.If(begins):
            m.d.sync += [
                self.active.eq(1), self.op.eq(self.coming), self.rep.eq(self.next_rep),
                self.sum.eq(0), self.word.eq(0), self.next_rep.eq(self.next_rep + 1),
                self.waiting.eq(self.next_rep != self.coming.reps),
            ]
            with m.If(self.next_rep == 0):
                m.d.sync += [self.done.eq(0), self.sums.eq(0)]
        with m.If(taken):
            m.d.sync += [self.coming.eq(control.op.payload), self.waiting.eq(1),
                         self.next_rep.eq(0)]

    def _waits(self, spec: Spec, control: Any, taken: Value, starts: Value) -> list[Signal]:
        m = spec.m
        least, most = -(1 << control.config.rep_bits), (1 << control.config.rep_bits) - 1
        all_ahead = []
        for axis, ring in zip(Axis, control.rings, strict=True):
            ahead = Signal(signed(_TOTAL_BITS), name=f"ahead_{axis.name}")
            following = Signal(signed(_TOTAL_BITS), name=f"following_{axis.name}")
            asked = Mux(taken & (control.op.p.dest == axis), control.op.p.need_free, 0)
            m.d.comb += following.eq(ahead + ring.retired - asked)
            m.d.sync += ahead.eq(Mux(starts, 0, following))
            spec.assume(starts | ((following >= least) & (following <= most)))
            all_ahead.append(ahead)
        return all_ahead


def _check_reads(spec: Spec, control: Any, walk: _Walk) -> None:
    """What the ring engines are told, as `mac_ring_side` has it and as `PeSide` plays it."""
    op = walk.op
    addr = (op.x_base + walk.rep * op.x_stride + walk.word)[:control.config.addr_bits]
    for axis, ring in zip(Axis, control.rings, strict=True):
        name, reads = axis.name.lower(), walk.steps & (op.axis == axis)
        spec.check(f"{name}: a word is read that may not be, or is not its op's, or none is",
                   ring.read_en == reads)
        spec.check(f"{name}: another word is read", ~reads | (ring.read_addr == addr))
        spec.check(f"{name}: it says that a sum goes on that does not, or the other way round",
                   ring.advance == (reads & ~walk.last_word))
        spec.check(f"{name}: it says that another word comes next",
                   ~(reads & ring.advance) | (ring.read_next == walk.word + 1))
        spec.check(f"{name}: a repetition is given back that is still read, or is not",
                   ring.consume == (reads & walk.ends))


def _check_step(spec: Spec, control: Any, walk: _Walk) -> None:
    """What the multiplier is told of a word."""
    config, op, step = control.config, walk.op, control.step.p
    spec.check("a step is lost, or done without a word", control.step.valid == walk.steps)
    place = op.y_base + walk.rep * op.y_rep_stride + walk.sum * op.y_stride
    for what, told, expected in (
            ("buffer", step.axis, op.axis),
            ("weight", step.w_addr, (op.w_base + walk.done)[:config.weight_row_bits]),
            ("first word of a sum", step.first, walk.word == 0),
            ("last word of a sum", step.last, walk.last_word),
            ("bias", step.b_addr, (op.b_base + walk.sums)[:config.bias_addr_bits]),
            ("sum with a bias", step.bias, op.bias),
            ("shift", step.finish.shift, op.shift),
            ("sum with a ReLU", step.finish.relu, op.relu),
            ("destination", step.result.dest, op.dest),
            ("place of a result", step.result.addr, place[:config.addr_bits]),
            ("last result of a repetition", step.result.landed, walk.ends)):
        spec.check(f"another {what}", ~walk.steps | (told == expected))


def _lemmas(spec: Spec, control: Any, walk: _Walk) -> None:
    """Tie the registers of the block to the walk."""
    inside = Inside(control, *(f"{axis.name.lower()}_freed" for axis in Axis))
    config, op, coming = control.config, walk.op, walk.coming
    addr_bits = config.addr_bits
    for axis, ahead in zip(Axis, walk.ahead, strict=True):
        freed = inside.submodule(f"{axis.name.lower()}_freed")
        spec.lemma(f"{axis.name.lower()}: retired less asked for", freed["count"] == ahead)
    spec.lemma("waiting", inside["waiting"] == walk.waiting)
    spec.lemma("active", inside["active"] == walk.active)
    spec.lemma("word between repetitions", walk.active | (inside["word"] == 0))
    spec.lemma("places", (~walk.waiting | (walk.next_rep <= coming.reps)) & (~walk.active | (
        (walk.word <= op.last_word) & (walk.sum <= op.last_output))))
    spec.lemma("of the op in hand the coming repetition is the next one",
               ~(walk.waiting & walk.active & (walk.next_rep != 0)) | (
                   (Value.cast(op) == Value.cast(coming)) & (walk.rep + 1 == walk.next_rep)))
    x_coming = (coming.x_base + walk.next_rep * coming.x_stride)[:addr_bits]
    y_coming = (coming.y_base + walk.next_rep * coming.y_rep_stride)[:addr_bits]
    for name, value in (
            ("op", Value.cast(coming)), ("first", walk.next_rep == 0),
            ("reps_left", coming.reps - walk.next_rep),
            ("last_rep", coming.reps == walk.next_rep),
            ("one_word_coming", coming.last_word == 0), ("x_coming", x_coming),
            ("y_coming", y_coming)):
        spec.lemma(f"{name} of what comes", ~walk.waiting | (inside[name] == value))
    # Weights and biases go on from one repetition of an op to the next.
    for name, base, more in (("w_addr", "w_base", walk.done), ("b_addr", "b_base", walk.sums)):
        held = inside[name]
        spec.lemma(name, ~walk.active | (held == (op[base] + more)[:len(held)]))
        spec.lemma(f"{name} between repetitions", ~(walk.waiting & (walk.next_rep != 0)) | (
            held == (coming[base] + more)[:len(held)]))
    x_base = (op.x_base + walk.rep * op.x_stride)[:addr_bits]
    y_addr = (op.y_base + walk.rep * op.y_rep_stride + walk.sum * op.y_stride)[:addr_bits]
    left = op.last_output - walk.sum
    for name, value in (
            ("axis", op.axis), ("dest", op.dest), ("word", walk.word),
            ("word_next", (walk.word + 1)[:config.count_bits]), ("outputs_left", left),
            ("outputs_some", left != 0), ("outputs_last", left == 1),
            ("last_but_one", (op.last_word - 1)[:config.count_bits]),
            ("at_last_word", walk.word == op.last_word), ("one_word", op.last_word == 0),
            ("x_base", x_base), ("bias", op.bias), ("y_addr", y_addr),
            ("y_stride", op.y_stride), ("shift", op.shift), ("relu", op.relu)):
        spec.lemma(f"{name} of the repetition in progress", ~walk.active | (inside[name] == value))
