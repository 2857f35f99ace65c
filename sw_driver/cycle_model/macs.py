"""The MACs of all PEs."""

from collections import deque
from typing import NamedTuple

from hw.config import TorusConfig
from hw.op_fields import Axis
from sw_driver.cycle_model.lanes import Groups, Lanes, Mask, Registers, take_out
from sw_driver.cycle_model.rings import Rings
from sw_driver.cycle_model.steps import IDLE, NOTHING, Landing, Step
from sw_driver.cycle_model.tables import Place, Queue
from sw_driver.program.image import Op
from sw_driver.program.sums import walks_of

__all__ = ["Macs"]


class _Op(NamedTuple):
    """What the registers of a MAC hold of an op."""

    steps: int
    skips: bool
    walks: int
    rest: int  # Sums of the last walk.
    reads_col: bool
    writes_col: bool
    need_free: int
    reps: int


def _op(config: TorusConfig, op: Op) -> _Op:
    step = op.get("word_step", config.lanes_in)
    walks, rest = walks_of(config, op)
    return _Op(
        steps=op["last_word"] // step + 1,
        skips=step > config.lanes_in,
        walks=walks,
        rest=rest,
        reads_col=op["axis"] == Axis.COL,
        writes_col=op["dest"] == Axis.COL,
        need_free=op["need_free"],
        reps=op["reps"],
    )


class Macs:
    """Registers of the MACs' control, as `hw.mac.mac_control` has them, and results on their way.

    Counts are kept as what is left of them; `_freed`, for each destination, is what its ring engine
    has retired less what was asked for, raised so that no lane is ever negative.
    """

    REGISTERS = (
        "running", "coming", "active", "reads_col", "_skips", "_writes_col", "_steps", "_row",
        "_steps_left", "_walks_left", "_leaving", "waiting", "_first", "_last",
        "_next_writes_col", "_freed", "_pipeline",
    )  # fmt: skip

    def __init__(self, lanes: Lanes, config: TorusConfig, queue: Queue) -> None:
        self._lanes = lanes
        self._table = {index: _op(config, op) for index, op in queue.engine_ops()}
        self.running: Groups[Place] = {}
        """Repetitions in progress."""
        self.coming: Groups[Place] = {}
        """Those that come next."""

        # The repetition in progress.
        self.active: Mask = 0
        self.reads_col: Mask = 0
        self._skips: Mask = 0
        self._writes_col: Mask = 0
        self._steps: Registers = 0
        self._row: Registers = 0
        self._steps_left: Registers = 0
        self._walks_left: Registers = 0
        # The coming one.
        self.waiting: Mask = 0
        self._first: Mask = 0
        self._last: Mask = 0
        self._next_writes_col: Mask = 0
        self._even: Registers = lanes.pes << config.rep_bits
        self._freed: Registers = self._even
        self._at_once = config.lanes_out
        self._leaving: Registers = 0  # Sums of the walk before that are in the way.
        # Of the sums that a walk makes at once, a result lands in each cycle.
        self._latency_cycles = config.result_cycles
        self._pipeline: deque[Landing] = deque(
            [NOTHING] * (self._latency_cycles + config.lanes_out - 1)
        )

    @property
    def under_way(self) -> Mask:
        """PEs with results that have not landed."""
        mask = 0
        for landing in self._pipeline:
            mask |= landing.written
        return (mask | mask >> self._lanes.half_bits) & self._lanes.row_pes

    def landing(self) -> Landing:
        """The results that are written in this cycle."""
        return self._pipeline[0]

    def step(self, rings: Rings) -> Step:
        """Do a step of each sum whose next word may be read."""
        step = self._step(rings)
        by_ring = self._by_ring()
        filled = self._lanes.filled(by_ring)
        row = self._row | self._row << self._lanes.half_bits
        rings.look_ahead(row & filled, step.consumed)
        return step

    def _by_ring(self) -> Mask:
        """Repetitions in progress, by the ring that they read."""
        by_col = self.active & self.reads_col
        return self.active ^ by_col | by_col << self._lanes.half_bits

    def _step(self, rings: Rings) -> Step:
        lanes = self._lanes
        half = lanes.half_bits
        by_ring = self._by_ring() & rings.readable
        if by_ring and self._skips:
            by_ring &= ~(self._skips | self._skips << half) | rings.complete
        if by_ring and self._leaving:
            active = self.active
            last = active & ~lanes.nonzero(self._steps_left - active)
            held = last & lanes.nonzero(self._leaving)
            by_ring &= ~(held | held << half)
        if not by_ring:
            return IDLE
        done = (by_ring | by_ring >> half) & lanes.row_pes

        self._row += done
        self._steps_left -= done
        ended = done ^ done & lanes.nonzero(self._steps_left)
        if not ended:
            return Step(done, 0, 0, 0)
        filled = lanes.filled(ended)
        self._row ^= self._row & filled
        self._steps_left |= self._steps & filled
        self._walks_left -= ended
        rep_ended = ended ^ ended & lanes.nonzero(self._walks_left)
        consumed = by_ring & (rep_ended | rep_ended << half) if rep_ended else 0
        return Step(done, ended, rep_ended, consumed)

    def begin(self, step: Step) -> Mask:
        """Where the coming repetition begins."""
        ready = self.waiting
        if ready:
            ready &= self._lanes.row_pes ^ self.active | step.rep_ended
        if first := ready & self._first:
            half = self._lanes.half_bits
            free = self._lanes.at_least(self._freed, self._even)
            to_col = self._next_writes_col
            ready &= ~first | free & ~to_col | free >> half & to_col
        return ready

    def accepts(self, begin: Mask) -> Mask:
        """Where an op is taken if there is one."""
        return self._lanes.row_pes & ~self.waiting

    def proceed(self, step: Step, begin: Mask, retired: Mask, start: Mask) -> None:
        """Go from one repetition to the next, and send results on their way.

        Parameters
        ----------
        step
            What was done in this cycle.
        begin
            Where a repetition begins.
        retired
            Where a ring engine is done with a repetition.
        start
            Where a program starts.
        """
        lanes = self._lanes
        self._pipeline.popleft()
        self._pipeline.append(NOTHING)
        if self._leaving:
            self._leaving -= lanes.nonzero(self._leaving)
        if step.sum_ended:
            if self._at_once > 1:
                self._land_groups(step)
            else:
                self._pipeline[-1] = Landing(
                    self._by_dest(step.sum_ended, self._writes_col),
                    self._by_dest(step.rep_ended, self._writes_col),
                )
        self._freed += retired
        if step.rep_ended:
            self.active ^= step.rep_ended
            take_out(self.running, step.rep_ended)
        if begin:
            self._begin(begin)
        if start:
            filled = lanes.filled(start | start << lanes.half_bits)
            self._freed = self._freed & ~filled | self._even & filled

    def take(self, index: int, where: Mask) -> None:
        """An op is taken."""
        op = self._table[index]
        self.coming[index, 0] = self.coming.get((index, 0), 0) | where
        self.waiting |= where
        self._first |= where
        self._last = self._last & ~where | where * (op.reps == 0)
        self._next_writes_col = self._next_writes_col & ~where | where * op.writes_col
        self._freed -= self._by_dest(where, self._next_writes_col) * op.need_free

    def _land_groups(self, step: Step) -> None:
        """Send the results of walks that end in this cycle on their way, one a cycle."""
        for (index, _), mask in self.running.items():
            if not (here := mask & step.sum_ended):
                continue
            # PEs with an op in common may be at different walks.
            for ended, sums, last in (
                (here & ~step.rep_ended, self._at_once, False),
                (here & step.rep_ended, self._table[index].rest, True),
            ):
                if not ended:
                    continue
                self._leaving |= ended * (sums - 1)
                where = self._by_dest(ended, self._writes_col)
                for number in range(sums):
                    at = self._latency_cycles - 1 + number
                    written, counted = self._pipeline[at]
                    if last and number == sums - 1:
                        counted |= where
                    self._pipeline[at] = Landing(written | where, counted)

    def _by_dest(self, mask: Mask, writes_col: Mask) -> Mask:
        to_col = mask & writes_col
        return mask ^ to_col | to_col << self._lanes.half_bits

    def _begin(self, where: Mask) -> None:
        """Load the registers of repetitions that begin."""
        self.active |= where
        self._first &= ~where
        self._writes_col = self._writes_col & ~where | self._next_writes_col & where
        self.waiting ^= where & self._last
        filled = self._lanes.filled(where)
        for registers in ("_steps", "_steps_left", "_walks_left"):
            setattr(self, registers, getattr(self, registers) & ~filled)
        for (index, rep), here in take_out(self.coming, where):
            op = self._table[index]
            self.running[index, rep] = self.running.get((index, rep), 0) | here
            if rep < op.reps:
                self.coming[index, rep + 1] = self.coming.get((index, rep + 1), 0) | here
                self._last = self._last & ~here | here * (rep + 1 == op.reps)
            self._steps |= here * op.steps
            self._steps_left |= here * op.steps
            self._walks_left |= here * op.walks
            self.reads_col = self.reads_col & ~here | here * op.reads_col
            self._skips = self._skips & ~here | here * op.skips
