"""Frames of the host link in time: `HostLink` in Amaranth's simulator, a `HostEnd` at its wires."""

import functools
import struct
from typing import NamedTuple

from hw.link_config import LinkConfig
from hw.uart.host_link import HostLink
from sw_driver.serial.figures import LinkFigures
from sw_driver.serial.frames import WORD_BYTES, cobs_decode
from sw_driver.serial.host_end import HostEnd
from tests.support.hw_bench import put, simulate

__all__ = ["BYTE_CYCLES", "LINK", "Frame", "Session", "bytes_text", "damaged_answer",
           "damaged_words", "frame_and_answer", "frames_text"]

LINK = LinkConfig(clock_hz=4_000_000, buffer_bytes=512)
BYTE_CYCLES = 10 * LINK.bit_cycles
_SESSION = 1
_POLL_S = 1.0  # Longer than a simulation: the host never has to ask.
_CRC_BYTES = 4
_HEADERS = {
    "host": ("<BBBHH", ("sess", "tag", "most", "number", "expects")),
    "board": ("<BBHHH", ("sess", "echo", "space", "number", "expects")),
}
_REWIND = 0x80
_HIT_BYTE = 9    # Its number in a damaged frame, from 1 on.
_HIT_BIT = 0x40  # The bit of it that flips.
_CELL = 5        # Characters for each byte of a frame.
_BAR_BYTES = 2   # Bytes for each character of a bar.
_AXIS_BYTES = 10  # Bytes from one number above the bars to the next.


class Frame(NamedTuple):
    """A frame as it was sent.

    `side` is who sent it, "host" or "board"; `cycles` says when the start bit of each byte began.
    """

    side: str
    cycles: tuple
    data: bytes
    damaged: bool

    @property
    def content(self):
        """The bytes that those on the wire stand for: header, words and CRC."""
        return cobs_decode(self.data[:-1])

    @property
    def header(self):
        """Its fields by name, in the order of docs/host_link.md, and how many words it has."""
        layout, names = _HEADERS[self.side]
        words = (len(self.content) - struct.calcsize(layout) - _CRC_BYTES) // WORD_BYTES
        return dict(zip(names, struct.unpack_from(layout, self.content), strict=True)) | {
            "words": words}

    @property
    def begins(self):
        """The cycle in which its first start bit begins."""
        return self.cycles[0]

    @property
    def ends(self):
        """The cycle after its last stop bit."""
        return self.cycles[-1] + BYTE_CYCLES


class Session(NamedTuple):
    """What a simulation showed after a session had been opened, from its first frame on.

    `frames` are in the order in which they begin; `beats` are (cycle, payload) that the torus got,
    and `received` are the bytes that the host got.
    """

    frames: list
    beats: list
    received: bytes


class _Direction:
    """One direction of the wires: it keeps what was sent, and may damage a frame on its way."""

    def __init__(self, side, damaged):
        self._side = side
        self._damaged = damaged
        self._sent = []
        self.frames = []

    def carry(self, cycle, byte):
        """What arrives of a byte that was sent in this cycle."""
        self._sent.append((cycle, byte))
        is_damaged = len(self.frames) == self._damaged
        arrives = byte
        if is_damaged and len(self._sent) == _HIT_BYTE:
            arrives ^= _HIT_BIT
            assert byte and arrives, "a 0 would end the frame"
        if byte == 0:
            cycles, data = zip(*self._sent, strict=True)
            if len(data) > 1:  # A single 0 means nothing.
                self.frames.append(Frame(self._side, cycles, bytes(data), is_damaged))
            self._sent = []
        return arrives


def _read_byte(levels, start):
    """(begin, byte) of the first byte from `start` on that has come whole; None without one."""
    begin = next((cycle for cycle in range(start, len(levels)) if not levels[cycle]), len(levels))
    if len(levels) < begin + BYTE_CYCLES:
        return None
    bits = [levels[begin + bit * LINK.bit_cycles + LINK.bit_cycles // 2] for bit in range(10)]
    assert bits[0] == 0 and bits[9] == 1, "no start bit, or no stop bit"
    return begin, sum(level << bit for bit, level in enumerate(bits[1:9]))


def _session(cycles, host_words=(), board_words=(), damaged=None):
    """Open a session, then send words at once: those of the host each in a frame of its own.

    `damaged` is (side, number of the frame from 0 on, which is OPEN or HELLO).
    """
    dut = HostLink(LINK, 32, hardware_id=0x0123_4567_89ab_cdef)
    end = HostEnd(_SESSION, LinkFigures(), _POLL_S)
    ways = {side: _Direction(side, damaged[1] if damaged and damaged[0] == side else None)
            for side in _HEADERS}
    levels, beats = [], []

    async def watch(ctx):
        ctx.set(dut.to_torus.ready, 1)
        for cycle in range(cycles):
            _, _, tx, valid, beat = await ctx.tick().sample(
                dut.tx, dut.to_torus.valid, dut.to_torus.payload)
            levels.append(tx)
            if valid:
                beats.append((cycle, beat))

    async def host(ctx):
        waiting, queue, bits, read = list(host_words), bytearray(), [], 0
        while (cycle := len(levels)) < cycles - BYTE_CYCLES:
            now = cycle / LINK.clock_hz
            while came := _read_byte(levels, read):
                read = came[0] + BYTE_CYCLES
                end.receive(bytes([ways["board"].carry(*came)]), now)
            queue += end.transmit(now, waits=False)
            while end.opened and waiting:
                end.send(waiting.pop(0))
                queue += end.transmit(now, waits=False)
            if not bits and queue:
                byte = ways["host"].carry(cycle, queue.pop(0))
                bits = [0, *(byte >> bit & 1 for bit in range(8)), 1]
            ctx.set(dut.rx, bits.pop(0) if bits else 1)
            await ctx.tick().repeat(LINK.bit_cycles)

    async def torus(ctx):
        while not end.opened:
            await ctx.tick()
        for word in board_words:
            await put(ctx, dut.from_torus, int.from_bytes(word, "little"))

    simulate(dut, watch, host, torus, deadline_cycles=cycles + 1)
    frames = sorted((one for way in ways.values() for one in way.frames[1:]),
                    key=lambda one: one.begins)
    zero = frames[0].begins
    return Session([one._replace(cycles=tuple(cycle - zero for cycle in one.cycles))
                    for one in frames],
                   [(cycle - zero, beat) for cycle, beat in beats], bytes(end.received))


@functools.cache
def frame_and_answer():
    """The host sends one word; the torus takes it and has nothing to say."""
    return _session(3200, host_words=[bytes.fromhex("11002233")])


@functools.cache
def damaged_words():
    """The host sends three words in three frames, of which the second is damaged."""
    words = [bytes.fromhex(one) for one in ("11002233", "44556677", "8899aabb")]
    return _session(6200, host_words=words, damaged=("host", 2))


@functools.cache
def damaged_answer():
    """The torus gives two words, which the board sends in two frames; the first is damaged."""
    words = [bytes.fromhex(one) for one in ("11002233", "44556677")]
    return _session(5200, board_words=words, damaged=("board", 1))


def _fields(frame):
    """(name, bytes) of all that stands on the wire, in order."""
    layout, names = _HEADERS[frame.side]
    sizes = [struct.calcsize(f"<{letter}") for letter in layout[1:]]
    words = [("word", WORD_BYTES)] * frame.header["words"]
    return [("code", 1), *zip(names, sizes, strict=True), *words, ("CRC", _CRC_BYTES), ("end", 1)]


def bytes_text(session):
    """The lines that show each byte of the frames, one frame after the other."""
    lines = []
    for frame in session.frames:
        rows = {
            frame.side: "".join(f"{name:<{size * _CELL}}" for name, size in _fields(frame)),
            "cycle": _cells(frame.cycles),
            "content": " " * _CELL + _cells(f"{byte:02X}" for byte in frame.content),
            "wire": _cells(f"{byte:02X}" for byte in frame.data),
        }
        lines += [*(f"{name:<9}{row}".rstrip() for name, row in rows.items()), ""]
    return lines[:-1]


def _cells(values):
    return "".join(f"{value:<{_CELL}}" for value in values)


def frames_text(session):
    """The lines that show a frame each, with a bar as long as it is on its wire."""
    columns = "{:<15}{:<8}{:<7}{:<9}{:<8}{}"
    ends = max(frame.ends for frame in session.frames) // BYTE_CYCLES + 1
    axis = "".join(f"{at:<{_AXIS_BYTES // _BAR_BYTES}}" for at in range(0, ends, _AXIS_BYTES))
    lines = [columns.format("frame", "number", "words", "expects", "cycle", axis)]
    for frame in session.frames:
        header = frame.header
        begins, ends = (round(cycle / BYTE_CYCLES / _BAR_BYTES)
                        for cycle in (frame.begins, frame.ends))
        bar = " " * begins + ("x" if frame.damaged else "#") * (ends - begins)
        lines.append(columns.format(_name(frame), header["number"], header["words"],
                                    header["expects"], frame.begins, bar))
    return [line.rstrip() for line in lines]


def _name(frame):
    if frame.side == "board":
        return f"board echo {frame.header['echo']}"
    kind = "REWIND" if frame.header["most"] & _REWIND else "tag"
    return f"host {kind} {frame.header['tag']}"
