"""How often each MAC works and each link moves a word: counts of single PEs and links."""

from typing import NamedTuple

from sw_driver.cycle_model.lanes import Lanes, Mask
from sw_driver.cycle_model.machine import Machine
from sw_driver.cycle_model.signals import Signals

__all__ = ["Traffic", "Use"]


class Use(NamedTuple):
    """What was counted of a torus of R rows and C columns.

    Attributes
    ----------
    cycles
        Cycles that were looked at.
    macs
        [R][C]: steps of each PE's MAC.
    rows
        [R][C + 1]: words that reached each node of a row ring over the link before it: PE 0 over
        the one from the gateway, and so on; the last one is the gateway, over that from the last
        PE.
    cols
        [R][C]: words that reached each PE over the link of its column ring, from the PE in the row
        before; those of row 0 come from the last row.
    host_in, host_out
        Beats that the host gave, and took.
    """

    cycles: int
    macs: list[list[int]]
    rows: list[list[int]]
    cols: list[list[int]]
    host_in: int
    host_out: int


class _Sums:
    """A sum for every lane: masks are added as whole numbers, and read before a lane runs over."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._most = (1 << lanes.width_bits) - 1
        self._open, self._added = 0, 0
        self._sums: dict[Mask, int] = {}

    def add(self, mask: Mask) -> None:
        """Add 1 in the lanes of a mask."""
        if self._added == self._most:
            self._flush()
        self._open += mask
        self._added += 1

    def at(self, lane: Mask) -> int:
        """The sum of a lane, given as its mask."""
        self._flush()
        return self._sums.get(lane, 0)

    def _flush(self) -> None:
        rest, bit, width = self._open, 1, self._lanes.width_bits
        while rest:
            if found := rest & self._most:
                self._sums[bit] = self._sums.get(bit, 0) + found
            rest >>= width
            bit <<= width
        self._open = self._added = 0


class Traffic:
    """An observer of a machine that counts what each PE and each link does."""

    def __init__(self, machine: Machine) -> None:
        self._lanes = machine.lanes
        self._cycles = self._gave = self._took = 0
        self._steps, self._words = _Sums(machine.lanes), _Sums(machine.lanes)

    def see(self, signals: Signals) -> None:
        """Count a cycle."""
        self._cycles += 1
        self._gave += signals.gave
        self._took += signals.took
        self._steps.add(signals.step.done)
        self._words.add(signals.received)

    def use(self) -> Use:
        """What was counted so far."""
        lanes = self._lanes

        def grid(sums: _Sums, cols: int, shift: int = 0) -> list[list[int]]:
            return [[sums.at(lanes.lanes([(row, col)]) << shift) for col in range(cols)]
                    for row in range(lanes.rows)]  # fmt: skip

        return Use(
            cycles=self._cycles,
            macs=grid(self._steps, lanes.cols),
            rows=grid(self._words, lanes.cols + 1),
            cols=grid(self._words, lanes.cols, lanes.half_bits),
            host_in=self._gave,
            host_out=self._took,
        )
