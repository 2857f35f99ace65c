"""The gateways of all rows, with their host queues."""

from collections import defaultdict
from typing import NamedTuple

from hw.config import TorusConfig
from hw.ops import RingKind
from sw_driver.cycle_model.lanes import Lanes, Mask, Registers
from sw_driver.cycle_model.sequencer import HEADER_BOOT, PROGRAM_BOOT
from sw_driver.cycle_model.tables import BLOCK_WORDS, Queue
from sw_driver.program import Op

__all__ = ["Fifos", "Gateways"]

_Place = tuple[int, int]
_BOOT_INDICES = (HEADER_BOOT, PROGRAM_BOOT)


class _Begin(NamedTuple):
    recv: int
    send: int
    sends: bool
    sinks: bool
    boots: bool
    last_rep: bool


def _begins(op: Op, *, boots: bool = False) -> list[_Begin]:
    return [
        _Begin(
            recv=op["recv"],
            send=op["send"],
            sends=op["kind"] == RingKind.SEND.value and not boots,
            sinks=op["kind"] == RingKind.SINK.value,
            boots=boots,
            last_rep=rep == op["reps"],
        )
        for rep in range(op["reps"] + 1)
    ]


def _boot_op(blocks: int) -> Op:
    return {"kind": RingKind.SEND.value, "reps": blocks - 1, "recv": 0, "send": BLOCK_WORDS}


class Fifos:
    """The first-in, first-out queues of all gateways, one way: `hw.queue`.

    The oldest item is in an output register, the others in a memory of one less than `depth`.
    """

    def __init__(self, lanes: Lanes, depth: int) -> None:
        self._lanes = lanes
        self._inner: Registers = 0
        self._room: Registers = lanes.gateways * (depth - 1)
        self.readable: Mask = 0
        self.writable: Mask = lanes.gateways

    def move(self, write: Mask, ready: Mask) -> None:
        """Items come in, where `writable`, and items that are `readable` go out where `ready`."""
        if not (write or self._inner or self.readable & ready):
            return
        lanes = self._lanes
        fetch = lanes.nonzero(self._inner) & (lanes.gateways ^ self.readable | ready)
        self.readable = self.readable & ~ready | fetch
        self._inner += write - fetch
        self._room += fetch - write
        self.writable = lanes.nonzero(self._room)


class Gateways:
    """Registers of the gateways, as `hw.gateway` and `hw.host_words` have them."""

    def __init__(self, lanes: Lanes, config: TorusConfig, queue: Queue, blocks: int) -> None:
        self._lanes = lanes
        self._beat_words = config.beat_words
        self._table = {
            index: _begins(op)
            for index, op in enumerate(queue.ops)
            if not (queue.is_end(index) or queue.is_loop(index))
        }
        for index, count in zip(_BOOT_INDICES, (1, blocks), strict=True):
            self._table[index] = _begins(_boot_op(count), boots=True)
        self.running: dict[_Place, Mask] = defaultdict(int)
        self.host_in = Fifos(lanes, config.host_fifo_beats)
        self.host_out = Fifos(lanes, config.host_fifo_beats)

        self.active: Mask = 0  # Boot blocks included.
        self.last_rep: Mask = 0
        self.sends: Mask = 0
        self.sinks: Mask = 0
        self.boots: Mask = 0
        self.recv_left: Registers = 0
        self.send_left: Registers = 0
        self._unpacked: Registers = 0  # Words left of the beat that is taken apart.
        self._packed: Registers = 0  # Words put together so far.
        self._packed_beat: Mask = 0
        self._full_beat: Registers = lanes.gateways * config.beat_words

        self._sending: Mask = 0
        self._missing: Mask = 0

    def ready(self, load: Mask) -> Mask:
        """Where a word from the ring is accepted, if the output register takes one at `load`."""
        wanted = self.active & self._missing
        if not wanted:
            return 0
        full = self.sinks & self._packed_beat & ~self.host_out.writable
        return wanted & (load | ~self._sending) & ~full

    def move(self, arrived: Mask, load: Mask, beats: Mask, collected: Mask) -> tuple[Mask, Mask]:
        """Move words and beats.

        Parameters
        ----------
        arrived
            Where a word from the ring is received.
        load
            Where the output register takes a word.
        beats
            Where a beat comes in.
        collected
            Where a beat goes out, if there is one.

        Returns
        -------
        Where the output register is filled, and where a word of a program is loaded.
        """
        lanes = self._lanes
        sending = self._sending
        unpacking = lanes.nonzero(self._unpacked)
        wanted = unpacking & sending
        sent = wanted & self.sends & load
        booted = wanted & self.boots
        taken = sent | booted
        forwarded = arrived & sending

        self.recv_left -= arrived
        self.send_left -= taken | forwarded
        self._sending = lanes.nonzero(self.send_left)
        self._missing = lanes.nonzero(self.recv_left)

        self._unpacked -= taken
        emptied = taken & ~(lanes.nonzero(self._unpacked) & self._sending)
        self._unpacked &= ~lanes.filled(emptied)
        unpacks = lanes.gateways ^ unpacking | emptied
        self._unpacked += (self.host_in.readable & unpacks) * self._beat_words
        self.host_in.move(beats, unpacks)

        given = self._packed_beat & self.host_out.writable
        self._packed_beat ^= given
        if packed := arrived & self.sinks:
            self._packed += packed
            closes = packed & ~(self._missing & lanes.nonzero(self._packed ^ self._full_beat))
            self._packed &= ~lanes.filled(closes)
            self._packed_beat |= closes
        self.host_out.move(given, collected)
        return sent | forwarded, booted

    def finished(self) -> Mask:
        """Where a repetition is done."""
        return self.active & ~(self._missing | self._sending)

    def proceed(self, finish: Mask, taken: list[tuple[int, Mask]]) -> None:
        """Begin with repetitions, after those that are done, and with ops that are taken."""
        if not (finish or taken):
            return
        begun: list[tuple[_Place, Mask]] = []
        done = finish & self.last_rep
        self.active ^= done
        for place, mask in list(self.running.items()):
            if here := mask & finish:
                if mask == here:
                    del self.running[place]
                else:
                    self.running[place] = mask ^ here
                if here := here & ~done:
                    begun.append(((place[0], place[1] + 1), here))
        begun += [((index, 0), mask) for index, mask in taken]
        for place, mask in begun:
            self._begin(place, mask)
        self._sending = self._lanes.nonzero(self.send_left)
        self._missing = self._lanes.nonzero(self.recv_left)

    def _begin(self, place: _Place, where: Mask) -> None:
        """Load the registers of a repetition."""
        index, rep = place
        new = self._table[index][rep]
        self.running[place] |= where
        self.active |= where
        # Both counts are 0.
        self.recv_left |= where * new.recv
        self.send_left |= where * new.send
        self.sends = self.sends & ~where | where * new.sends
        self.sinks = self.sinks & ~where | where * new.sinks
        self.boots = self.boots & ~where | where * new.boots
        self.last_rep = self.last_rep & ~where | where * new.last_rep
