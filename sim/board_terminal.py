"""`BoardTerminal`: a simulated board whose UART is a pseudo-terminal, for whoever opens that."""

import dataclasses
import os
import pty
import select
import threading
import tty
from random import Random
from types import TracebackType

from .board import BoardModel, Cycles
from .errors import SimError

__all__ = ["BoardTerminal", "Damage", "Traffic"]

_SLICE_BYTES = 16      # The clock runs for so many bytes between two looks at the terminal.
_IDLE_SLICES = 40      # With nothing on either wire, the simulation may rest.
_IDLE_S = 0.002
_MOST_WAITING = 1 << 16  # Bytes that nobody reads are lost then, as those of a UART are.


@dataclasses.dataclass(frozen=True)
class Damage:
    """How often a byte is dropped, doubled, or has a bit flipped: each a third of the cases.

    Parameters
    ----------
    per_mille
        Of 1000 bytes, in either direction.
    seed
        Any whole number; each direction draws from its own sequence.
    """

    per_mille: float = 0.0
    seed: int = 0


@dataclasses.dataclass
class Traffic:
    """What has gone over one wire of the board.

    Parameters
    ----------
    bytes, damaged
        Bytes on the wire, and how many were dropped, doubled or flipped.
    frames
        Zeros that ended something: frames, whole or not.
    first_cycle, last_cycle
        When the first and the last byte began, counted from the creation of the model; None if
        there was none.
    """

    bytes: int = 0
    damaged: int = 0
    frames: int = 0
    first_cycle: int | None = None
    last_cycle: int | None = None


class BoardTerminal:
    """Runs a `BoardModel` in a thread of its own while it is open; a context manager.

    Parameters
    ----------
    board
        The board; whoever made it closes it, afterwards.
    damage
        What the wires do to bytes.

    Attributes
    ----------
    port : str
        Name of the terminal that is the host's end.
    to_board, from_board : Traffic
        Since the latest `measure`.
    """

    def __init__(self, board: BoardModel, damage: Damage | None = None) -> None:
        self.to_board, self.from_board = Traffic(), Traffic()
        self._board = board
        self._damage = damage or Damage()
        self._random_in = Random(2 * self._damage.seed)
        self._random_out = Random(2 * self._damage.seed + 1)
        self._ends = threading.Event()
        self._measures = threading.Event()
        self._failure: BaseException | None = None
        # The host's end is open here, too: else reading fails whenever no host is there.
        self._mine, self._theirs = pty.openpty()
        tty.setraw(self._theirs)
        os.set_blocking(self._mine, False)
        self.port = os.ttyname(self._theirs)
        self._thread = threading.Thread(target=self._run, name="board", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the clock, and take the terminal away.

        Raises
        ------
        SimError
            The simulation had failed.
        """
        if self._ends.is_set():
            return
        self._ends.set()
        self._thread.join()
        os.close(self._mine)
        os.close(self._theirs)
        if self._failure is not None:
            raise SimError(f"the simulated board failed: {self._failure}") from self._failure

    def __enter__(self) -> "BoardTerminal":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.close()

    def measure(self) -> None:
        """Count anew from now on."""
        self._measures.set()
        while self._measures.is_set() and self._thread.is_alive():
            self._ends.wait(_IDLE_S)

    def _run(self) -> None:
        try:
            self._move()
        except BaseException as error:  # Told by `close`, in the thread of who opened this.
            self._failure = error

    def _move(self) -> None:
        board = self._board
        cycles = _SLICE_BYTES * board.byte_cycles
        to_board, to_host = bytearray(), bytearray()
        idle = 0
        while not self._ends.is_set():
            if self._measures.is_set():
                self.to_board, self.from_board = Traffic(), Traffic()
                self._measures.clear()
            resting = idle > _IDLE_SLICES
            writable = [self._mine] if to_host else []
            readable, writable, _ = select.select(
                [self._mine] if len(to_board) < _MOST_WAITING else [], writable, [],
                _IDLE_S if resting else 0)
            if readable:
                data = os.read(self._mine, 1 << 12)
                to_board += self._spoil(data, self._random_in, self.to_board)
            taken, out, in_cycles, out_cycles = board.run(bytes(to_board[:2 * _SLICE_BYTES]),
                                                          cycles)
            _count(self.to_board, bytes(to_board[:taken]), in_cycles)
            _count(self.from_board, out, out_cycles)
            del to_board[:taken]
            to_host += self._spoil(out, self._random_out, self.from_board)
            if writable:
                del to_host[:os.write(self._mine, to_host)]
            del to_host[_MOST_WAITING:]
            idle = 0 if taken or out or to_host else idle + 1

    def _spoil(self, data: bytes, random: Random, traffic: Traffic) -> bytes:
        if not self._damage.per_mille:
            return data
        spoiled = bytearray()
        for byte in data:
            if random.random() * 1000 >= self._damage.per_mille:
                spoiled.append(byte)
                continue
            traffic.damaged += 1
            kind = random.randrange(3)
            if kind == 1:
                spoiled += bytes([byte, byte])
            elif kind == 2:
                spoiled.append(byte ^ 1 << random.randrange(8))
        return bytes(spoiled)


def _count(traffic: Traffic, data: bytes, cycles: Cycles) -> None:
    if not data:
        return
    if traffic.first_cycle is None:
        traffic.first_cycle = int(cycles[0])
    traffic.last_cycle = int(cycles[-1])
    traffic.bytes += len(data)
    traffic.frames += data.count(0)
