"""The MACs of all PEs of a torus that trains."""

from collections import deque

from hw.config import READ_CYCLES, REQUANTISE_CYCLES, UPDATE_CYCLES, TorusConfig
from hw.op_fields import MacKind
from sw_driver.cycle_model.dispatch import Dispatch
from sw_driver.cycle_model.dumps import Dumps
from sw_driver.cycle_model.lanes import Groups, Lanes, Mask, Registers, take_out
from sw_driver.cycle_model.readers import Readers
from sw_driver.cycle_model.reverse import Reverse
from sw_driver.cycle_model.rings import Rings
from sw_driver.cycle_model.steps import IDLE, NOTHING, Landing, Step
from sw_driver.cycle_model.tables import Place, Queue
from sw_driver.cycle_model.training_ops import mac_ops
from sw_driver.cycle_model.training_rings import TrainingRings
from sw_driver.errors import ProgramError

__all__ = ["TrainingMacs"]

_TARGET_CYCLES = 1 + REQUANTISE_CYCLES  # From a result until its gradient is written.
_LANDS_CYCLES = REQUANTISE_CYCLES - 1  # After a sum has left, until its result lands.
_SUM_CYCLES = READ_CYCLES + 3  # From a step until it has been added, or its products have.


class TrainingMacs:
    """Registers of the controls and of the dispatch, as `hw` has them, and what is on its way.

    One repetition is in progress at a time, of whichever kind. Counts are kept as what is left of
    them.
    """

    REGISTERS = (
        "running", "active", "backward", "reads_col", "_writes_col", "_inner", "_word",
        "_inner_left", "_outer_left", "_reduces", "_updates", "_biases", "_slots", "_pipeline",
        "_updated", "_compares", "_compared", "_leaving", "_forward",
    )  # fmt: skip

    def __init__(
        self,
        lanes: Lanes,
        config: TorusConfig,
        queue: Queue,
        rings: TrainingRings,
        reverse: Reverse,
    ) -> None:
        self._lanes = lanes
        self._rings = rings
        self._reverse = reverse
        self._table = mac_ops(config, queue)
        dumped = any(op.kind == MacKind.DUMP for op in self._table.values())
        self.dumps = Dumps(lanes, config, dumped)
        self.readers: Readers | None = None
        if config.lanes_out > 1 and config.training is not None:
            self.readers = Readers(lanes, config, config.training, self._table)
        self.dispatch = Dispatch(lanes, config, self._table, self.dumps, self.readers)
        self.running: Groups[Place] = {}
        """Repetitions in progress."""

        # The repetition in progress, of a RUN or BACK.
        self.active: Mask = 0
        self.backward: Mask = 0
        self.reads_col: Mask = 0
        self._writes_col: Mask = 0
        self._inner: Registers = 0  # Steps of a sum.
        self._word: Registers = 0
        self._inner_left: Registers = 0
        self._outer_left: Registers = 0
        self._reduces: Mask = 0
        self._updates: Mask = 0
        self._compares: Mask = 0  # Results are compared with targets.
        self._biases: Mask = 0  # In the first sum of a repetition that changes biases.
        self._slots: Registers = reverse.depth  # Sums that the reduce engines can take.
        self._at_once = config.lanes_out  # Sums of a walk, whose results land one a cycle.
        self._leaving: Registers = 0  # Sums of the walk before that are in the way.
        self._latency_cycles = config.result_cycles
        landings = self._latency_cycles + self._at_once - 1
        self._pipeline: deque[Landing] = deque([NOTHING] * landings)
        # Gradients of results on their way into their memory.
        self._compared: deque[Mask] = deque([0] * (landings + _TARGET_CYCLES + 1))
        self._forward: deque[Mask] = deque([0] * (_SUM_CYCLES + 1))  # Steps of cycles before.
        # Steps backwards of cycles before, and those of them that change a weight.
        self._updated: deque[tuple[Mask, Mask]] = deque([(0, 0)] * UPDATE_CYCLES)

    @property
    def waiting(self) -> Mask:
        """Where an op waits to begin."""
        return self.dispatch.waiting

    @property
    def under_way(self) -> Mask:
        """PEs with results that have not landed, or weights that are not written."""
        mask = 0
        for landing in self._pipeline:
            mask |= landing.written
        for compared in list(self._compared)[1:]:
            mask |= compared
        mask = (mask | mask >> self._lanes.half_bits) & self._lanes.row_pes
        for age, (steps, updates) in enumerate(reversed(self._updated), 1):
            mask |= updates | (steps if age <= _SUM_CYCLES else 0)
        if self.readers is not None:
            mask |= self.readers.active
        return mask | self.dumps.active | self._reverse.busy

    def landing(self) -> Landing:
        """The words that are written in this cycle."""
        landing = self._pipeline[0]
        if not self.dumps.active:
            return landing
        dumped = self.dumps.landing()
        return Landing(landing.written | dumped.written, landing.last | dumped.last)

    def step(self, rings: Rings) -> Step:
        """Do a step of each sum whose next word may be read, or that may be given away."""
        step = self._step(rings)
        forward = self._by_axis(self.active & ~self.backward, self.reads_col)
        word = self._word | self._word << self._lanes.half_bits
        rings.look_ahead(word & self._lanes.filled(forward), step.consumed)
        return step

    def _step(self, rings: Rings) -> Step:
        lanes = self._lanes
        half = lanes.half_bits
        active = self.active
        if not active:
            return IDLE
        back = active & self.backward
        by_ring = self._by_axis(active ^ back, self.reads_col) & rings.readable
        if by_ring and self._leaving:
            last = active & ~lanes.nonzero(self._inner_left - active)
            held = last & lanes.nonzero(self._leaving)
            by_ring &= ~(held | held << half)
        done = (by_ring | by_ring >> half) & lanes.row_pes
        if back:
            done |= back ^ self.held_up
        if not done:
            return IDLE

        freed = back and done & back & ~lanes.nonzero(self._outer_left - active)
        self._word += done
        self._inner_left -= done
        ended = done ^ done & lanes.nonzero(self._inner_left)
        if not ended:
            return Step(done, 0, 0, 0, freed=freed)
        filled = lanes.filled(ended)
        self._word ^= self._word & filled
        self._inner_left |= self._inner & filled
        self._outer_left -= ended
        rep_ended = ended ^ ended & lanes.nonzero(self._outer_left)
        over = self._by_axis(rep_ended, self.reads_col)
        return Step(
            done,
            ended,
            rep_ended,
            consumed=over & by_ring,
            reread=over & ~by_ring,
            given=self._by_axis(ended & back & self._reduces, self.reads_col),
            freed=freed,
        )

    @property
    def held_up(self) -> Mask:
        """Where a sum would end that the reduce engine has no room for."""
        lanes = self._lanes
        full = lanes.pes ^ lanes.nonzero(self._slots)
        if not full:
            return 0
        reduces = self.active & self.backward & self._reduces
        by_col = reduces & self.reads_col
        full &= reduces ^ by_col | by_col << lanes.half_bits
        full = (full | full >> lanes.half_bits) & lanes.row_pes
        return full ^ full & lanes.nonzero(self._inner_left - full)

    def begin(self, step: Step) -> Mask:
        """Where the coming repetition begins."""
        # Behind a repetition of its own kind it begins with that one's last step.
        same = ~(self.backward ^ self.dispatch.backs) & ~self.dispatch.dumps
        free = (self._lanes.row_pes ^ self.active | step.rep_ended & same) & ~self.dumps.active
        ready = self.dispatch.ready(free)
        if fenced := ready & self.dispatch.fenced:
            ready &= ~(fenced & self._writing(step))
        if dump := ready & self.dispatch.dumps:
            ready &= ~dump | self.dumps.free & ~self.under_way
        return ready

    def _writing(self, step: Step) -> Mask:
        """Where a weight will be written in this cycle or later."""
        mask = self._changing(step)
        for _, updates in self._updated:
            mask |= updates
        return mask | (self.readers.changing if self.readers is not None else 0)

    def _changing(self, step: Step) -> Mask:
        """Where a step of this cycle will write a weight or, without lanes, a bias."""
        changes = self._updates if self.readers is not None else self._updates | self._biases
        return step.done & self.backward & changes

    def accepts(self, begin: Mask) -> Mask:
        """Where an op is taken if there is one."""
        return self.dispatch.accepts

    def proceed(self, step: Step, begin: Mask, retired: Mask, start: Mask) -> None:
        """Go from one repetition to the next, and send results on their way: see `Macs`."""
        back = step.done & self.backward
        held = self._holds_readers if self.readers is not None else 0
        self._pipeline.popleft()
        self._pipeline.append(NOTHING)
        self._compared.popleft()
        self._compared.append(0)
        if self._leaving:
            self._leaving -= self._lanes.nonzero(self._leaving)
        if ended := step.sum_ended & ~back:
            self._land(ended, step.rep_ended)
        self._forward.popleft()
        self._forward.append(step.done ^ back)
        self._updated.popleft()
        self._updated.append((back, self._changing(step)))
        self._biases &= ~step.sum_ended
        landed, host_landed = self._reverse.landed, self._rings.gradients_landed
        if landed & self._compared[1]:
            raise ProgramError("a gradient lands where a result is compared: compile the net again")
        landed |= self._compared[1]  # Results that are compared go to the rows.
        if self.readers is not None:
            begun = begin & self.dispatch.backs
            self.readers.proceed(begun, step.freed, held, landed, host_landed)
        self.dispatch.proceed(retired, landed, host_landed)
        self._slots += self._reverse.taken - step.given
        self.dumps.proceed(retired, start)
        if step.rep_ended:
            self.active ^= step.rep_ended
            take_out(self.running, step.rep_ended)
        if begin:
            self._begin(begin)
        if start:
            self.dispatch.start(start)
            if self.readers is not None:
                self.readers.start(start)

    def take(self, index: int, where: Mask) -> None:
        """An op is taken."""
        self.dispatch.take(index, where)
        if self.readers is not None:
            self.readers.take(index, where)

    def _land(self, ended: Mask, rep_ended: Mask) -> None:
        """Send the results of walks that end in this cycle on their way; every result counts."""
        for (index, _), mask in self.running.items():
            # PEs with an op in common may be at different walks.
            here = mask & ended
            last = here & rep_ended
            for where, sums in ((here ^ last, self._at_once), (last, self._table[index].rest)):
                if not where:
                    continue
                self._leaving |= where * (sums - 1)
                written = self._by_axis(where, self._writes_col)
                for number in range(sums):
                    at = self._latency_cycles - 1 + number
                    all_here = self._pipeline[at].written | written
                    self._pipeline[at] = Landing(all_here, all_here)
                    self._compared[at + _TARGET_CYCLES + 1] |= where & self._compares

    @property
    def _holds_readers(self) -> Mask:
        """Where another op than a BACK works, or biases are read or changed."""
        mask = self.active & ~self.backward | self.dumps.active
        for forward in list(self._forward)[-self._at_once - READ_CYCLES :]:
            mask |= forward
        # Sums wait for their biases so long where they are many.
        for landing in list(self._pipeline)[_LANDS_CYCLES:] if self._at_once > 4 else ():
            written = landing.written
            mask |= (written | written >> self._lanes.half_bits) & self._lanes.row_pes
        return mask | (self.readers.changing if self.readers is not None else 0)

    def _by_axis(self, mask: Mask, on_columns: Mask) -> Mask:
        col = mask & on_columns
        return mask ^ col | col << self._lanes.half_bits

    def _begin(self, where: Mask) -> None:
        """Load the registers of repetitions that begin."""
        for (index, rep), here in self.dispatch.begin(where):
            op = self._table[index]
            if op.kind == MacKind.DUMP:
                self.dumps.begin(op, here)
                continue
            self.active |= here
            self.running[index, rep] = self.running.get((index, rep), 0) | here
            keep = ~self._lanes.filled(here)
            self._inner = self._inner & keep | here * op.inner
            self._inner_left = self._inner_left & keep | here * op.inner
            self._outer_left = self._outer_left & keep | here * op.outer
            keep = ~here
            self.reads_col = self.reads_col & keep | here * op.reads_col
            self._writes_col = self._writes_col & keep | here * op.to_col
            self._compares = self._compares & keep | here * op.targets
            self.backward = self.backward & keep | here * (op.kind == MacKind.BACK)
            self._reduces = self._reduces & keep | here * bool(op.segments)
            self._updates = self._updates & keep | here * op.updates
            self._biases = self._biases & keep | here * op.biases
            if op.segments:
                self._reverse.expect(op.reads_col, op.segments, here)
