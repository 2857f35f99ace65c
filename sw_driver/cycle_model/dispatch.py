"""The ops of the MAC queues of a torus that trains: which one comes next, and what it waits for."""

from collections.abc import Mapping

from hw.config import TorusConfig
from hw.op_fields import MacKind
from sw_driver.cycle_model.dumps import Dumps
from sw_driver.cycle_model.lanes import Groups, Lanes, Mask, Registers, take_out
from sw_driver.cycle_model.readers import Readers
from sw_driver.cycle_model.tables import Place
from sw_driver.cycle_model.training_ops import MacOp

__all__ = ["Dispatch"]


class Dispatch:
    """Registers of the coming repetition of `hw.mac.mac_control`, `hw.mac.back_control` and
    `hw.pe.dump`. Where MACs have lanes, `readers` ask for what a BACK waits for.

    One op waits at a time, of whichever kind: see `hw.pe.mac_dispatch`. Progress is kept as what
    has been done less what was asked for, raised so that no lane is ever negative.
    """

    REGISTERS = (
        "coming", "waiting", "asked_for", "_prepared", "first", "_last", "_kinds", "_to_col",
        "from_host", "_fences", "_freed", "_landed", "_host_landed",
    )  # fmt: skip

    def __init__(
        self,
        lanes: Lanes,
        config: TorusConfig,
        table: Mapping[int, MacOp],
        dumps: Dumps,
        readers: Readers | None,
    ) -> None:
        self._lanes = lanes
        self._table = table
        self._dumps = dumps
        self._readers = readers
        self.coming: Groups[Place] = {}
        """Repetitions that come next."""
        self.waiting: Mask = 0
        """Where one waits to begin."""
        self.asked_for: Mask = 0
        """Where progress is about it."""
        self._prepared: Mask = 0  # Of a BACK.
        self.first: Mask = 0
        """Where it is the first of its op."""
        self._last: Mask = 0
        self._kinds: dict[int, Mask] = dict.fromkeys(
            (MacKind.RUN.value, MacKind.BACK.value, MacKind.DUMP.value), 0
        )
        self._to_col: Mask = 0
        self.from_host: Mask = 0
        """Where it needs gradients that the host sends."""
        self._fences: Mask = 0
        self._even: Registers = lanes.pes << config.rep_bits
        self._freed: Registers = self._even
        self._landed: Registers = self._even
        self._host_landed: Registers = self._even & lanes.filled(lanes.row_pes)

    @property
    def fenced(self) -> Mask:
        """Where it begins only when no weight is being written."""
        return self.first & self._fences

    @property
    def backs(self) -> Mask:
        """Where it is one of a BACK."""
        return self._kinds[MacKind.BACK]

    @property
    def dumps(self) -> Mask:
        """Where it is one of a DUMP."""
        return self._kinds[MacKind.DUMP]

    @property
    def landed(self) -> Mask:
        """PEs with the gradients that a BACK waits for."""
        if self._readers is not None:
            return self._readers.ready
        lanes = self._lanes
        here = lanes.at_least(self._landed, self._even)
        by_host = self.from_host
        if by_host:
            by_host &= lanes.at_least(self._host_landed, self._even)
        here = here & ~self._to_col | here >> lanes.half_bits & self._to_col
        return by_host | here & ~self.from_host

    def ready(self, where: Mask) -> Mask:
        """Where a repetition may begin, as far as its own counts go; `where` no other is done."""
        ready = self.waiting & self.asked_for & where
        if first := ready & self.first & self._kinds[MacKind.RUN]:
            free = self._lanes.at_least(self._freed, self._even)
            to_col = self._to_col
            ready &= ~first | free & ~to_col | free >> self._lanes.half_bits & to_col
        if back := ready & self.backs:
            ready &= ~back | self.landed
        return ready

    @property
    def accepts(self) -> Mask:
        """Where an op is taken if there is one."""
        return self._lanes.row_pes & ~(self.waiting | self._dumps.active)

    def take(self, index: int, where: Mask) -> None:
        """An op is taken."""
        op = self._table[index]
        self.coming[index, 0] = self.coming.get((index, 0), 0) | where
        keep = ~where
        self.waiting |= where
        self.asked_for &= keep
        self._prepared &= keep
        self.first |= where
        self._last = self._last & keep | where * (op.reps == 0)
        self._to_col = self._to_col & keep | where * op.to_col
        self.from_host = self.from_host & keep | where * op.from_host
        self._fences = self._fences & keep | where * op.fence
        for kind in self._kinds:
            self._kinds[kind] = self._kinds[kind] & keep | where * (kind == op.kind)

    def proceed(self, retired: Mask, landed: Mask, host_landed: Mask) -> None:
        """Ask for progress, and count it, before repetitions begin.

        Parameters
        ----------
        retired
            Where a ring engine is done with a repetition.
        landed, host_landed
            Where a gradient has landed, and where all of a repetition that the host sent.
        """
        if waits := self.waiting & ~self.asked_for:
            asks = waits & (self._prepared | ~self.backs)
            if self._readers is not None:
                asks |= waits
            self._prepared |= waits
            self.asked_for |= asks
            for (index, rep), mask in self.coming.items():
                if here := mask & asks:
                    self._ask(self._table[index], rep, here)
        self._freed += retired
        if self._readers is None:
            self._landed += landed
            self._host_landed += host_landed

    def _ask(self, op: MacOp, rep: int, here: Mask) -> None:
        backward = op.kind == MacKind.BACK
        need = op.need_step if rep and backward else op.need_first
        asked = (here << self._lanes.half_bits if op.to_col else here) * need
        if op.kind == MacKind.DUMP:
            self._dumps.freed -= here * need
        elif backward and self._readers is not None:
            return
        elif op.from_host:
            self._host_landed -= here * need
        elif backward:
            self._landed -= asked
        else:
            self._freed -= asked

    def begin(self, where: Mask) -> list[tuple[Place, Mask]]:
        """Repetitions begin; return which."""
        self.first &= ~where
        self.waiting ^= where & self._last
        # A RUN has asked for all of its repetitions at once.
        kept = self._kinds[MacKind.RUN] | (self.backs if self._readers is not None else 0)
        self.asked_for &= ~where | kept
        begun = take_out(self.coming, where)
        for (index, rep), here in begun:
            reps = self._table[index].reps
            if rep < reps:
                self.coming[index, rep + 1] = self.coming.get((index, rep + 1), 0) | here
                self._last = self._last & ~here | here * (rep + 1 == reps)
        return begun

    def start(self, where: Mask) -> None:
        """A program starts: forget all progress."""
        filled = self._lanes.filled(where | where << self._lanes.half_bits)
        for name in ("_freed", "_landed", "_host_landed"):
            kept = getattr(self, name) & ~filled
            setattr(self, name, kept | self._even & filled)
