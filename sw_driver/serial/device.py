"""`SerialDevice`: a compiled net on a board behind a serial port."""

import dataclasses
import time
from collections.abc import Callable

import numpy as np

from hw.config import TorusConfig
from sw_driver.arrays import Beats, IntArray
from sw_driver.compiler import Compiled
from sw_driver.device.device import Device
from sw_driver.errors import DriverError, LinkError
from sw_driver.program.events import Run
from sw_driver.program.executable import Executable
from sw_driver.serial.connection import DEFAULT_BAUD, Connection, Patience
from sw_driver.serial.figures import LinkFigures

__all__ = ["Progress", "SerialDevice", "SerialRun", "bytes_to_beats", "check_id"]

Progress = Callable[[str, int, int], object]
"""Called with what is being done, how much of it is done, and how much there is."""

_MOST_SAMPLES = 4096  # Of one program: bounds the memory that its beats take.


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


class SerialDevice(Device):
    """Runs a compiled net on a board, over the host link of docs/host_link.md.

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
        super().__init__()
        self._last_run: SerialRun | None = None
        self._port, self._baud, self._patience = port, baud, patience
        self._progress: Progress = progress or (lambda work, done, total: None)
        self._connection: Connection | None = None

    def _free(self) -> None:
        """Let go of the port."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def last_run(self) -> SerialRun:
        """What the latest `infer` or `infer_words` took."""
        if self._last_run is None:
            raise DriverError("samples must be run before there are figures of a run")
        return self._last_run

    @property
    def figures(self) -> LinkFigures:
        """What the link has done since `load`: frames, and what had to be said again."""
        return self._link.figures

    @property
    def _link(self) -> Connection:
        if self._connection is None:
            raise DriverError("a net must be loaded before a device can be used: call load()")
        return self._connection

    def _load(self, compiled: Compiled) -> None:
        self._free()
        self._progress("open the port", 0, 1)
        self._connection = Connection(self._port, baud=self._baud, patience=self._patience)
        check_id(self._port, self._connection.hardware_id, compiled.config)
        held, wanted = self._connection.weights_id, compiled.executable.images.weights_id
        if held not in (0, wanted):
            raise LinkError(
                f"the weights in the bitstream of the board on port {self._port} must be "
                f"{wanted:08x}, those of the net, not {held:08x}: build it for this net, or "
                "without --bake"
            )
        if not held:
            self._run([compiled.executable.load()], "load the weights", 1)

    def _infer_words(self, x: IntArray) -> IntArray:
        return self._loaded.run(lambda compiled: self._board_words(compiled.executable, x))

    def _board_words(self, executable: Executable, x: IntArray) -> IntArray:
        most = min(executable.max_samples, _MOST_SAMPLES)
        runs = [executable.infer(x[start : start + most]) for start in range(0, len(x), most)]
        start = time.monotonic()
        beats = self._run(runs, "run samples", len(x))
        seconds = time.monotonic() - start
        self._last_run = SerialRun(
            len(x), seconds, sum(run.beats.nbytes for run in runs), beats.nbytes
        )
        ends = np.cumsum([run.output_beats for run in runs])
        return np.concatenate(
            [executable.decode(part) for part in np.split(beats, [int(end) for end in ends[:-1]])]
        )

    def _run(self, runs: list[Run], work: str, total: int) -> Beats:
        """Run programs, all sent ahead, and tell of it as `total` parts of `work`.

        A run that is broken off ends the session: what it has not sent and what its answers are
        must not become part of the next one.
        """
        link, config = self._link, runs[0].program.config
        wanted = sum(run.output_beats for run in runs) * config.host_bits // 8
        data = b"".join(run.beats.astype("<u4").tobytes() for run in runs)
        size = max(1, len(data))
        received = b""
        try:
            link.send(data)
            if wanted:
                received = link.receive(
                    wanted, lambda count: self._progress(work, total * count // wanted, total)
                )
            link.flush(lambda left: self._progress(work, total * (size - left) // size, total))
        except BaseException:
            self._free()
            raise
        return bytes_to_beats(config, received)


def bytes_to_beats(config: TorusConfig, data: bytes) -> Beats:
    """Read whole beats, uint32 [beats, host_bits / 32], from their bytes, lowest first."""
    return np.frombuffer(data, "<u4").astype(np.uint32).reshape(-1, config.host_bits // 32)


def check_id(port: str, found: int, config: TorusConfig) -> None:
    """Refuse a board whose torus is not the one that a net was compiled for.

    Raises
    ------
    LinkError
        If the hardware ids differ.
    """
    if found != config.hardware_id:
        raise LinkError(
            f"the hardware id of the board on port {port} must be {config.hardware_id:016x}, that "
            f"of the configuration that the net is compiled for, not {found:016x}: compile the net "
            "for this board, or build the board's bitstream for the net"
        )
