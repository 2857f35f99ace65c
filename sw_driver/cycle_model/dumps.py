"""DUMP ops of all PEs: records of their memories on the way to the row buffers."""

from hw.config import READ_CYCLES, TorusConfig
from sw_driver.cycle_model.lanes import Groups, Lanes, Mask, Registers
from sw_driver.cycle_model.steps import NOTHING, Landing
from sw_driver.cycle_model.training_ops import MacOp

__all__ = ["Dumps"]


class Dumps:
    """Registers of `hw.pe.dump` from where a repetition begins.

    A record takes `READ_CYCLES` + 1 cycles, the first of them to look at it, and one for each of
    its words.
    """

    REGISTERS = "active", "freed", "_records", "_chunks", "_phase"

    def __init__(self, lanes: Lanes, config: TorusConfig, used: bool) -> None:
        self._lanes = lanes
        self._used = used  # Where nobody asks, the count of what is retired means nothing.
        self._even: Registers = lanes.row_pes << config.rep_bits
        self.active: Mask = 0
        self.freed: Registers = self._even
        """Repetitions that row engines have retired, less those asked for; raised."""
        self._records: Registers = 0
        self._chunks: Registers = 0  # Words of a record.
        self._phase: Groups[int] = {}  # Cycles since the record in hand was looked at.

    @property
    def free(self) -> Mask:
        """Where the words of the coming repetition may be written."""
        return self._lanes.at_least(self.freed, self._even) & self._lanes.row_pes

    def landing(self) -> Landing:
        """Words that are written in this cycle."""
        if not self.active:
            return NOTHING
        lanes = self._lanes
        written = 0
        ends = 0
        for phase, mask in self._phase.items():
            if phase > READ_CYCLES:
                written |= mask
                ends |= mask ^ mask & lanes.nonzero(self._chunks ^ mask * (phase - READ_CYCLES))
        return Landing(written, ends ^ ends & lanes.nonzero(self._records ^ ends))

    def begin(self, op: MacOp, where: Mask) -> None:
        """A repetition begins."""
        self.active |= where
        self._records |= where * op.outer
        self._chunks |= where * op.inner
        self._phase[0] = self._phase.get(0, 0) | where

    def proceed(self, retired: Mask, start: Mask) -> None:
        """Go on by a cycle, before repetitions begin."""
        lanes = self._lanes
        if self._used:
            self.freed += retired & lanes.row_pes
        if start:
            filled = lanes.filled(start)
            self.freed = self.freed & ~filled | self._even & filled
        if not self.active:
            return
        phases: Groups[int] = {}
        for phase, mask in self._phase.items():
            ends = 0
            if phase > READ_CYCLES:
                ends = mask ^ mask & lanes.nonzero(self._chunks ^ mask * (phase - READ_CYCLES))
            if ends:
                self._records -= ends
                goes_on = ends & lanes.nonzero(self._records)
                phases[0] = phases.get(0, 0) | goes_on
                over = ends ^ goes_on
                self.active ^= over
                self._chunks &= ~lanes.filled(over)
            if mask ^ ends:
                phases[phase + 1] = phases.get(phase + 1, 0) | mask ^ ends
        self._phase = {phase: mask for phase, mask in phases.items() if mask}
