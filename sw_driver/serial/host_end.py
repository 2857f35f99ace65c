"""`HostEnd`: the host's end of a host link, as a state machine: bytes in, bytes out, no clock."""

import dataclasses
import struct
from collections import deque

from hw.link_config import (
    CHECKED_LINK_VERSION,
    FAULTS_MAGIC,
    LINK_MAGIC,
    LINK_VERSION,
    PACKED_LINK_VERSION,
)
from sw_driver.errors import LinkError
from sw_driver.serial.figures import LinkFigures
from sw_driver.serial.frames import (
    END,
    FRAME_WORDS,
    WORD_BYTES,
    BoardFrame,
    HostFrame,
    decode_board_frame,
    encode_host_frame,
)

__all__ = ["HostEnd"]

_HELLO = struct.Struct("<3sBQI")  # The letters, the version, the ids of torus and weights.
_VERSIONS = {LINK_VERSION: 0, PACKED_LINK_VERSION: 1, CHECKED_LINK_VERSION: 1}
"""Words that a HELLO has after these, by version."""
_LEAST_WORDS = 2          # Of a frame on a bad line,
_LEAST_FRAMES = 2         # and so many are ahead.
_MOST_UNANSWERED = 100    # Frames; tags of 8 bits are compared over half their range.
_MOST_AHEAD_WORDS = 1 << 15  # Numbers of 16 bits, too.
_MOST_POLL_RISE = 16      # Polls get rarer up to so many times, while nothing comes.


@dataclasses.dataclass
class _Sent:
    """A frame that is not answered yet: the number after its last word; 0 if it has no words."""

    tag: int
    end: int


class HostEnd:
    """One session with a board; docs/host_link.md says why it does what.

    Whoever moves the bytes calls `receive` with what has come, `send` with words to send, and
    `transmit` after either and at `wake_at`. Times are seconds of any clock that only goes on.

    Parameters
    ----------
    session
        0 to 127; where possible other than that of the session before, whose frames that are still
        on their way are dropped then. With the same number the order of the wire keeps them out:
        they come before the HELLO. Only a second HELLO of before, of a board that was asked twice,
        would let in what follows it.
    figures
        Where to count.
    poll_s
        Longer than an answer takes; after that the host asks.
    """

    def __init__(self, session: int, figures: LinkFigures, poll_s: float) -> None:
        self.hardware_id: int | None = None
        self.weights_id = 0
        self.input_bits = 0
        self.faulty = False
        self.faults: bytes | None = None
        self.figures = figures
        self.received = bytearray()
        self.heard_at: float | None = None
        self.wake_at = 0.0
        self._session = session
        self._tag = 0
        self._arrived = bytearray()          # Of a frame that is not complete.
        self._outgoing = bytearray()         # From the oldest word that is not acknowledged on.
        self._acknowledged = 0               # Its number; numbers do not wrap here.
        self._next = 0                       # Of the word that is sent next.
        self._end = 0                        # Of the words sent so far, whether received or not.
        self._limit = 0                      # Words before this one have room.
        self._unanswered: deque[_Sent] = deque()
        self._expected: int = 0
        self._told: int = 0                    # The board knows that those before are expected.
        self._tell_words = 1                 # So many more, and it is told at once.
        self._rewinds = False                # With the next frame.
        self._rewind_tag: int | None = None  # Of the latest REWIND that has not helped yet.
        self._asks_faults = False            # With every frame, until FAULTS have come.
        self._frame_words = FRAME_WORDS
        self._ahead_words = _MOST_AHEAD_WORDS
        self._least_poll_s = self._poll_s = poll_s

    @property
    def opened(self) -> bool:
        """Whether the board has answered."""
        return self.hardware_id is not None

    @property
    def unacknowledged(self) -> int:
        """Bytes that the board is not known to have."""
        return len(self._outgoing)

    def ask_faults(self) -> None:
        """Ask the board for FAULTS; what they say is in `faults` when they have come."""
        self.faults, self._asks_faults = None, True
        self.wake_at = 0.0

    def send(self, data: bytes) -> None:
        """Send whole words, after those that wait already."""
        self._outgoing += data

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes that have come.

        Raises
        ------
        LinkError
            What answers is no Clostorus of this version.
        """
        *frames, rest = (self._arrived + data).split(END)
        self._arrived = rest
        for raw in filter(None, frames):
            frame = decode_board_frame(bytes(raw))
            if frame is None:
                self.figures.damaged += 1
            elif frame.session == self._session:
                self._take(frame, now)

    def transmit(self, now: float, *, waits: bool) -> bytes:
        """Return what to send now; `waits` says whether words of the board are wanted."""
        if not self.opened:
            if now < self.wake_at:
                return b""
            self._wake_later(now)
            return END + self._encode(b"", opens=True)
        out = bytearray()
        while piece := self._next_words():
            out += self._encode(piece)
        # Fewer words than that cannot be what holds up the board: they wait for the next frame.
        tells = self._expected - self._told >= self._tell_words
        if not out and (tells or self._rewinds) and len(self._unanswered) < _MOST_UNANSWERED:
            out += self._encode(b"")
        if out:
            self.wake_at = max(self.wake_at, now + self._poll_s)
        elif (waits or self._outgoing or self._asks_faults) and now >= self.wake_at:
            self.figures.polls += 1
            self._wake_later(now)
            # What went before may be a frame without its end.
            out += END + self._encode(b"")
        return bytes(out)

    def _wake_later(self, now: float) -> None:
        self.wake_at = now + self._poll_s
        self._poll_s = min(2 * self._poll_s, _MOST_POLL_RISE * self._least_poll_s)

    def _next_words(self) -> bytes:
        """The words of the next frame; none if nothing may be sent."""
        start = self._next - self._acknowledged
        left = len(self._outgoing) // WORD_BYTES - start
        room = min(self._limit, self._acknowledged + self._ahead_words) - self._next
        count = min(left, room, self._frame_words)
        # A short frame now would be another short one later.
        dribbles = count < min(left, self._frame_words) and len(self._unanswered) > 0
        if count <= 0 or dribbles or len(self._unanswered) >= _MOST_UNANSWERED:
            return b""
        return bytes(self._outgoing[start * WORD_BYTES : (start + count) * WORD_BYTES])

    def _encode(self, words: bytes, *, opens: bool = False) -> bytes:
        tag, count = self._tag, len(words) // WORD_BYTES
        if self._rewinds:
            self.figures.rewinds += 1
            self._rewind_tag = tag
        frame = HostFrame(
            session=self._session,
            tag=tag,
            most_words=self._frame_words,
            number=self._next,
            expected=self._expected,
            words=words,
            opens=opens,
            rewinds=self._rewinds,
            asks_faults=self._asks_faults,
        )
        self._rewinds = False
        self._told = self._expected
        self._tag = (tag + 1) % 256
        if count and self._next < self._end:
            self.figures.resent += 1
        self._next += count
        self._end = max(self._end, self._next)
        if not opens:
            self._unanswered.append(_Sent(tag, self._next if count else 0))
        self.figures.frames_sent += 1
        return encode_host_frame(frame)

    def _take(self, frame: BoardFrame, now: float) -> None:
        if frame.hello and self.opened and frame.words.startswith(FAULTS_MAGIC):
            frame = self._take_faults(frame)
        if frame.hello != (not self.opened):
            return  # Of before the session, or a second answer to its opening.
        self.heard_at = now
        self._poll_s = self._least_poll_s
        self.wake_at = now + self._poll_s
        self.figures.frames_received += 1
        if frame.hello:
            self._meet(frame)
            return
        self.faulty |= frame.faulty
        self._see_acknowledged(frame)
        self._see_words(frame)

    def _take_faults(self, frame: BoardFrame) -> BoardFrame:
        """Keep the flags of a frame with FAULTS; return the frame as one without words."""
        if self._asks_faults:
            self.faults, self._asks_faults = frame.words[len(FAULTS_MAGIC):], False
        return dataclasses.replace(frame, words=b"", hello=False)

    def _meet(self, frame: BoardFrame) -> None:
        # Versions may differ in length, but not in their first word.
        if frame.words[:3] != LINK_MAGIC or len(frame.words) < WORD_BYTES:
            raise LinkError("the board must answer as a Clostorus does, with the letters CLT, not "
                            f"with {frame.words!r}")
        version = frame.words[3]
        if version not in _VERSIONS:
            raise LinkError(f"the version of the board's host link must be {min(_VERSIONS)} to "
                            f"{max(_VERSIONS)}, not {version}: build its bitstream anew")
        size = _HELLO.size + WORD_BYTES * _VERSIONS[version]
        if len(frame.words) != size:
            raise LinkError(f"the board must say who it is in {size} bytes, not in "
                            f"{len(frame.words)}")
        _, _, self.hardware_id, self.weights_id = _HELLO.unpack_from(frame.words)
        self.input_bits = int.from_bytes(frame.words[_HELLO.size:_HELLO.size + 1])
        self._limit = frame.space
        self._tell_words = frame.space // 4  # The board's other buffer is as large.

    def _see_acknowledged(self, frame: BoardFrame) -> None:
        """Find out which words the board has, and which of those that it has seen are lost."""
        new = (frame.expected - self._acknowledged) & 0xFFFF
        if new > self._end - self._acknowledged:
            return  # What was never sent cannot have come.
        del self._outgoing[: new * WORD_BYTES]
        self._acknowledged += new
        self._next = max(self._next, self._acknowledged)
        self._limit = self._acknowledged + frame.space
        lost = False
        while self._unanswered and _reached(frame.echo, self._unanswered[0].tag):
            sent = self._unanswered.popleft()
            lost |= sent.end > self._acknowledged
        if lost:
            self._shorten()
            self._next = self._acknowledged
            for sent in self._unanswered:
                sent.end = 0  # The board drops what comes after a gap.
        elif new:
            self._lengthen()

    def _see_words(self, frame: BoardFrame) -> None:
        gap = (frame.number - self._expected) & 0xFFFF
        if gap == 0:
            self._rewind_tag = None
            if frame.words:
                self.received += frame.words
                self._expected += len(frame.words) // WORD_BYTES
                self._lengthen()
        elif gap < 1 << 15 and (
            self._rewind_tag is None or _reached(frame.echo, self._rewind_tag)
        ):
            if not self._rewinds:
                self._shorten()
            self._rewinds = True

    def _shorten(self) -> None:
        self._frame_words = max(_LEAST_WORDS, self._frame_words // 2)
        ahead = min(self._ahead_words, max(self._end - self._acknowledged, 1))
        self._ahead_words = max(_LEAST_FRAMES * self._frame_words, ahead // 2)

    def _lengthen(self) -> None:
        self._frame_words = min(FRAME_WORDS, self._frame_words + 1)
        self._ahead_words = min(_MOST_AHEAD_WORDS, self._ahead_words + self._frame_words)


def _reached(echo: int, tag: int) -> bool:
    """Whether the board had seen the frame `tag` when it sent this echo."""
    return (echo - tag) % 256 < 128
