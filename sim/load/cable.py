"""`Cable`: the wires between a board and whichever host is there, in the board's own time."""

from random import Random
from typing import Protocol

from sim.load.wires import BadWire
from sim.model.transfers import Cycles

__all__ = ["Board", "Cable", "HostLine", "Left"]

_READ_S = 0.005          # As long as a port of `Connection` waits for a byte.
_SILENT_CYCLES = 8000    # More than a board needs between a byte and what it makes of it.
_MOST_SLICE_BYTES = 48


class Board(Protocol):
    """What `sim.model.board.BoardModel` and `sim.load.twin.BoardTwin` have in common."""

    byte_cycles: int

    @property
    def cycles(self) -> int:
        """Clock cycles since its creation."""
        ...

    def run(self, data: bytes, cycles: int) -> tuple[int, bytes, "Cycles | list[int]",
                                                     "Cycles | list[int]"]:
        """Run for so long with bytes on the wire to it."""
        ...


class Cable:
    """Carries bytes both ways, over bad wires, whichever host is there.

    Where neither wire carries anything and the board can have nothing more to say, only the clock
    goes on: the board is not simulated.

    Parameters
    ----------
    board
        The board's end.
    clock_hz
        Of its clock.
    to_board, from_board
        What the wires do to bytes.
    random
        Draws how many bytes a host gets at once, as from a USB adapter.
    """

    def __init__(self, board: Board, clock_hz: int, to_board: BadWire, from_board: BadWire,
                 random: Random) -> None:
        self.board = board
        self.to_board, self.from_board = to_board, from_board
        self.frames = 0                # That the board has sent.
        self.bytes = 0                 # On both wires.
        self._clock_hz, self._random = clock_hz, random
        self._waiting = b""            # On their way to the board.
        self._arrived = bytearray()    # For the host, who has not read them.
        self._skipped = 0              # Cycles that the clock went on without the board.
        self._silent = 0               # Cycles since the latest byte on either wire.

    def now(self) -> float:
        """The time in seconds."""
        return (self.board.cycles + self._skipped) / self._clock_hz

    def write(self, data: bytes) -> None:
        """Put bytes onto the wire to the board."""
        self._waiting += self.to_board.pass_on(data)
        self.bytes += len(data)

    def lose(self, waiting: int) -> None:
        """The host goes away: of its bytes that are on their way all but the first are lost, and
        what has come for it, too.
        """
        self._waiting = self._waiting[:waiting]
        self._arrived.clear()

    def read(self, size: int) -> bytes:
        """Give bytes that have come; go on for 5 ms at most if there are none."""
        left = int(_READ_S * self._clock_hz)
        while not self._arrived and left > 0:
            left -= self.advance(left)
        data = bytes(self._arrived[:size])
        del self._arrived[:size]
        return data

    def drop(self) -> None:
        """Drop what has come."""
        self._arrived.clear()

    @property
    def in_waiting(self) -> int:
        """How many bytes have come."""
        return len(self._arrived)

    @property
    def waiting(self) -> int:
        """How many bytes are on their way to the board."""
        return len(self._waiting)

    def advance(self, most: int) -> int:
        """Let time pass, so many cycles at most; return how many."""
        if not self._waiting and self._silent > _SILENT_CYCLES:
            self._skipped += most
            return most
        cycles = min(most, self.board.byte_cycles * self._random.randint(1, _MOST_SLICE_BYTES))
        taken, out, _, _ = self.board.run(self._waiting, cycles)
        self._waiting = self._waiting[taken:]
        self._silent = 0 if taken or out else self._silent + cycles
        self.bytes += len(out)
        self.frames += out.count(0)
        self._arrived += self.from_board.pass_on(out)
        return cycles


class Left(Exception):
    """The host goes away, wherever it is."""


class HostLine:
    """One host on a cable, as `sw_driver.serial.connection.Line` has it.

    Parameters
    ----------
    cable
        The cable.
    leaves_s
        When the host goes away, by the cable's clock.
    """

    def __init__(self, cable: Cable, leaves_s: float) -> None:
        self._cable, self._leaves_s = cable, leaves_s
        self.now = cable.now

    def read(self, size: int) -> bytes:
        """Return what has come.

        Raises
        ------
        Left
            The host goes away.
        """
        if self.now() >= self._leaves_s:
            raise Left
        return self._cable.read(size)

    @property
    def in_waiting(self) -> int:
        """How many bytes have come."""
        return self._cable.in_waiting

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self._cable.write(data)

    def reset_input_buffer(self) -> None:
        """Drop what has come."""
        self._cable.drop()

    def close(self) -> None:
        """Let go of the cable."""
