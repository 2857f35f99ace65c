"""`Connection`: a session with a board over a serial port."""

import dataclasses
import errno
import os
import secrets
import termios
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self, TypeVar

from golden.system.extras import needs
from sw_driver.errors import LinkError
from sw_driver.serial.fifo_port import FIFO_SCHEME, FifoPort
from sw_driver.serial.figures import LinkFigures
from sw_driver.serial.host_end import HostEnd

with needs("hardware"):
    import serial

__all__ = ["DEFAULT_BAUD", "Connection", "FaultyBoard", "Line", "Patience"]

Result = TypeVar("Result")

DEFAULT_BAUD = 1_000_000
_READ_S = 0.005
_SESSIONS = 128
_GONE = (serial.SerialException, OSError, termios.error, TypeError)
"""What a port raises that is gone: pyserial lets a TypeError out of a closed one, and passes on
the errors of termios, which are no OSErrors."""

_latest_sessions: dict[str, int] = {}  # Of this process, by port.


class FaultyBoard(LinkError):
    """The torus of a board, one with `checks`, has found a fault: `Connection.read_faults`."""


@dataclasses.dataclass(frozen=True)
class Patience:
    """How long a host waits, in seconds.

    Parameters
    ----------
    answer_s
        For any sign of life, before the board counts as gone.
    poll_s
        For an answer, before the host asks again: longer than the buffers of a USB adapter and a
        frame take.
    progress_s
        For a word to move in either direction while the board answers, before it counts as stuck.
    """

    answer_s: float = 3.0
    poll_s: float = 0.03
    progress_s: float = 60.0


class Line(Protocol):
    """A line that is open already, and has a clock of its own, as a simulated one has."""

    @property
    def in_waiting(self) -> int:
        """How many bytes have come."""
        ...

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes; none if none have come within a few milliseconds."""
        ...

    def write(self, data: bytes) -> int | None:
        """Send all of `data`."""
        ...

    def reset_input_buffer(self) -> None:
        """Drop what has come."""
        ...

    def close(self) -> None:
        """Let go of the line."""
        ...

    def now(self) -> float:
        """The time in seconds, of a clock that only goes on."""
        ...


class Connection:
    """Sends and receives the words of a board; a context manager that closes itself.

    Parameters
    ----------
    port
        Name of a serial port, such as /dev/ttyUSB0; or the URL of a chip in FIFO mode (`FifoPort`),
        for which `baud` means nothing.
    baud
        Bits per second, as the board was built for.
    patience
        How long to wait.
    line
        What carries the bytes, in place of the port; the port's name then only stands in messages.
        Times are those of its clock.
    session
        Number of the session, 0 to 127; drawn if None.

    Raises
    ------
    LinkError
        The port does not exist, is in use or is none; or nothing at its other end answers as a
        Clostorus does.
    """

    def __init__(
        self,
        port: str,
        *,
        baud: int = DEFAULT_BAUD,
        patience: Patience | None = None,
        line: Line | None = None,
        session: int | None = None,
    ) -> None:
        self.port = port
        self.figures = LinkFigures()
        self._patience = patience = patience or Patience()
        self._serial = _open(port, baud) if line is None else line
        self._now = time.monotonic if line is None else line.now
        if session is None:
            session = _next_session(port)
        self._end = HostEnd(session, self.figures, patience.poll_s)
        try:
            self._guard(self._serial.reset_input_buffer)
            self._pump(lambda: self._end.opened)
        except BaseException as error:
            self.close()
            if not isinstance(error, LinkError) or self._end.heard_at is not None:
                raise
            raise LinkError(
                f"port {port} must have a Clostorus at its other end, at {baud} baud, but nothing "
                f"there answers as one: {error}"
            ) from error

    @property
    def hardware_id(self) -> int:
        """The hardware id that the board has told."""
        return self._end.hardware_id or 0

    @property
    def weights_id(self) -> int:
        """Id of the weights that its bitstream holds (`Images.weights_id`); 0 for none."""
        return self._end.weights_id

    @property
    def input_bits(self) -> int:
        """Bits of a word in a packed beat; 0 for a board that takes none."""
        return self._end.input_bits

    def send(self, data: bytes) -> None:
        """Begin to send whole words of 4 bytes; they go on in `receive` and `flush`."""
        self._end.send(data)

    def receive(self, count: int, progress: Callable[[int], object] | None = None) -> bytes:
        """Wait for `count` bytes of the board; `progress` is told how many have come.

        Raises
        ------
        LinkError
            The board or the port is gone, or nothing moves any more.
        FaultyBoard
            As soon as the board says that its torus has found a fault.
        """
        received = self._end.received
        self._pump(lambda: len(received) >= count, waits=True,
                   progress=None if progress is None else lambda: progress(len(received)))
        data = bytes(received[:count])
        del received[:count]
        return data

    def flush(self, progress: Callable[[int], object] | None = None) -> None:
        """Wait until the board has all that was sent; `progress` is told how many bytes are left.

        Raises
        ------
        LinkError, FaultyBoard
            As `receive`.
        """
        self._pump(lambda: not self._end.unacknowledged,
                   progress=None if progress is None else
                   lambda: progress(self._end.unacknowledged))

    def read_faults(self) -> bytes:
        """Ask a board with `checks` for the flags of its nodes, two bytes of each, and zeros.

        Raises
        ------
        LinkError
            The board or the port is gone.
        """
        self._end.ask_faults()
        self._pump(lambda: self._end.faults is not None, faulty=True)
        return self._end.faults or b""

    def close(self) -> None:
        """Let go of the port."""
        self._serial.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _pump(
        self,
        done: Callable[[], bool],
        *,
        waits: bool = False,
        faulty: bool = False,
        progress: Callable[[], object] | None = None,
    ) -> None:
        """Move bytes until `done`; of a board with faults only if `faulty`."""
        end, patience = self._end, self._patience
        start = moved_at = self._now()
        position = (len(end.received), end.unacknowledged)
        while not done():
            now = self._now()
            out = end.transmit(now, waits=waits)
            if out:
                self._guard(lambda out=out: self._serial.write(out))
            data = self._guard(lambda: self._serial.read(self._serial.in_waiting or 1))
            now = self._now()
            end.receive(data, now)
            if end.faulty and not faulty:
                raise FaultyBoard(f"the torus on port {self.port} must be without faults")
            if (len(end.received), end.unacknowledged) != position:
                position, moved_at = (len(end.received), end.unacknowledged), now
                if progress is not None:
                    progress()
            if now - max(start, end.heard_at or start) > patience.answer_s:
                raise LinkError(f"the board on port {self.port} must answer within "
                                f"{patience.answer_s:g} s, but has not: look at its cable and "
                                "its power")
            if end.opened and now - moved_at > patience.progress_s:
                raise LinkError(f"the torus on port {self.port} must take or give a word within "
                                f"{patience.progress_s:g} s, but has not: {position[0]} bytes came "
                                f"and {position[1]} are still to be taken")

    def _guard(self, act: Callable[[], Result]) -> Result:
        try:
            return act()
        except _GONE as error:
            raise LinkError(f"port {self.port} must stay there, but is gone: {error}") from error


def _next_session(port: str) -> int:
    """Draw a session, other than the one that this process had on the port before.

    Of other processes nothing is known; theirs is the same once in 128 times.
    """
    name = os.path.realpath(port)
    latest = _latest_sessions.get(name)
    if latest is None:
        session = secrets.randbelow(_SESSIONS)
    else:
        session = (latest + 1 + secrets.randbelow(_SESSIONS - 1)) % _SESSIONS
    _latest_sessions[name] = session
    return session


def _open(port: str, baud: int) -> "serial.Serial | FifoPort":
    if not isinstance(port, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise LinkError(f"port must be the name of one, such as /dev/ttyUSB0, not {port!r}")
    if port.startswith(FIFO_SCHEME):
        return FifoPort(port)
    try:
        return serial.Serial(port, baud, timeout=_READ_S, write_timeout=5.0, exclusive=True)
    except (ValueError, OverflowError) as error:  # The latter of a rate beyond 32 bits.
        raise LinkError(f"baud must be a rate that port {port} has, not {baud}: {error}") from error
    except (serial.SerialException, OSError, termios.error) as error:
        if error.args and error.args[0] in (errno.EAGAIN, errno.EBUSY):  # Its lock is taken.
            raise LinkError(f"port {port} must be free, but another program uses it") from error
        raise LinkError(
            f"port must be a serial port that can be opened, not {port}: {error}"
        ) from error
