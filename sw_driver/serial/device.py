"""`SerialDevice`: compiled nets on a board behind a serial port."""

import dataclasses
import time

from golden.fixed.state import TrainingState
from golden.system.progress import Progress
from sw_driver.arrays import IntArray
from sw_driver.compiled import Compiled
from sw_driver.device.torus_device import TorusDevice
from sw_driver.errors import MissingError
from sw_driver.serial.connection import DEFAULT_BAUD, Patience
from sw_driver.serial.figures import LinkFigures
from sw_driver.serial.transport import SerialTransport

__all__ = ["SerialDevice", "SerialRun"]


@dataclasses.dataclass(frozen=True)
class SerialRun:
    """What a run took.

    Parameters
    ----------
    samples
        Samples that were run.
    seconds
        From the first byte sent to the last one received, the programs included.
    bytes_sent, bytes_received
        Of the beats; frames are not counted.
    """

    samples: int
    seconds: float
    bytes_sent: int
    bytes_received: int


class SerialDevice(TorusDevice):
    """Runs and trains compiled nets on a board, over the host link of docs/host_link.md.

    `load` opens the port, which resets the torus, compares hardware ids, and loads the weights. A
    board whose bitstream holds weights runs the net whose weights they are, and no other: nothing
    is loaded then. After an error or an interrupt in the midst of a run it must be loaded anew.

    Parameters
    ----------
    port
        Name of the serial port.
    baud
        Bits per second, as the board was built for.
    progress
        Told of long work.
    patience
        How long to wait for the board.
    """

    def __init__(
        self,
        port: str,
        *,
        baud: int = DEFAULT_BAUD,
        progress: Progress | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._serial = SerialTransport(port, baud=baud, patience=patience)
        super().__init__(self._serial, progress)
        self._last_run: SerialRun | None = None

    @property
    def last_run(self) -> SerialRun:
        """What the latest `infer` or `infer_words` took."""
        if self._last_run is None:
            raise MissingError("samples must be run before there are figures of a run")
        return self._last_run

    @property
    def figures(self) -> LinkFigures:
        """What the link has done since `load`: frames, and what had to be said again."""
        return self._serial.connection.figures

    def _load(self, compiled: Compiled, state: TrainingState | None) -> None:
        self._progress("open the port", 0, 1)
        super()._load(compiled, state)

    def _infer_words(self, x: IntArray) -> IntArray:
        start = time.monotonic()
        outputs, moves = self._loaded.run(lambda compiled: self._compute(compiled, x))
        seconds = time.monotonic() - start
        beat_bytes = self.compiled.config.host_bits // 8
        self._last_run = SerialRun(
            samples=len(x),
            seconds=seconds,
            bytes_sent=beat_bytes * sum(move.taken for move in moves),
            bytes_received=beat_bytes * sum(move.given for move in moves),
        )
        return outputs
