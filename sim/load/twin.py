"""`BoardTwin`: a model of the board's end of a host link, in Python, exact to the clock cycle."""

import bisect
from collections import deque
from types import TracebackType

from hw.link_config import LinkConfig
from sim.load.twin_beats import TwinBeats
from sim.load.twin_frames import HOST_HEADER_BYTES, Heard, read_frame, write_frame

__all__ = ["BoardTwin"]

_BOARD_HEADER_BYTES, _CRC_BYTES = 8, 4
_GAP = 2             # Cycles from the end of a frame until it can count.
_TURN = 3            # Cycles from the last byte of a frame until its first COBS byte.
_BYTE_BITS = 10
_MOST_LOGGED = 1 << 12
_NEVER = 1 << 62


class BoardTwin:
    """A board whose torus gives beats back inverted: same bytes in, same bytes out.

    It keeps to docs/host_link.md, and to the cycles that the docstrings of `hw/uart` state. A byte
    that goes in during a cycle gives the bytes, each in its cycle, that the RTL gives. `run` is as
    that of `sim.model.board.BoardModel`. Only a board without packed beats on a UART is modelled.

    Parameters
    ----------
    link
        The link.
    hardware_id, weights_id
        What the board says in its HELLO.
    host_bits
        Of a beat.

    Attributes
    ----------
    byte_cycles : int
        Clock cycles of a byte on a wire.
    cycles : int
        Clock cycles since the creation of the model.
    """

    def __init__(self, link: LinkConfig, hardware_id: int, weights_id: int = 0,
                 host_bits: int = 64) -> None:
        self.byte_cycles = _BYTE_BITS * link.bit_cycles
        self.cycles = 0
        self._slow = int(link.registered)
        bit = link.bit_cycles
        self._in_delay = 3 + bit + bit // 2 + 7 * bit + self._slow + _GAP
        self._out_delay = bit + bit // 2 + 8 * bit
        self._words, self._mask = link.buffer_words, 2 * link.buffer_words - 1
        self._bytes_mask = link.buffer_bytes - 1
        self._hello = (b"CLT\2" + hardware_id.to_bytes(8, "little")
                       + weights_id.to_bytes(4, "little"))
        self._beats = TwinBeats(link, host_bits)
        self._awake = False                     # Beats move.
        self._reset_at = -1
        # The wire to the board: bytes of a frame that has not ended, when each of them began.
        self._raw, self._began = bytearray(), list[int]()
        self._in_free = 0
        self._ended: deque[tuple[int, bytes, list[int]]] = deque()
        self._reads: list[int] = []             # When `read` moved on.
        # What the latest frames have said.
        self._opened = False
        self._session = self._tag = self._most_words = self._acknowledged = self._expected = 0
        # The sender.
        self._owed = self._hello_owed = self._goes_back = False
        self._place = 0                         # Of the byte that is sent next, 18 bits.
        self._told = 0                          # Space, in the latest frame.
        self._idle_from = self._ready_from = self._hold_until = 0
        self._unsent = self._much = 0           # Of the cycle before.
        self._reading: _Reading | None = None
        # The wire to the host: bytes, and when each begins.
        self._out, self._out_began = bytearray(), list[int]()
        self._out_free = 0

    @property
    def led(self) -> bool:
        """Whether a host has opened a session."""
        return self._opened

    def close(self) -> None:
        """Do nothing: there is nothing to free."""

    def __enter__(self) -> "BoardTwin":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.close()

    def run(self, data: bytes, cycles: int) -> tuple[int, bytes, list[int], list[int]]:
        """Run for `cycles`, with the bytes of `data` on the wire to the board as they fit.

        Returns how many of them have begun, the bytes that have come, and the cycle in which each
        of either began.
        """
        end = self.cycles + cycles
        begins = list(range(max(self.cycles, self._in_free), end, self.byte_cycles))[:len(data)]
        taken = len(begins)
        if taken:
            self._in_free = begins[-1] + self.byte_cycles
            self._put(data[:taken], begins)
        self._go(end)
        count = bisect.bisect_left(self._out_began, end - self._out_delay)
        out, began = bytes(self._out[:count]), self._out_began[:count]
        del self._out[:count], self._out_began[:count]
        return taken, out, begins, began

    def _put(self, data: bytes, begins: list[int]) -> None:
        at = 0
        while (end := data.find(0, at)) >= 0:
            self._raw += data[at:end]
            self._began += begins[at:end]
            if self._raw:
                self._ended.append((begins[end] + self._in_delay, bytes(self._raw), self._began))
                self._raw, self._began = bytearray(), []
            at = end + 1
        self._raw += data[at:]
        self._began += begins[at:]

    def _go(self, end: int) -> None:
        now = self.cycles
        while now < end:
            if not self._awake and (then := min(end, self._next_event(now))) > now:
                self._settle()
                now = then
                continue
            self._cycle(now)
            now += 1
        self.cycles = now

    def _next_event(self, now: int) -> int:
        """When something happens, while no beat moves."""
        if self._reading is not None or self._reset_at == now:
            return now
        found = _NEVER
        if self._ended:
            found = max(self._ended[0][0], now, self._hold_until)
        if self._goes_back:
            return min(found, max(self._idle_from, now))
        if self._opened and (self._owed or self._unsent_now() or self._has_much_space()):
            return min(found, max(self._idle_from, self._ready_from, now))
        return found

    def _unsent_now(self) -> int:
        return (self._beats.written - (self._place >> 2)) & self._mask

    def _space_now(self) -> int:
        return (self._words - 1 - (self._expected - self._beats.read)) & self._mask

    def _has_much_space(self) -> bool:
        half = self._words // 2
        return self._told < half <= self._space_now()

    def _settle(self) -> None:
        if self._slow:
            self._unsent = self._unsent_now()
            self._much = self._space_now() >= self._words // 2

    def _cycle(self, now: int) -> None:
        """Let one cycle pass, in which registers take what those of the cycle before say."""
        heard = None
        if self._ended and self._ended[0][0] <= now and now >= self._hold_until:
            _, raw, began = self._ended.popleft()
            heard = self._heard(raw, began)
        if not self._slow:
            self._unsent = self._unsent_now()
            self._much = self._space_now() >= self._words // 2
        settled = (self._unsent_now(), self._space_now() >= self._words // 2)
        self._sample(now)
        if now >= self._idle_from and heard is None:
            self._idle(now)
        expected, acknowledged, read = self._expected, self._acknowledged, self._beats.read
        if now == self._reset_at:
            self._beats.reset()
            self._reads.clear()
            self._awake = True
        elif self._awake or heard is not None:
            self._awake = self._beats.step(expected, acknowledged)
            if self._beats.read != read:
                self._reads.append(now + 1)
                if len(self._reads) > _MOST_LOGGED:
                    del self._reads[:_MOST_LOGGED // 2]
        if self._slow:
            self._unsent, self._much = settled
        if heard is not None:
            self._take(heard, now)

    def _idle(self, now: int) -> None:
        """Go back, or begin a frame, if there is a reason to."""
        if self._goes_back:
            self._goes_back = False
            self._place = self._acknowledged << 2
            self._idle_from = now + 2
            return
        much = self._told < self._words // 2 and self._much
        if not self._opened or now < self._ready_from or not (self._owed or self._unsent or much):
            return
        is_hello = self._hello_owed
        self._owed = self._hello_owed = False
        self._told = self._space_now()
        count = len(self._hello) // 4 if is_hello else min(self._unsent, self._most_words)
        header = (bytes([self._session | is_hello << 7, self._tag])
                  + self._told.to_bytes(2, "little")
                  + (self._place >> 2).to_bytes(2, "little")
                  + self._expected.to_bytes(2, "little"))
        each = 1 + self._slow
        self._hold_until = now + 1 + _BOARD_HEADER_BYTES
        last = now + _BOARD_HEADER_BYTES + 4 * count * each + 1 + _CRC_BYTES
        self._idle_from = last + 1
        # On the wire it is a byte longer, and ends with a zero.
        length = _BOARD_HEADER_BYTES + 4 * count + _CRC_BYTES + 2
        first = max(last + _TURN + self._slow, self._out_free)
        begins = range(first, first + length * self.byte_cycles, self.byte_cycles)
        self._out_free = begins[-1] + self.byte_cycles
        self._ready_from = begins[-1] + 1
        self._out_began += begins
        if is_hello:
            self._give(header + self._hello)
            return
        self._reading = _Reading(header, self._place, 4 * count, now + _BOARD_HEADER_BYTES)
        ahead = self._unsent_now()
        self._place = (self._place + 4 * count) & 0x3FFFF
        # Words that the host has may be overwritten while they are sent once more. Where that
        # cannot happen they are read at once.
        if ahead + 2 + count * each <= self._words:
            self._sample(_NEVER)

    def _sample(self, now: int) -> None:
        """Read the bytes of words that are due by now, each before it can be overwritten."""
        reading = self._reading
        if reading is None:
            return
        due = min(reading.count, max(0, (now - reading.at) // (1 + self._slow) + 1))
        sent, mask = self._beats.sent, self._bytes_mask
        while len(reading.data) < due:
            reading.data.append(sent[(reading.place + len(reading.data)) & mask])
        if len(reading.data) == reading.count:
            self._reading = None
            self._give(reading.header + reading.data)

    def _give(self, content: bytes) -> None:
        self._out += write_frame(content)

    def _heard(self, raw: bytes, began: list[int]) -> Heard | None:
        """The frame of the session, or that opens one; None if it is damaged, or another's."""
        heard = read_frame(raw)
        if heard is None or self._overflows(len(heard.words) // 4 + 1, began):
            return None
        if not heard.opens and not (self._opened and heard.session == self._session):
            return None
        return heard

    def _overflows(self, words: int, began: list[int]) -> bool:
        """Whether a word of a frame, the CRC included, came while there was no room for it."""
        used = (self._expected - self._beats.read) & self._mask
        delay = self._in_delay - _GAP
        for number in range(words):
            # The byte of the first code stands before the header.
            came = began[min(1 + HOST_HEADER_BYTES + 4 * number, len(began) - 1)] + delay
            read_since = len(self._reads) - bisect.bisect_right(self._reads, came)
            if used + read_since + number >= self._words:
                return True
        return False

    def _take(self, heard: Heard, now: int) -> None:
        """Do what a frame says, from the next cycle on."""
        if heard.opens:
            self._opened = self._hello_owed = True
            self._expected, self._reset_at = 0, now + 1
        elif heard.number == self._expected:
            place = self._expected << 2
            for byte in heard.words:
                self._beats.received[place & self._bytes_mask] = byte
                place += 1
            self._expected = (self._expected + len(heard.words) // 4) & 0xFFFF
        self._session, self._tag = heard.session, heard.tag
        self._most_words, self._acknowledged = heard.most_words, heard.expected
        self._owed = self._awake = True
        self._goes_back |= heard.opens or heard.rewinds


class _Reading:
    """Words that are being read for a frame: from which byte on, how many bytes, from when on."""

    def __init__(self, header: bytes, place: int, count: int, at: int) -> None:
        self.header, self.place, self.count, self.at = header, place, count, at
        self.data = bytearray()
