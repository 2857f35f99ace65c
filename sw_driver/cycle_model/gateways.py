"""The gateways of all rows, with their host queues."""

from typing import NamedTuple

from hw.config import TorusConfig
from hw.op_fields import RingKind
from sw_driver.cycle_model.lanes import Groups, Lanes, Mask, Registers, take_out
from sw_driver.cycle_model.tables import HEADER, PROGRAM, PROGRAM_BLOCK_WORDS, Place, Queue
from sw_driver.program.image import Op

__all__ = ["Fifos", "Gateways"]


class _Op(NamedTuple):
    """What the registers of a gateway hold of an op; words are counted as they are moved."""

    recv: int
    send: int
    kind: int
    reps: int


def _op(op: Op, moved: int) -> _Op:
    return _Op(op["recv"] // moved, op["send"] // moved, op["kind"], op["reps"])


def _boot(blocks: int, moved: int) -> _Op:
    """The built-in op that brings blocks of a program."""
    return _Op(0, PROGRAM_BLOCK_WORDS // moved, RingKind.PROGRAM, blocks - 1)


class Fifos:
    """The first-in, first-out queues of all gateways, one way: `hw.cells.queue`.

    The oldest item is in an output register, the others in a memory of one less than `depth`.
    """

    REGISTERS = "_inner", "_room", "readable", "writable"

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
    """Registers of the gateways, as `hw.host.gateway` and `hw.host.host_words` have them."""

    REGISTERS = (
        "running", "active", "_last", "sends", "sinks", "_gradients", "_boots", "_recv_left",
        "_send_left", "missing", "sending", "_unpacked", "_packed", "_packed_beat",
    )  # fmt: skip

    def __init__(self, lanes: Lanes, config: TorusConfig, queue: Queue, blocks: int) -> None:
        self._lanes = lanes
        moved = config.link_words
        self._beat_words = config.beat_words // moved
        self._table = {index: _op(op, moved) for index, op in queue.engine_ops()}
        self._table[HEADER] = _boot(1, moved)
        self._table[PROGRAM] = _boot(blocks, moved)
        self.running: Groups[Place] = {}
        """Repetitions in progress."""
        self.host_in = Fifos(lanes, config.host_fifo_beats)
        self.host_out = Fifos(lanes, config.host_fifo_beats)

        self.active: Mask = 0
        self._last: Mask = 0
        self.sends: Mask = 0
        self.sinks: Mask = 0
        self._gradients: Mask = 0
        self._boots: Mask = 0
        self._recv_left: Registers = 0
        self._send_left: Registers = 0
        self.missing: Mask = 0
        """Where words are still to be received."""
        self.sending: Mask = 0
        """Where words are still to be sent."""
        self._unpacked: Registers = 0  # Words left of the beat that is taken apart.
        self._packed: Registers = 0  # Words put together so far.
        self._packed_beat: Mask = 0
        self._full_beat: Registers = lanes.gateways * self._beat_words

    def ready(self, load: Mask) -> Mask:
        """Where a word from the ring is accepted, if the output register takes one at `load`."""
        wanted = self.active & self.missing & ~self._gradients
        if not wanted:
            return 0
        full = self.sinks & self._packed_beat & ~self.host_out.writable
        return wanted & (load | ~self.sending) & ~full

    def wants_sums(self) -> Mask:
        """Where a word of a sum of the ring that goes back is accepted."""
        wanted = self.active & self.missing & self._gradients
        return wanted and wanted & ~(self._packed_beat & ~self.host_out.writable)

    def move(
        self, arrived: Mask, load: Mask, beats: Mask, collected: Mask, sums: tuple[Mask, Mask]
    ) -> Mask:
        """Move words and beats; return where the output register is filled.

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
        sums
            Where a word of a sum is handed out, and where it is the sum's last one.
        """
        lanes = self._lanes
        unpacking = lanes.nonzero(self._unpacked)
        wanted = unpacking & self.sending
        sent = wanted & self.sends & load
        taken = sent | wanted & self._boots
        forwarded = arrived & self.sending
        if counted := arrived | sums[1]:
            self._recv_left -= counted
            self.missing = lanes.nonzero(self._recv_left)
        if taken or forwarded:
            self._send_left -= taken | forwarded
            self.sending = lanes.nonzero(self._send_left)

        unpacks = lanes.gateways ^ unpacking
        if taken:
            self._unpacked -= taken
            emptied = taken & ~(lanes.nonzero(self._unpacked) & self.sending)
            self._unpacked &= ~lanes.filled(emptied)
            unpacks |= emptied
        self._unpacked += (self.host_in.readable & unpacks) * self._beat_words
        self.host_in.move(beats, unpacks)

        given = self._packed_beat & self.host_out.writable
        self._packed_beat ^= given
        if packed := arrived & self.sinks | sums[0]:
            self._packed += packed
            closes = packed & ~(self.missing & lanes.nonzero(self._packed ^ self._full_beat))
            self._packed &= ~lanes.filled(closes)
            self._packed_beat |= closes
        self.host_out.move(given, collected)
        return sent | forwarded

    def finished(self) -> Mask:
        """Where a repetition is done."""
        return self.active & ~(self.missing | self.sending)

    def accepts(self, finish: Mask) -> Mask:
        """Where an op is taken if there is one."""
        return self._lanes.gateways ^ self.active | finish & self._last

    def proceed(self, finish: Mask, taken: list[tuple[int, Mask]]) -> None:
        """Begin with repetitions, after those that are done, and with ops that are taken."""
        self.active ^= finish & self._last
        begun = [
            ((index, rep + 1), here)
            for (index, rep), here in take_out(self.running, finish)
            if rep < self._table[index].reps
        ]
        for (index, rep), here in begun + [((index, 0), mask) for index, mask in taken]:
            op = self._table[index]
            self.running[index, rep] = self.running.get((index, rep), 0) | here
            self.active |= here
            # Both counts are 0.
            self._recv_left |= here * op.recv
            self._send_left |= here * op.send
            self.sends = self.sends & ~here | here * (op.kind == RingKind.SEND)
            self.sinks = self.sinks & ~here | here * (op.kind == RingKind.SINK)
            self._gradients = self._gradients & ~here | here * (op.kind == RingKind.GRADIENT)
            self._boots = self._boots & ~here | here * (op.kind == RingKind.PROGRAM)
            self._last = self._last & ~here | here * (rep == op.reps)
        self.sending = self._lanes.nonzero(self._send_left)
        self.missing = self._lanes.nonzero(self._recv_left)
