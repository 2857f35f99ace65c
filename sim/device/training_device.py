"""`SimTrainingDevice`: a net that trains on the RTL torus, simulated in this process."""

from collections.abc import Generator, Sequence
from typing import TypeVar

import numpy as np

from golden.system.progress import Progress
from hw.tops import TOPS
from sw_driver.arrays import Beats
from sw_driver.device.stream_device import StreamTrainingDevice
from sw_driver.program.events import Receive, Send
from sw_driver.training_compiler import CompiledTraining

from ..errors import SimError
from ..model.emitted import emitted_torus
from ..model.native import NativeModel
from ..model.transfers import Transfer
from ..toolchain import find_toolchain

__all__ = ["PATIENCE_CYCLES", "SimTrainingDevice"]

Result = TypeVar("Result")

# A transfer that takes this many times what it may is given up: the torus hangs.
_PATIENCE = 8
PATIENCE_CYCLES = 200_000


class SimTrainingDevice(StreamTrainingDevice):
    """Trains on the RTL, bit for bit as the golden model.

    `load` builds the model of the net's torus, or takes a built one from the cache, and loads the
    training state over the host stream. The clock stands while the host computes.

    Parameters
    ----------
    progress
        Told of long work.
    accessible
        What the model is built for, beside training: see `NativeModel`.
    """

    def __init__(self, *, progress: Progress | None = None,
                 accessible: Sequence[str] = ()) -> None:
        super().__init__()
        self._accessible = tuple(accessible)
        self._progress: Progress = progress or (lambda work, done, total: None)
        self._model: NativeModel | None = None
        self._beat_cycles = 0

    def _free(self) -> None:
        """Free the model."""
        if self._model is not None:
            self._model.close()
            self._model = None

    @property
    def model(self) -> NativeModel:
        """The torus."""
        if self._model is None:
            raise SimError("the device is closed")
        return self._model

    def _open(self, compiled: CompiledTraining) -> None:
        self._free()
        find_toolchain()  # What is missing is said before the Verilog is written.
        self._progress("build the simulation", 0, 1)
        self._model = NativeModel(emitted_torus(compiled.config), TOPS["torus"],
                                  accessible=self._accessible)
        self._progress("build the simulation", 1, 1)
        self._beat_cycles = compiled.config.weight_words  # More than any sample takes for a beat.
        self._model.reset()

    def _exchange(
        self, events: Generator[Send | Receive, Beats | None, Result], work: str
    ) -> tuple[Result, int]:
        model = self.model
        nothing = np.zeros((0, model.beat_words), np.uint32)
        # What is sent goes in while what comes next is taken out: a torus whose outputs nobody
        # takes stops taking inputs.
        waiting: list[Beats] = []
        transfers: list[Transfer] = []

        def move(out_count: int) -> Beats:
            beats = np.concatenate([nothing, *waiting])
            waiting.clear()
            limit = PATIENCE_CYCLES + _PATIENCE * (len(beats) + out_count) * self._beat_cycles
            transfers.append(model.run(beats, out_count, max_cycles=limit))
            return transfers[-1].beats

        reply: Beats | None = None
        try:
            while True:
                event = events.send(reply)
                reply = None
                if isinstance(event, Receive):
                    reply = move(event.beats)
                else:
                    waiting.append(event.beats)
        except StopIteration as end:
            if waiting:
                move(0)
            return end.value, _cycles(transfers)


def _cycles(transfers: list[Transfer]) -> int:
    """Clock cycles from the first beat that was moved to the last one, both included."""
    stamps = [
        cycles for done in transfers for cycles in (done.in_cycles, done.out_cycles) if len(cycles)
    ]
    if not stamps:
        return 0
    return int(max(cycles[-1] for cycles in stamps)) - int(min(cycles[0] for cycles in stamps)) + 1
