"""`BoardTerminal`: a simulated board whose UART is a pseudo-terminal, for whoever opens that."""

import os
import pty
import select
import threading
import tty
from types import TracebackType

from ..errors import SimError
from .board import BoardModel
from .wire import Damage, Wire

__all__ = ["BoardTerminal"]

_SLICE_BYTES = 16        # The clock runs for so many bytes between two looks at the terminal.
_IDLE_SLICES = 40        # With nothing on either wire for so long, the simulation may rest.
_IDLE_S = 0.002
_REST_SLICES = 5000      # A torus that computes is silent, too, but hardly for so many.
_REST_S = 0.02
_MOST_WAITING = 1 << 16  # Bytes that nobody reads are lost then, as those of a UART are.
_READ_BYTES = 1 << 12


class BoardTerminal:
    """Runs a `BoardModel` in a thread of its own while it is open; a context manager.

    Parameters
    ----------
    board
        The board; whoever made it closes it, afterwards.
    damage
        What the wires do to bytes; nothing by default.

    Attributes
    ----------
    port : str
        Name of the terminal that is the host's end.
    to_board, from_board : Wire
        What has gone over either wire.
    """

    def __init__(self, board: BoardModel, damage: Damage | None = None) -> None:
        damage = damage or Damage()
        self.to_board, self.from_board = Wire(damage, 0), Wire(damage, 1)
        self._board = board
        self._ends = threading.Event()
        self._clears = threading.Event()
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

    @property
    def runs(self) -> bool:
        """Whether the simulation goes on; if it has failed, `close` says how."""
        return self._thread.is_alive()

    def clear(self) -> None:
        """Have both wires count anew."""
        self._clears.set()
        while self._clears.is_set() and self._thread.is_alive():
            self._ends.wait(_IDLE_S)

    def _run(self) -> None:
        try:
            self._move()
        except BaseException as error:  # Told by `close`, in the thread of who opened this.
            self._failure = error

    def _move(self) -> None:
        board, cycles = self._board, _SLICE_BYTES * self._board.byte_cycles
        to_board, to_host = bytearray(), bytearray()
        idle = 0
        while not self._ends.is_set():
            if self._clears.is_set():
                self.to_board.clear()
                self.from_board.clear()
                self._clears.clear()
            readable, writable, _ = select.select(
                [self._mine] if len(to_board) < _MOST_WAITING else [],
                [self._mine] if to_host else [], [], _wait_s(idle))
            if readable:
                to_board += self.to_board.pass_on(os.read(self._mine, _READ_BYTES))
            taken, out, in_cycles, out_cycles = board.run(
                bytes(to_board[:2 * _SLICE_BYTES]), cycles)
            self.to_board.count(bytes(to_board[:taken]), in_cycles)
            self.from_board.count(out, out_cycles)
            del to_board[:taken]
            to_host += self.from_board.pass_on(out)
            if writable:
                del to_host[:os.write(self._mine, to_host)]
            del to_host[_MOST_WAITING:]
            idle = 0 if taken or out else idle + 1


def _wait_s(idle: int) -> float:
    """How long to wait for bytes after so many slices in which there were none."""
    if idle <= _IDLE_SLICES:
        return 0
    return _IDLE_S if idle <= _REST_SLICES else _REST_S
