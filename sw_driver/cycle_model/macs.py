"""The MACs of all PEs."""

from collections import defaultdict, deque
from typing import NamedTuple

from hw.config import MAC_CYCLES, TorusConfig
from hw.ops import Axis
from sw_driver.cycle_model.lanes import Lanes, Mask, Registers
from sw_driver.cycle_model.rings import Rings
from sw_driver.cycle_model.tables import Queue
from sw_driver.program import Op

__all__ = ["Landing", "Macs"]

_Place = tuple[int, int]


class _Begin(NamedTuple):
    """What a repetition begins with."""

    words: int
    outputs: int
    x_base: int
    reads_col: bool
    writes_col: bool
    need_free: int
    last_rep: bool


class Landing(NamedTuple):
    """Results that are written in a cycle, by the ring engine whose buffer they go to."""

    written: Mask
    last: Mask


class Step(NamedTuple):
    """What the MACs do in a cycle: steps, last ones of a sum, and last ones of a repetition.

    `consumed` are the ring engines whose words those of a repetition were.
    """

    step: Mask
    ended: Mask
    rep_ended: Mask
    consumed: Mask


_NOTHING = Landing(0, 0)
_IDLE = Step(0, 0, 0, 0)


def _begins(config: TorusConfig, op: Op) -> list[_Begin]:
    return [
        _Begin(
            words=op["words"],
            outputs=op["outputs"],
            x_base=(op["x_base"] + rep * op["x_stride"]) % (1 << config.addr_bits),
            reads_col=op["axis"] == Axis.COL.value,
            writes_col=op["dest"] == Axis.COL.value,
            need_free=op["need_free"],
            last_rep=rep == op["reps"],
        )
        for rep in range(op["reps"] + 1)
    ]


class Macs:
    """Registers of the MACs' control, as `hw.mac_control` has them, and results on their way."""

    def __init__(self, lanes: Lanes, config: TorusConfig, queue: Queue) -> None:
        self._lanes = lanes
        self._table = {
            index: _begins(config, op)
            for index, op in enumerate(queue.ops)
            if not (queue.is_end(index) or queue.is_loop(index))
        }
        self.running: dict[_Place, Mask] = defaultdict(int)
        self.active: Mask = 0
        self.last_rep: Mask = 0
        self.dest_free: Mask = 0
        self.reads_col: Mask = 0
        self.writes_col: Mask = 0
        self.words: Registers = 0
        self.words_left: Registers = 0
        self.outputs_left: Registers = 0
        self.x_base: Registers = 0
        self.x_addr: Registers = 0
        self.need_free: Registers = 0
        self.freed: Registers = 0
        self._pipeline: deque[Landing] = deque([_NOTHING] * MAC_CYCLES)

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
        lanes = self._lanes
        half = lanes.half_bits
        wants = self.active & self.dest_free
        if not wants:
            return _IDLE
        by_col = wants & self.reads_col
        x_addr = self.x_addr | self.x_addr << half
        arrived = lanes.nonzero(x_addr ^ rings.recv_ptr) & rings.own_here & rings.gathers
        by_ring = (wants ^ by_col | by_col << half) & (rings.older | rings.newest & arrived)
        step = (by_ring | by_ring >> half) & lanes.row_pes

        self.x_addr += step
        self.words_left -= step
        ended = step & ~lanes.nonzero(self.words_left)
        if not ended:
            return Step(step, 0, 0, 0)
        again = lanes.filled(ended)
        self.x_addr ^= (self.x_addr ^ self.x_base) & again
        self.words_left |= self.words & again
        self.outputs_left -= ended
        rep_ended = ended & ~lanes.nonzero(self.outputs_left)
        return Step(step, ended, rep_ended, by_ring & (rep_ended | rep_ended << half))

    def proceed(
        self, step: Step, taken: list[tuple[int, Mask]], retired: Mask, start: Mask
    ) -> None:
        """Begin with repetitions, and send results on their way.

        Parameters
        ----------
        step
            What was done in this cycle.
        taken
            Ops taken: index, and where.
        retired
            Where a ring engine is done with a repetition.
        start
            Where a program starts.
        """
        lanes = self._lanes
        half = lanes.half_bits

        def by_dest(mask: Mask) -> Mask:
            to_col = mask & self.writes_col
            return mask ^ to_col | to_col << half

        self._pipeline.popleft()
        if step.ended:
            self._pipeline.append(Landing(by_dest(step.ended), by_dest(step.rep_ended)))
        else:
            self._pipeline.append(_NOTHING)

        took = 0
        if rep_ended := step.rep_ended:
            done = rep_ended & self.last_rep
            self.active ^= done
            begun: list[tuple[_Place, Mask]] = []
            for place, mask in list(self.running.items()):
                if here := mask & rep_ended:
                    if mask == here:
                        del self.running[place]
                    else:
                        self.running[place] = mask ^ here
                    if here := here & ~done:
                        begun.append(((place[0], place[1] + 1), here))
            for place, mask in begun:
                self._begin(place, mask)
        for index, mask in taken:
            took |= mask
            self._begin((index, 0), mask)
            self._begin_op(self._table[index][0], mask)

        asking = self.active & ~self.dest_free | took
        self.active |= took
        if asking:
            served = by_dest(asking) & lanes.at_least(self.freed, self.need_free)
            self.freed -= lanes.filled(served) & self.need_free
            self.dest_free = self.dest_free & ~took | (served | served >> half) & lanes.row_pes
        self.freed += retired
        if start:
            self.freed &= ~lanes.filled(start | start << half)

    def _begin(self, place: _Place, where: Mask) -> None:
        """Load the registers of a repetition."""
        index, rep = place
        new = self._table[index][rep]
        self.running[place] |= where
        keep = ~self._lanes.filled(where)
        self.words = self.words & keep | where * new.words
        self.words_left = self.words_left & keep | where * new.words
        self.outputs_left = self.outputs_left & keep | where * new.outputs
        self.x_base = self.x_base & keep | where * new.x_base
        self.x_addr = self.x_addr & keep | where * new.x_base
        self.last_rep = self.last_rep & ~where | where * new.last_rep

    def _begin_op(self, new: _Begin, where: Mask) -> None:
        """Load what all repetitions of an op share."""
        lanes = self._lanes
        half = lanes.half_bits
        self.reads_col = self.reads_col & ~where | where * new.reads_col
        self.writes_col = self.writes_col & ~where | where * new.writes_col
        keep = ~lanes.filled(where | where << half)
        dest = where << half if new.writes_col else where
        self.need_free = self.need_free & keep | dest * new.need_free
