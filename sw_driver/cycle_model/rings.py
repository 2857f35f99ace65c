"""The ring engines of all PEs, row and column rings at once."""

from typing import NamedTuple

from hw.config import TorusConfig
from hw.op_fields import GatherKind
from sw_driver.cycle_model.lanes import Groups, Lanes, Mask, Registers, take_out
from sw_driver.cycle_model.steps import Step
from sw_driver.cycle_model.tables import HEADER, PROGRAM, PROGRAM_BLOCK_WORDS, Place, Queue
from sw_driver.program.image import Op

__all__ = ["ROW", "Repetition", "Rings"]

ROW, COL = 0, 1


class Repetition(NamedTuple):
    """What the registers of an engine hold of a repetition; words are counted as they are moved."""

    own: int
    recv: int
    sends_all: bool
    need: int
    lag: int
    need_read: int
    gathers: bool
    gradients: bool
    last: bool


def _repetitions(op: Op, moved: int) -> list[Repetition]:
    return [
        Repetition(
            own=op["own"] // moved,
            recv=op["recv"] // moved,
            sends_all=bool(op["to_gateway"]),
            need=op["need_step" if rep else "need_first"],
            # One or the other: a torus that trains has no lag.
            lag=op.get("lag", 0),
            need_read=op.get("need_read_step" if rep else "need_read", 0),
            gathers=op["kind"] == GatherKind.GATHER,
            gradients=op["kind"] == GatherKind.GRADIENT,  # Those that are counted.
            last=rep == op["reps"],
        )
        for rep in range(op["reps"] + 1)
    ]


def _boot(blocks: int, moved: int) -> list[Repetition]:
    """The built-in op that brings blocks of a program."""
    return [
        Repetition(0, PROGRAM_BLOCK_WORDS // moved, False, 0, 1, 0, False, False, rep == blocks - 1)
        for rep in range(blocks)
    ]


class Rings:
    """Registers of the ring engines, as `hw.ring.gather` and `hw.ring.hop` have them.

    Counts are kept as what is left of them. `credit` is what has landed less what was asked for,
    and `gathered` what waits for the MAC, both raised so that no lane is ever negative.
    """

    REGISTERS = (
        "running", "coming", "active", "gathers", "own_here", "recv_left", "send_left", "have",
        "ahead", "receiving", "sending", "latched", "offered", "prepared", "_lag", "_credit",
        "_gathered", "complete", "newest", "readable",
    )  # fmt: skip

    def __init__(
        self, lanes: Lanes, config: TorusConfig, queues: tuple[Queue, ...], blocks: int
    ) -> None:
        self._lanes = lanes
        moved = config.link_words
        self._pairs = config.lanes_in > moved
        self._tables = [
            {index: _repetitions(op, moved) for index, op in queues[axis].engine_ops()}
            for axis in (ROW, COL)
        ]
        self._tables[ROW][HEADER] = _boot(1, moved)
        self._tables[ROW][PROGRAM] = _boot(blocks, moved)
        self.running: list[Groups[Place]] = [{}, {}]
        """By axis, repetitions in progress."""
        self.coming: list[Groups[Place]] = [{}, {}]
        """By axis, those that come next."""

        # The repetition in progress.
        self.active: Mask = 0
        self.gathers: Mask = 0
        self.own_here: Mask = lanes.pes
        self.recv_left: Registers = 0
        self.send_left: Registers = 0
        self.have: Registers = 0
        self.ahead: Registers = 0  # Words that it has and has not sent.
        self.receiving: Mask = 0
        self.sending: Mask = 0
        self.latched: Mask = 0
        # The coming one.
        self.offered: Mask = 0
        self.prepared: Mask = 0
        self._lag: Registers = 0
        # Progress of the MAC.
        self._even: Registers = lanes.pes << config.rep_bits
        self._credit: Registers = self._even
        self._gathered: Registers = lanes.pes  # Raised by 1.
        self.complete: Mask = 0
        """Where `gathered` is above 0: what the MAC reads is complete."""
        self.newest: Mask = lanes.pes
        """Where it is 0: the MAC reads the repetition in progress."""
        self.readable: Mask = 0
        """Where the MAC may read its next word."""

    def look_ahead(self, row: Registers, consumed: Mask) -> None:
        """Find out where the MAC may read in the next cycle, before anything else changes.

        Parameters
        ----------
        row
            The row, of `lanes_in` words, of each repetition in progress that it reads next.
        consumed
            Where it has read a repetition to its end.
        """
        readable = self.complete
        here = self.active & self.gathers & self.own_here
        newest = self.newest
        if consumed:
            more = self._lanes.at_least(self._gathered, 3 * self._lanes.pes)
            newest = newest & ~consumed | readable & ~more & consumed
            readable &= ~consumed | more
        if here := here & newest:
            readable |= here & self._here(row)
        self.readable = readable

    def _here(self, row: Registers) -> Mask:
        """Where a row has come; if it is of two words, the last one may lack a word."""
        if not self._pairs:
            return self._lanes.nonzero(row ^ self.have)
        last = self.have & ~self.receiving & self._lanes.pes
        return self._lanes.nonzero(row ^ self._lanes.halved(self.have)) | last

    @property
    def idle(self) -> Mask:
        """Engines without an op, in progress or waiting."""
        return self._lanes.pes & ~(self.active | self.offered)

    def finished(self) -> Mask:
        """Where a repetition is done."""
        candidates = self.active & self.own_here
        return candidates and candidates & ~(self.receiving | self.sending)

    def move(self, receive: Mask, load: Mask) -> tuple[Mask, Mask]:
        """Receive words, and send some, where the output register takes one at `load`.

        Returns
        -------
        Where the output register is filled, and where a word left the buffer or passed it by.
        """
        lanes = self._lanes
        latched = self.latched
        sending = self.sending & self.own_here
        if not (sending or latched or receive):
            return 0, 0
        behind = lanes.nonzero(self.ahead)
        held = latched ^ latched & load
        reads = sending & behind
        reads ^= reads & held
        passes = sending & receive & load
        passes ^= passes & (behind | latched)
        sent = reads | passes
        if receive:
            self.recv_left -= receive
            self.have += receive
            self.ahead += receive
            self.receiving = lanes.nonzero(self.recv_left)
        if sent:
            self.ahead -= sent
            self.send_left -= sent
            self.sending = lanes.nonzero(self.send_left)
        self.latched = reads | held
        return latched | passes, sent

    def begin(self, finish: Mask) -> Mask:
        """Where the coming repetition begins, as the one in progress is done at `finish`."""
        ready = self.offered & self.prepared
        if ready:
            ready &= self._lanes.pes ^ self.active | finish
        return ready and ready & self._may_overwrite()

    def proceed(
        self, finish: Mask, begin: Mask, landed: Mask, step: Step, start: Mask
    ) -> list[tuple[int, Mask]]:
        """Go from one repetition to the next.

        Parameters
        ----------
        finish, begin
            Where one is done, and where one begins.
        landed
            Where a repetition of the MAC has landed.
        step
            What the MACs do.
        start
            Where a program starts.

        Returns
        -------
        The axis, and where, of ops that are taken: the last repetition has begun.
        """
        lanes = self._lanes
        even = lanes.pes
        prepare = self.offered ^ self.offered & self.prepared
        if prepare:
            prepare &= self.own_here | even ^ self.active
        away = even ^ self.own_here | begin
        if away:
            self.own_here = self.own_here & ~away | away & lanes.at_least(self._credit, self._even)
        consumed = step.consumed
        if finish or consumed:
            self._gathered += (finish & self.gathers) - consumed
            self._compare_gathered()
        if prepare:
            self.prepared |= prepare
            for axis, coming in enumerate(self.coming):
                for (index, rep), mask in coming.items():
                    if here := mask & prepare:
                        self._ask(self._tables[axis][index][rep], here)
        self._credit += landed
        if finish:
            self.active ^= finish
            for running in self.running:
                take_out(running, finish)
        taken = self._begin(begin) if begin else []
        if start:
            filled = lanes.filled(start)
            self._credit = self._credit & ~filled | self._even & filled
            self._gathered = self._gathered & ~filled | start
            self._compare_gathered()
        return taken

    def offer(self, axis: int, index: int, where: Mask) -> None:
        """An op waits from now on."""
        self.coming[axis][index, 0] = self.coming[axis].get((index, 0), 0) | where
        self.offered |= where
        lag = self._tables[axis][index][0].lag
        self._lag = self._lag & ~self._lanes.filled(where) | where * lag

    def _may_overwrite(self) -> Mask:
        """Where the region of the coming repetition is free."""
        waiting = self._gathered + (self.active & self.gathers)
        return self._lanes.at_least(self._lag, waiting)

    def _ask(self, coming: Repetition, where: Mask) -> None:
        """Take what a repetition waits for off what has been counted."""
        if coming.need:
            self._credit -= where * coming.need

    def _compare_gathered(self) -> None:
        self.complete = self._lanes.at_least(self._gathered, 2 * self._lanes.pes)
        self.newest = self._lanes.nonzero(self._gathered) ^ self.complete

    def _begin(self, where: Mask) -> list[tuple[int, Mask]]:
        """Load the registers of repetitions that begin; return which ops are taken."""
        lanes = self._lanes
        self.active |= where
        self.prepared ^= where
        taken: list[tuple[int, Mask]] = []
        for axis, (coming, running) in enumerate(zip(self.coming, self.running, strict=True)):
            for (index, rep), here in take_out(coming, where):
                new = self._tables[axis][index][rep]
                running[index, rep] = running.get((index, rep), 0) | here
                if new.last:
                    taken.append((axis, here))
                    self.offered ^= here
                else:
                    coming[index, rep + 1] = coming.get((index, rep + 1), 0) | here
                # What is left of the one before is 0.
                self.recv_left |= here * new.recv
                last = here & lanes.last_in_row
                self.send_left |= (here ^ last) * new.recv
                if new.sends_all:
                    self.send_left |= last * (new.own + new.recv)
                keep = ~lanes.filled(here)
                self.have = self.have & keep | here * new.own
                self.ahead = self.ahead & keep | here * new.own
                self.gathers = self.gathers & ~here | here * new.gathers
        self.receiving = lanes.nonzero(self.recv_left)
        self.sending = lanes.nonzero(self.send_left)
        return taken
