"""`SerialTrainingDevice`: a net that trains on a board behind a serial port."""

from collections.abc import Generator
from typing import TypeVar

from sw_driver.arrays import Beats
from sw_driver.device.stream_device import StreamTrainingDevice
from sw_driver.errors import DriverError, LinkError
from sw_driver.program.events import Receive, Send
from sw_driver.serial.connection import DEFAULT_BAUD, Connection, Patience
from sw_driver.serial.device import Progress, bytes_to_beats, check_id
from sw_driver.serial.figures import LinkFigures
from sw_driver.training_compiler import CompiledTraining

__all__ = ["SerialTrainingDevice"]

Result = TypeVar("Result")


class SerialTrainingDevice(StreamTrainingDevice):
    """Trains on a board, over the host link of docs/host_link.md.

    The parameters are those of `SerialDevice`, and as that it must be loaded anew after an error
    or an interrupt in the midst of a run.
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
        self._port, self._baud, self._patience = port, baud, patience
        self._progress: Progress = progress or (lambda work, done, total: None)
        self._connection: Connection | None = None

    def _free(self) -> None:
        """Let go of the port."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def figures(self) -> LinkFigures:
        """What the link has done since `load`: frames, and what had to be said again."""
        return self._link.figures

    @property
    def _link(self) -> Connection:
        if self._connection is None:
            raise DriverError("a net must be loaded before a device can be used: call load()")
        return self._connection

    def _open(self, compiled: CompiledTraining) -> None:
        self._free()
        self._progress("open the port", 0, 1)
        self._config = compiled.config
        self._connection = Connection(self._port, baud=self._baud, patience=self._patience)
        check_id(self._port, self._connection.hardware_id, compiled.config)
        if self._connection.weights_id:
            raise LinkError(
                f"the board on port {self._port} must be one without weights in its bitstream, "
                f"to train, not with {self._connection.weights_id:08x}: build it without --bake"
            )

    def _exchange(
        self, events: Generator[Send | Receive, Beats | None, Result], work: str
    ) -> tuple[Result, None]:
        # What a run that is broken off leaves on its way must not become part of the next one.
        try:
            return self._carry_out(events), None
        except BaseException:
            self._free()
            raise

    def _carry_out(self, events: Generator[Send | Receive, Beats | None, Result]) -> Result:
        link, config = self._link, self._config
        reply: Beats | None = None
        try:
            while True:
                event = events.send(reply)
                reply = None
                if isinstance(event, Receive):
                    data = link.receive(event.beats * config.host_bits // 8)
                    reply = bytes_to_beats(config, data)
                else:
                    link.send(event.beats.astype("<u4").tobytes())
        except StopIteration as end:
            link.flush()
            return end.value
