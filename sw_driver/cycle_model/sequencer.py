"""The sequencers: programs come in, ops go out, one fetched ahead in each queue."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from hw.config import QUEUES
from sw_driver.cycle_model.lanes import Groups, Mask, frozen, take_out
from sw_driver.cycle_model.tables import HEADER, PROGRAM, Queue

__all__ = ["Sequencers"]

# An op's index in its queue, and the turns that its loop has still to make; None outside of one.
_Head = tuple[int, int | None]
_START: _Head = (-1, None)  # A JUMP to the first op.
_REGISTERS = (
    "_asks", "_takes_header", "_takes_program", "_runs", "_quiet", "full", "ended", "_waiting",
    "_room",
)  # fmt: skip


def _looping(heads: Groups[_Head]) -> list[tuple[int, Mask, int]]:
    """The queues that are in a loop: index, where, and turns left."""
    return sorted(
        (index, mask, turns) for (index, turns), mask in heads.items() if turns is not None
    )


class Sequencers:
    """Sequencers that run the same program: one in every lane of `units`; see `hw.sequencer`.

    Parameters
    ----------
    units
        The lanes that have one.
    queues
        The queues of ops that they feed, by number.
    boot
        Number of the queue that brings programs.
    """

    def __init__(self, units: Mask, queues: dict[int, Queue], boot: int) -> None:
        self._units = units
        self._queues = queues
        self._boot = boot
        self.watchful = True  # Not all of them are in the midst of a program; no register.
        self._asks: Mask = units
        self._takes_header: Mask = 0
        self._takes_program: Mask = 0
        self._runs: Mask = 0
        self._quiet: Mask = 0  # Engines were idle in the cycle before, and no op waited.

        self.full: list[Mask] = [0] * QUEUES
        """By queue, where an op waits."""
        self.ended: list[Mask] = [units] * QUEUES
        """By queue, where there is no further op."""
        self.arrived: list[tuple[int, int, Mask]] = []
        """Ops that wait from the next cycle on: queue, index, and where."""
        self._waiting: list[Groups[int]] = [{} for _ in range(QUEUES)]
        self._room: list[Mask] = [0] * QUEUES  # Neither full, nor ended, nor being read.
        self._heads: dict[int, Groups[_Head]] = {number: {} for number in queues}
        self._slots: list[Mask] = [0] * QUEUES  # By cycle modulo QUEUES: where queue 0 is served.
        self._coming: dict[int, list[tuple[int, int, Mask]]] = defaultdict(list)

    def state(self, cycle: int) -> tuple[Any, ...]:
        """All that decides what happens from now on, but for how often loops will turn."""
        heads = [
            tuple(sorted((index, turns is None, mask) for (index, turns), mask in one.items()))
            for one in self._heads.values()
        ]
        coming = sorted((when - cycle, tuple(what)) for when, what in self._coming.items())
        slots = [self._slots[(cycle + phase) % QUEUES] for phase in range(QUEUES)]
        registers = frozen([getattr(self, name) for name in _REGISTERS])
        return tuple(heads), tuple(coming), *slots, registers

    def turns(self) -> list[int]:
        """How often each loop will turn from now on, in an order that `state` determines."""
        return [turns for heads in self._heads.values() for _, _, turns in _looping(heads)]

    def turn_less(self, fewer: Iterator[int]) -> None:
        """Take turns from each loop, as many as `fewer` says, in that order."""
        for heads in self._heads.values():
            looping = _looping(heads)
            for index, _, turns in looping:
                del heads[index, turns]
            for index, mask, turns in looping:
                heads[index, turns - next(fewer)] = mask

    def watch(self, idle: Mask) -> Mask:
        """Where it goes on with programs, as engines were idle in the cycle before.

        To be called in every cycle in which it is `watchful`, before anything else changes; `idle`
        says which engines are idle in this one.
        """
        full = self.full[0] | self.full[1] | self.full[2]
        quiet, self._quiet = self._quiet, idle & ~full
        waits = (self._takes_header | self._takes_program) & ~self.full[self._boot]
        done = self._runs
        if done:
            done &= self.ended[0] & self.ended[1] & self.ended[2] & ~full
        return (waits | done) & quiet | self._asks

    def fetch(self, cycle: int) -> None:
        """Serve one queue: begin to read an op, or carry out a LOOP or JUMP, where there is room.

        What was taken in this cycle makes room for the next one.
        """
        if self.arrived:
            self.arrived = []
        rooms = self._room
        if rooms[0] or rooms[1] or rooms[2]:
            for number, queue in self._queues.items():
                if here := rooms[number] & self._slots[(cycle - number) % QUEUES]:
                    self._read(cycle, number, queue, here)
        if cycle not in self._coming:
            return
        for number, index, where in self._coming.pop(cycle):
            if index < 0:
                self.ended[number] |= where
            else:
                self._offer(number, index, where)

    def _read(self, cycle: int, number: int, queue: Queue, where: Mask) -> None:
        heads = self._heads[number]
        for (index, turns), here in take_out(heads, where):
            if index < 0:
                following = 0, None
            elif queue.is_loop(index):
                left = queue.ops[index]["count"] if turns is None else turns
                target = queue.ops[index]["target"]
                following = (target, left - 1) if left else (index + 1, None)
            else:
                self._room[number] ^= here
                if queue.is_end(index):
                    self.watchful = True
                    self._coming[cycle + QUEUES - 1].append((number, -1, here))
                else:
                    read = cycle + QUEUES * queue.lines - 1
                    self._coming[read].append((number, index, here))
                following = index + 1, turns
            heads[following] = heads.get(following, 0) | here

    def _offer(self, number: int, index: int, where: Mask) -> None:
        self.full[number] |= where
        waiting = self._waiting[number]
        waiting[index] = waiting.get(index, 0) | where
        self.arrived.append((number, index, where))

    def take(self, number: int, taken: Mask) -> list[tuple[int, Mask]]:
        """Ops are taken; return their indices, and where."""
        self.full[number] ^= taken
        self._room[number] |= taken & ~self.ended[number]
        return take_out(self._waiting[number], taken)

    def proceed(self, cycle: int, where: Mask) -> Mask:
        """Go on where `watch` said; where a program starts."""
        if asks := self._asks:
            self._asks = 0
            self._takes_header |= asks
            self._offer(self._boot, HEADER, asks)
            where &= ~asks
        if not where:
            return 0
        start = self._takes_program & where
        header = self._takes_header & where
        self._asks |= self._runs & where
        self._runs = self._runs & ~where | start
        self._takes_program = self._takes_program & ~where | header
        self._takes_header &= ~where
        if header:
            self._offer(self._boot, PROGRAM, header)
        if start:
            for phase in range(QUEUES):
                self._slots[phase] &= ~start
            self._slots[(cycle + 1) % QUEUES] |= start
            for number, heads in self._heads.items():
                take_out(heads, start)
                heads[_START] = heads.get(_START, 0) | start
                self.ended[number] &= ~start
                self._room[number] |= start
            self.watchful = self._runs != self._units
        return start
