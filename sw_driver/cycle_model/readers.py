"""The readers of gradients of all PEs of a torus that trains and whose MACs have lanes."""

from collections import deque
from collections.abc import Mapping

from hw.config import READ_CYCLES, TorusConfig, TrainingConfig
from hw.op_fields import MacKind
from sw_driver.cycle_model.lanes import Groups, Lanes, Mask, Registers, take_out
from sw_driver.cycle_model.tables import Place
from sw_driver.cycle_model.training_ops import MacOp

__all__ = ["Readers"]

_BIAS_CYCLES = READ_CYCLES + 6  # From the read of a gradient until its bias is written.


class Readers:
    """Registers of `hw.mac.gradient_reader`: one op at a time, a gradient a cycle.

    Progress is kept as what has landed less what was asked for, raised so that no lane is ever
    negative.
    """

    REGISTERS = (
        "coming", "reading", "_prepared", "_asked_for", "_first", "_biases", "_to_col",
        "_from_host", "_rows", "_read", "_landed", "_host_landed", "changed",
    )  # fmt: skip

    def __init__(
        self,
        lanes: Lanes,
        config: TorusConfig,
        training: TrainingConfig,
        table: Mapping[int, MacOp],
    ) -> None:
        self._lanes = lanes
        self._table = table
        self.coming: Groups[Place] = {}
        """Repetitions that are read next."""
        self.reading: Groups[tuple[int, int, int]] = {}
        """Those that are being read, with the number of their next gradient."""
        self._prepared: Mask = 0
        self._asked_for: Mask = 0
        self._first: Mask = 0
        self._biases: Mask = 0
        self._to_col: Mask = 0
        self._from_host: Mask = 0
        self._rows: Registers = lanes.row_pes * training.gradient_rows  # That are free.
        self._read: Registers = 0  # Repetitions that have not begun.
        self._even: Registers = lanes.pes << config.rep_bits
        self._landed: Registers = self._even
        self._host_landed: Registers = self._even & lanes.filled(lanes.row_pes)
        self.changed: deque[Mask] = deque([0] * _BIAS_CYCLES)
        """Reads of cycles before by which a bias changes that has not been written."""

    @property
    def ready(self) -> Mask:
        """Where the next repetition may begin."""
        return self._lanes.nonzero(self._read)

    @property
    def changing(self) -> Mask:
        """Where a bias has not been written whose gradient was read."""
        mask = 0
        for changed in self.changed:
            mask |= changed
        return mask

    @property
    def active(self) -> Mask:
        """Where gradients are being read, or biases have not been written."""
        mask = self.changing
        for here in self.reading.values():
            mask |= here
        return mask

    def proceed(
        self, begin: Mask, freed: Mask, held: Mask, landed: Mask, host_landed: Mask
    ) -> None:
        """Read gradients, and go from one repetition to the next.

        Parameters
        ----------
        begin
            Where a repetition begins.
        freed
            Where a row is no longer needed.
        held
            Where no op begins to be read that changes biases.
        landed, host_landed
            As in `Dispatch.proceed`.
        """
        lanes = self._lanes
        ended, used = self._read_gradients()
        waiting = 0
        for mask in self.coming.values():
            waiting |= mask
        if waiting:
            held &= self._first & self._biases
            for mask in self.reading.values():
                held |= mask
            next_ones = waiting & self._asked_for & ~held
            if next_ones:
                next_ones &= self._there
            asks = waiting & self._prepared & ~self._asked_for
            self._prepared |= waiting
            self._asked_for |= asks
            for (index, rep), mask in self.coming.items():
                if here := mask & asks:
                    self._ask(self._table[index], rep, here)
            if next_ones:
                self._begin(next_ones)
        self._rows += freed - used
        self._read += ended - begin
        self._landed += landed
        self._host_landed += host_landed & lanes.row_pes

    def _read_gradients(self) -> tuple[Mask, Mask]:
        """Read a gradient; return where it is a repetition's last, and where it begins a row."""
        ended = used = changed = 0
        room = self._lanes.nonzero(self._rows)
        for (index, rep, number), mask in take_out(self.reading, self._lanes.row_pes):
            op = self._table[index]
            begins = op.row_starts[number]
            here = mask & room if begins else mask
            if held_up := mask ^ here:
                self.reading[index, rep, number] = held_up
            if not here:
                continue
            used |= here * begins
            changed |= here * op.biases
            if number + 1 == len(op.row_starts):
                ended |= here
            else:
                self.reading[index, rep, number + 1] = (
                    self.reading.get((index, rep, number + 1), 0) | here
                )
        self.changed.popleft()
        self.changed.append(changed)
        return ended, used

    @property
    def _there(self) -> Mask:
        lanes = self._lanes
        here = lanes.at_least(self._landed, self._even)
        by_host = self._from_host
        if by_host:
            by_host &= lanes.at_least(self._host_landed, self._even)
        here = here & ~self._to_col | here >> lanes.half_bits & self._to_col
        return by_host | here & ~self._from_host

    def _ask(self, op: MacOp, rep: int, here: Mask) -> None:
        need = op.need_step if rep else op.need_first
        if op.from_host:
            self._host_landed -= here * need
        else:
            self._landed -= (here << self._lanes.half_bits if op.to_col else here) * need

    def _begin(self, where: Mask) -> None:
        self._asked_for &= ~where
        self._first &= ~where
        for (index, rep), here in take_out(self.coming, where):
            key = index, rep, 0
            self.reading[key] = self.reading.get(key, 0) | here
            if rep < self._table[index].reps:
                self.coming[index, rep + 1] = self.coming.get((index, rep + 1), 0) | here

    def take(self, index: int, where: Mask) -> None:
        """An op is taken."""
        op = self._table[index]
        keep = ~where
        self._prepared &= keep
        self._asked_for &= keep
        if op.kind != MacKind.BACK:
            return
        self.coming[index, 0] = self.coming.get((index, 0), 0) | where
        self._first |= where
        self._biases = self._biases & keep | where * op.biases
        self._to_col = self._to_col & keep | where * op.to_col
        self._from_host = self._from_host & keep | where * op.from_host

    def start(self, where: Mask) -> None:
        """A program starts: forget all progress."""
        filled = self._lanes.filled(where | where << self._lanes.half_bits)
        for name in ("_landed", "_host_landed"):
            kept = getattr(self, name) & ~filled
            setattr(self, name, kept | self._even & filled)
