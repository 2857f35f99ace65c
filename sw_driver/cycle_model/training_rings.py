"""The ring engines of a torus that trains: a region is free when all that read it have done so."""

from hw.config import TorusConfig
from sw_driver.cycle_model.lanes import Lanes, Mask, Registers
from sw_driver.cycle_model.rings import ROW, Repetition, Rings
from sw_driver.cycle_model.steps import Step
from sw_driver.cycle_model.tables import Queue

__all__ = ["TrainingRings"]


class TrainingRings(Rings):
    """`Rings` as `hw.ring.gather` has them where the MAC reads a region more than once.

    `_reads` is what the MAC has read less what was asked for, raised as the other counts are.
    """

    REGISTERS = (*Rings.REGISTERS, "gradients", "gradients_landed", "_reads")

    def __init__(
        self, lanes: Lanes, config: TorusConfig, queues: tuple[Queue, ...], blocks: int
    ) -> None:
        super().__init__(lanes, config, queues, blocks)
        self.gradients: Mask = 0
        """Where the repetition in progress brings gradients of the host."""
        self.gradients_landed: Mask = 0
        """Where the last one of these came in the cycle before."""
        self._last_came: Mask = 0  # Where it comes in this one.
        # The words of a repetition that come after the last one for a PE.
        self._after: Registers = 0
        for col in range(lanes.cols):
            self._after |= col * lanes.lanes((row, col) for row in range(lanes.rows))
        self._reads: Registers = self._even

    def move(self, receive: Mask, load: Mask) -> tuple[Mask, Mask]:
        """Receive words, and send some: see `Rings`."""
        moved = super().move(receive, load)
        came = receive & self.gradients
        self._last_came = came and came ^ came & self._lanes.nonzero(self.recv_left ^ self._after)
        return moved

    def proceed(
        self, finish: Mask, begin: Mask, landed: Mask, step: Step, start: Mask
    ) -> list[tuple[int, Mask]]:
        """Go from one repetition to the next: see `Rings`."""
        self.gradients_landed = self._last_came
        taken = super().proceed(finish, begin, landed, step, start)
        self._reads += step.consumed | step.reread
        if start:
            filled = self._lanes.filled(start)
            self._reads = self._reads & ~filled | self._even & filled
        return taken

    def _may_overwrite(self) -> Mask:
        return self._lanes.at_least(self._reads, self._even)

    def _ask(self, coming: Repetition, where: Mask) -> None:
        super()._ask(coming, where)
        if coming.need_read:
            self._reads -= where * coming.need_read

    def _begin(self, where: Mask) -> list[tuple[int, Mask]]:
        self.gradients &= ~where
        for (index, rep), mask in self.coming[ROW].items():
            if self._tables[ROW][index][rep].gradients:
                self.gradients |= mask & where
        return super()._begin(where)
