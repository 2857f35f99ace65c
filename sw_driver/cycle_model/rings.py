"""The ring engines of all PEs, row and column rings at once."""

from collections import defaultdict
from typing import NamedTuple

from hw.config import TorusConfig
from hw.ops import GatherKind
from sw_driver.cycle_model.lanes import Lanes, Mask, Registers
from sw_driver.cycle_model.sequencer import HEADER_BOOT, PROGRAM_BOOT
from sw_driver.cycle_model.tables import BLOCK_WORDS, Queue
from sw_driver.program import Op

__all__ = ["Rings"]

ROW, COL = 0, 1
# What an engine is at: index of the op in its queue, and repetition.
_Place = tuple[int, int]


class _Begin(NamedTuple):
    """What a repetition begins with."""

    own: int
    recv: int
    last_send: int
    recv_ptr: int
    need: int
    lag: int
    gathers: bool
    loads_program: bool
    last_rep: bool


def _begins(config: TorusConfig, op: Op) -> list[_Begin]:
    """The repetitions of an op."""
    found: list[_Begin] = []
    for rep in range(op["reps"] + 1):
        base = (op.get("base", 0) + rep * op.get("stride", 0)) % (1 << config.addr_bits)
        own = op.get("own", 0)
        found.append(
            _Begin(
                own=own,
                recv=op["recv"],
                last_send=op.get("last_send", 0),
                recv_ptr=base + own,
                need=op.get("need_step" if rep else "need_first", 0),
                lag=op["lag"],
                gathers=op["kind"] == GatherKind.GATHER.value,
                loads_program=op["kind"] == GatherKind.PROGRAM.value,
                last_rep=rep == op["reps"],
            )
        )
    return found


def _boot_op(blocks: int) -> Op:
    return {"kind": GatherKind.PROGRAM.value, "reps": blocks - 1, "recv": BLOCK_WORDS, "lag": 1}


class Rings:
    """Registers of the ring engines, as `hw.gather` has them.

    `gathered` is kept one higher, so that no lane is ever negative; the send pointer as what the
    receive pointer is `ahead` of it.
    """

    def __init__(
        self, lanes: Lanes, config: TorusConfig, queues: tuple[Queue, ...], blocks: int
    ) -> None:
        self._lanes = lanes
        self._tables: list[dict[int, list[_Begin]]] = [
            {
                index: _begins(config, op)
                for index, op in enumerate(queues[axis].ops)
                if not (queues[axis].is_end(index) or queues[axis].is_loop(index))
            }
            for axis in (ROW, COL)
        ]
        self._tables[ROW][HEADER_BOOT] = _begins(config, _boot_op(1))
        if blocks:
            self._tables[ROW][PROGRAM_BOOT] = _begins(config, _boot_op(blocks))
        self.running: list[dict[_Place, Mask]] = [defaultdict(int), defaultdict(int)]
        """Per axis, what is in progress, and where."""

        self.active: Mask = 0
        self.last_rep: Mask = 0
        self.own_here: Mask = 0
        self.receiving: Mask = 0
        self.fetched: Mask = 0
        self.gathers: Mask = 0
        self.loads_program: Mask = 0
        self.recv_left: Registers = 0
        self.send_left: Registers = 0
        self.recv_ptr: Registers = 0
        self.ahead: Registers = 0
        self.credit: Registers = 0
        self.need: Registers = 0
        self.lag: Registers = 0
        self.gathered: Registers = lanes.pes
        self.older: Mask = 0
        """Where `gathered` is positive: what the MAC reads is complete."""
        self.newest: Mask = lanes.pes
        """Where `gathered` is 0: the MAC reads the repetition in progress."""

    def move(self, receive: Mask, load: Mask) -> Mask:
        """Words received and sent in this cycle; where the output register is filled."""
        lanes = self._lanes
        may_send = self.own_here & lanes.nonzero(self.send_left)
        behind = lanes.nonzero(self.ahead)
        fetched = self.fetched
        fetch = may_send & behind & ~(fetched & ~load)
        bypass = may_send & receive & load & ~(behind | fetched)
        sent = fetch | bypass
        self.recv_left -= receive
        self.recv_ptr += receive
        self.ahead += receive
        self.ahead -= sent
        self.send_left -= sent
        self.fetched = fetch | fetched & ~load
        return fetched | bypass

    def finished(self) -> Mask:
        """Where a repetition is done."""
        lanes = self._lanes
        busy = lanes.nonzero(self.recv_left | self.send_left)
        return self.active & self.own_here & ~busy

    def proceed(
        self,
        finish: Mask,
        taken: list[tuple[int, int, Mask]],
        landed: Mask,
        consumed: Mask,
        start: Mask,
    ) -> None:
        """Begin with repetitions, and keep account of those that are done.

        Parameters
        ----------
        finish
            Where a repetition is done.
        taken
            Ops taken: axis, index, and where.
        landed, consumed
            Where a repetition of the MAC has landed, and where it has read its last word.
        start
            Where a program starts.
        """
        lanes = self._lanes
        again = finish & ~self.last_rep
        self.active ^= finish
        took = 0
        begun: list[tuple[int, _Place, Mask]] = []
        if finish:
            for axis, running in enumerate(self.running):
                for place, mask in list(running.items()):
                    if here := mask & finish:
                        if mask == here:
                            del running[place]
                        else:
                            running[place] = mask ^ here
                        if here := here & again:
                            begun.append((axis, (place[0], place[1] + 1), here))
        for axis, index, mask in taken:
            took |= mask
            begun.append((axis, (index, 0), mask))

        begin = again | took
        gathered = self.gathered  # Without the repetition that ends now.
        if finish or consumed:
            self.gathered += (finish & self.gathers) - consumed
            self._compare_gathered()
        if begun:
            for axis, place, mask in begun:
                self._begin(axis, place, mask)
            self.active |= begin

        waiting = self.active & ~self.own_here | begin
        lands = 0
        if waiting:
            lands = waiting & lanes.at_least(self.credit, self.need)
            self.credit -= lanes.filled(lands) & self.need
        self.credit += landed
        self.own_here = self.own_here & ~(finish | took) | lands

        missing = lanes.nonzero(self.recv_left)
        closed = missing & self.active & ~self.receiving | missing & begin
        self.receiving &= missing & ~begin
        if closed:
            # gathered < lag, or gathered + 1 < lag; `gathered` is one too high here.
            self.receiving |= closed & lanes.at_least(self.lag, gathered + begin)
        if start:
            keep = ~lanes.filled(start)
            self.credit &= keep
            self.gathered = self.gathered & keep | start
            self._compare_gathered()

    def _compare_gathered(self) -> None:
        lanes = self._lanes
        self.older = lanes.at_least(self.gathered, 2 * lanes.pes)
        self.newest = lanes.nonzero(self.gathered) ^ self.older

    def _begin(self, axis: int, place: _Place, where: Mask) -> None:
        """Load the registers of a repetition."""
        lanes = self._lanes
        index, rep = place
        new = self._tables[axis][index][rep]
        self.running[axis][place] |= where
        keep = ~lanes.filled(where)
        last = where & lanes.last_in_row
        self.recv_left = self.recv_left & keep | where * new.recv
        self.send_left = self.send_left & keep | (where ^ last) * new.recv | last * new.last_send
        self.recv_ptr = self.recv_ptr & keep | where * new.recv_ptr
        self.ahead = self.ahead & keep | where * new.own
        self.need = self.need & keep | where * new.need
        self.lag = self.lag & keep | where * new.lag
        self.gathers = self.gathers & ~where | where * new.gathers
        self.loads_program = self.loads_program & ~where | where * new.loads_program
        self.last_rep = self.last_rep & ~where | where * new.last_rep
