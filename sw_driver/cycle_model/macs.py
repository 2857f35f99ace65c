"""The MACs of all PEs."""

from collections import deque
from typing import NamedTuple

from hw.config import MAC_CYCLES, TorusConfig
from hw.op_fields import Axis
from sw_driver.cycle_model.lanes import Groups, Lanes, Mask, Registers, take_out
from sw_driver.cycle_model.rings import Rings
from sw_driver.cycle_model.steps import IDLE, NOTHING, Landing, Step
from sw_driver.cycle_model.tables import Place, Queue
from sw_driver.program.image import Op

__all__ = ["Macs"]


class _Op(NamedTuple):
    """What the registers of a MAC hold of an op."""

    words: int
    skips: bool
    outputs: int
    reads_col: bool
    writes_col: bool
    need_free: int
    reps: int


def _op(op: Op) -> _Op:
    step = op.get("word_step", 1)
    return _Op(
        words=op["last_word"] // step + 1,
        skips=step > 1,
        outputs=op["last_output"] + 1,
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
        "running", "coming", "active", "reads_col", "_skips", "_writes_col", "_words", "_word",
        "_words_left", "_outputs_left", "waiting", "_first", "_last",
        "_next_writes_col", "_freed", "_pipeline",
    )  # fmt: skip

    def __init__(self, lanes: Lanes, config: TorusConfig, queue: Queue) -> None:
        self._lanes = lanes
        self._table = {index: _op(op) for index, op in queue.engine_ops()}
        self.running: Groups[Place] = {}
        """Repetitions in progress."""
        self.coming: Groups[Place] = {}
        """Those that come next."""

        # The repetition in progress.
        self.active: Mask = 0
        self.reads_col: Mask = 0
        self._skips: Mask = 0
        self._writes_col: Mask = 0
        self._words: Registers = 0
        self._word: Registers = 0
        self._words_left: Registers = 0
        self._outputs_left: Registers = 0
        # The coming one.
        self.waiting: Mask = 0
        self._first: Mask = 0
        self._last: Mask = 0
        self._next_writes_col: Mask = 0
        self._even: Registers = lanes.pes << config.rep_bits
        self._freed: Registers = self._even
        self._pipeline: deque[Landing] = deque([NOTHING] * MAC_CYCLES)

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
        word = self._word | self._word << self._lanes.half_bits
        rings.look_ahead(word & filled, step.consumed)
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
        if not by_ring:
            return IDLE
        done = (by_ring | by_ring >> half) & lanes.row_pes

        self._word += done
        self._words_left -= done
        ended = done ^ done & lanes.nonzero(self._words_left)
        if not ended:
            return Step(done, 0, 0, 0)
        filled = lanes.filled(ended)
        self._word ^= self._word & filled
        self._words_left |= self._words & filled
        self._outputs_left -= ended
        rep_ended = ended ^ ended & lanes.nonzero(self._outputs_left)
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
        if step.sum_ended:
            landing = Landing(
                self._by_dest(step.sum_ended, self._writes_col),
                self._by_dest(step.rep_ended, self._writes_col),
            )
            self._pipeline.append(landing)
        else:
            self._pipeline.append(NOTHING)
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
        for registers in ("_words", "_words_left", "_outputs_left"):
            setattr(self, registers, getattr(self, registers) & ~filled)
        for (index, rep), here in take_out(self.coming, where):
            op = self._table[index]
            self.running[index, rep] = self.running.get((index, rep), 0) | here
            if rep < op.reps:
                self.coming[index, rep + 1] = self.coming.get((index, rep + 1), 0) | here
                self._last = self._last & ~here | here * (rep + 1 == op.reps)
            self._words |= here * op.words
            self._words_left |= here * op.words
            self._outputs_left |= here * op.outputs
            self.reads_col = self.reads_col & ~here | here * op.reads_col
            self._skips = self._skips & ~here | here * op.skips
