"""The MACs of all PEs of a torus that trains."""

from collections import deque

from hw.config import MAC_CYCLES, READ_CYCLES, UPDATE_CYCLES, TorusConfig
from hw.op_fields import MacKind
from sw_driver.cycle_model.dumps import Dumps
from sw_driver.cycle_model.lanes import Groups, Lanes, Mask, Registers, take_out
from sw_driver.cycle_model.reverse import Reverse
from sw_driver.cycle_model.rings import Rings
from sw_driver.cycle_model.steps import IDLE, NOTHING, Landing, Step
from sw_driver.cycle_model.tables import Place, Queue
from sw_driver.cycle_model.training_ops import mac_ops
from sw_driver.cycle_model.training_rings import TrainingRings

__all__ = ["TrainingMacs"]

_SUM_CYCLES = READ_CYCLES + 3  # From a step until it has been added.


class TrainingMacs:
    """Registers of the controls and of the dispatch, as `hw` has them, and what is on its way.

    One repetition is in progress at a time, of whichever kind, and one op waits. Counts are kept as
    what is left of them. What the MAC waits for is kept as what has been done less what was asked
    for, raised so that no lane is ever negative.
    """

    REGISTERS = (
        "running", "coming", "active", "backward", "reads_col", "_writes_col", "_inner", "_word",
        "_inner_left", "_outer_left", "_reduces", "_updates", "waiting", "asked_for", "_prepared",
        "_first", "_last", "_kinds", "_to_col", "from_host_next", "_fences", "_freed", "_landed",
        "_host_landed", "_slots", "_pipeline", "_updated",
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
        self.running: Groups[Place] = {}
        """Repetitions in progress."""
        self.coming: Groups[Place] = {}
        """Those that come next."""

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
        # The coming one.
        self.waiting: Mask = 0
        self.asked_for: Mask = 0
        self._prepared: Mask = 0  # Of a BACK.
        self._first: Mask = 0
        self._last: Mask = 0
        self._kinds: dict[int, Mask] = {kind: 0 for kind in (
            MacKind.RUN, MacKind.BACK, MacKind.DUMP)}  # fmt: skip
        self._to_col: Mask = 0
        self.from_host_next: Mask = 0
        """Where it needs gradients that the host sent."""
        self._fences: Mask = 0
        self._even: Registers = lanes.pes << config.rep_bits
        self._freed: Registers = self._even
        self._landed: Registers = self._even
        self._host_landed: Registers = self._even & lanes.filled(lanes.row_pes)
        self._slots: Registers = reverse.depth  # Sums that the reduce engines can take.
        self._pipeline: deque[Landing] = deque([NOTHING] * MAC_CYCLES)
        # Steps backwards of cycles before, and those of them that change a weight.
        self._updated: deque[tuple[Mask, Mask]] = deque([(0, 0)] * UPDATE_CYCLES)

    @property
    def under_way(self) -> Mask:
        """PEs with results that have not landed, or weights that are not written."""
        mask = 0
        for landing in self._pipeline:
            mask |= landing.written
        mask = (mask | mask >> self._lanes.half_bits) & self._lanes.row_pes
        for age, (steps, updates) in enumerate(reversed(self._updated), 1):
            mask |= updates | (steps if age <= _SUM_CYCLES else 0)
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
        lanes = self._lanes
        half = lanes.half_bits
        active = self.active
        if not active:
            return IDLE
        back = active & self.backward
        forward = active ^ back
        by_ring = 0
        if forward:
            by_col = forward & self.reads_col
            word = self._word | self._word << half
            arriving = rings.newest & rings.active & rings.gathers & rings.own_here
            if arriving:
                arriving &= lanes.nonzero(word ^ rings.have)
            by_ring = (forward ^ by_col | by_col << half) & (rings.complete | arriving)
        done = (by_ring | by_ring >> half) & lanes.row_pes
        if back:
            done |= back ^ self.held_up
        if not done:
            return IDLE

        self._word += done
        self._inner_left -= done
        ended = done ^ done & lanes.nonzero(self._inner_left)
        if not ended:
            return Step(done, 0, 0, 0)
        filled = lanes.filled(ended)
        self._word ^= self._word & filled
        self._inner_left |= self._inner & filled
        self._outer_left -= ended
        rep_ended = ended ^ ended & lanes.nonzero(self._outer_left)
        over = self._by_axis(rep_ended, self.reads_col)
        given = ended & back & self._reduces
        return Step(
            done,
            ended,
            rep_ended,
            consumed=over & by_ring,
            reread=over & ~by_ring,
            given=self._by_axis(given, self.reads_col),
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
        ready = self.waiting & self.asked_for
        if not ready:
            return 0
        lanes = self._lanes
        half = lanes.half_bits
        ready &= (lanes.row_pes ^ self.active | step.rep_ended) & ~self.dumps.active
        runs, backs, dumps = self._kinds.values()
        if first := ready & runs & self._first:
            free = lanes.at_least(self._freed, self._even)
            ready &= ~first | free & ~self._to_col | free >> half & self._to_col
        if back := ready & backs:
            ready &= ~back | self.landed
        if fenced := ready & self.fenced:
            ready &= ~(fenced & self._writing(step))
        if dump := ready & dumps:
            ready &= ~dump | self.dumps.free & ~self.under_way
        return ready

    @property
    def landed(self) -> Mask:
        """PEs with the gradients that the coming repetition of a BACK waits for."""
        lanes = self._lanes
        here = lanes.at_least(self._landed, self._even)
        from_host = self.from_host_next
        by_host = from_host and lanes.at_least(self._host_landed, self._even) & from_host
        to_col = self._to_col & ~from_host
        return by_host | ~from_host & (here & ~self._to_col | here >> lanes.half_bits & to_col)

    @property
    def fenced(self) -> Mask:
        """Where the coming op begins only when no weight is being written."""
        return self._first & self._fences

    @property
    def backward_next(self) -> Mask:
        """Where the coming op is a BACK."""
        return self._kinds[MacKind.BACK]

    def _writing(self, step: Step) -> Mask:
        """Where a weight will be written in this cycle or later."""
        mask = step.done & self.backward & self._updates
        for _, updates in self._updated:
            mask |= updates
        return mask

    def accepts(self, begin: Mask) -> Mask:
        """Where an op is taken if there is one."""
        dumps = self._kinds[MacKind.DUMP]
        return (
            self._lanes.row_pes & ~(self.waiting | self.dumps.active) | begin & self._last & ~dumps
        )

    def proceed(self, step: Step, begin: Mask, retired: Mask, start: Mask) -> None:
        """Go from one repetition to the next, and send results on their way: see `Macs`."""
        lanes = self._lanes
        back = step.done & self.backward
        self._pipeline.popleft()
        if ended := step.sum_ended & ~back:
            # Every result counts.
            written = self._by_axis(ended, self._writes_col)
            self._pipeline.append(Landing(written, written))
        else:
            self._pipeline.append(NOTHING)
        self._updated.popleft()
        self._updated.append((back, back & self._updates))
        if waits := self.waiting & ~self.asked_for:
            self._ask(waits)
        self._freed += retired
        self._landed += self._reverse.landed
        self._host_landed += self._rings.gradients_landed
        self._slots += self._reverse.taken - step.given
        self.dumps.proceed(retired, start)
        if step.rep_ended:
            self.active ^= step.rep_ended
            take_out(self.running, step.rep_ended)
        if begin:
            self._begin(begin)
        if start:
            filled = lanes.filled(start | start << lanes.half_bits)
            for name in ("_freed", "_landed", "_host_landed"):
                kept = getattr(self, name) & ~filled
                setattr(self, name, kept | self._even & filled)

    def take(self, index: int, where: Mask) -> None:
        """An op is taken."""
        op = self._table[index]
        self.coming[index, 0] = self.coming.get((index, 0), 0) | where
        keep = ~where
        self.waiting |= where
        self.asked_for &= keep
        self._prepared &= keep
        self._first |= where
        self._last = self._last & keep | where * (op.reps == 0)
        self._to_col = self._to_col & keep | where * op.to_col
        self.from_host_next = self.from_host_next & keep | where * op.from_host
        self._fences = self._fences & keep | where * op.fence
        for kind in self._kinds:
            self._kinds[kind] = self._kinds[kind] & keep | where * (kind == op.kind)

    def _by_axis(self, mask: Mask, on_columns: Mask) -> Mask:
        col = mask & on_columns
        return mask ^ col | col << self._lanes.half_bits

    def _ask(self, waits: Mask) -> None:
        """Take what coming repetitions wait for off what has been counted."""
        backs = self._kinds[MacKind.BACK]
        asks = waits & (self._prepared | ~backs)
        self._prepared |= waits
        self.asked_for |= asks
        for (index, rep), mask in self.coming.items():
            op = self._table[index]
            need = op.need_step if rep and op.kind == MacKind.BACK else op.need_first
            if not need or not (here := mask & asks):
                continue
            if op.kind == MacKind.DUMP:
                self.dumps.freed -= here * need
            elif op.from_host:
                self._host_landed -= here * need
            else:
                asked = (here << self._lanes.half_bits if op.to_col else here) * need
                if op.kind == MacKind.BACK:
                    self._landed -= asked
                else:
                    self._freed -= asked

    def _begin(self, where: Mask) -> None:
        """Load the registers of repetitions that begin."""
        lanes = self._lanes
        self._first &= ~where
        self.waiting ^= where & self._last
        # A RUN has asked for all of its repetitions at once.
        self.asked_for &= ~where | self._kinds[MacKind.RUN]
        for (index, rep), here in take_out(self.coming, where):
            op = self._table[index]
            if rep < op.reps:
                self.coming[index, rep + 1] = self.coming.get((index, rep + 1), 0) | here
                self._last = self._last & ~here | here * (rep + 1 == op.reps)
            if op.kind == MacKind.DUMP:
                self.dumps.begin(op, here)
                continue
            self.active |= here
            self.running[index, rep] = self.running.get((index, rep), 0) | here
            keep = ~lanes.filled(here)
            self._inner = self._inner & keep | here * op.inner
            self._inner_left = self._inner_left & keep | here * op.inner
            self._outer_left = self._outer_left & keep | here * op.outer
            keep = ~here
            self.reads_col = self.reads_col & keep | here * op.reads_col
            self._writes_col = self._writes_col & keep | here * op.to_col
            self.backward = self.backward & keep | here * (op.kind == MacKind.BACK)
            self._reduces = self._reduces & keep | here * bool(op.segments)
            self._updates = self._updates & keep | here * op.updates
            if op.segments:
                self._reverse.expect(op.reads_col, op.segments, here)
