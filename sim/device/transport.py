"""`SimTransport`: the beats of a torus that is simulated in this process."""

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from golden.system.progress import Progress
from hw.config import TorusConfig
from sw_driver.arrays import Beats
from sw_driver.compiled import Compiled
from sw_driver.device.faults import refuse_faults
from sw_driver.device.loaded import NOTHING_LOADED
from sw_driver.device.transport import Moved, Transport, carry_out
from sw_driver.errors import MissingError
from sw_driver.files.artifact import Artifact
from sw_driver.program.events import Receive, Send

from ..errors import Unfinished
from ..model.checked import CheckedModel
from ..model.emitted import emitted_torus
from ..model.native import NativeModel
from ..model.transfers import Transfer
from ..toolchain import find_toolchain
from .engines import check_engine, open_model
from .rtl_timeline import engine_probes

__all__ = ["SimTransport", "idle_cycles"]

Result = TypeVar("Result")

# A torus that moves no beat for this many times what a sample may take is given up: it hangs.
_PATIENCE = 8
_PATIENCE_CYCLES = 200_000


def idle_cycles(config: TorusConfig) -> int:
    """Cycles without a beat after which a torus is taken to hang.

    Between two beats lies at most the work on a sample, of which each weight takes a step or two.
    """
    return _PATIENCE * config.weight_words + _PATIENCE_CYCLES


class SimTransport(Transport):
    """Moves beats of the RTL, bit for bit. The clock stands while the host computes.

    Parameters
    ----------
    trace
        Write the waveforms of all signals to this file; see `SimDevice`.
    progress
        Told of the building of a model.
    recording
        Whether the model finds the spans of all engines.
    accessible
        What the model is built for, beside: see `NativeModel`.
    engine
        What simulates: one of `sim.device.engines.ENGINES`.

    Raises
    ------
    SimError
        There is no such engine, or it does not write waveforms.
    """

    def __init__(
        self,
        *,
        trace: Path | None = None,
        progress: Progress | None = None,
        recording: bool = False,
        accessible: Sequence[str] = (),
        engine: str = "auto",
    ) -> None:
        check_engine(engine, trace=trace)
        self._engine = engine
        self._trace, self._recording = trace, recording
        self._accessible = tuple(accessible)
        self._progress: Progress = progress or (lambda work, done, total: None)
        self._model: NativeModel | None = None
        self._idle_cycles = _PATIENCE_CYCLES
        self._config = TorusConfig()

    @property
    def model(self) -> NativeModel:
        """The torus."""
        if self._model is None:
            raise MissingError(NOTHING_LOADED)
        return self._model

    def open(self, compiled: Compiled) -> bool:
        """Build the model, or take a built one from the cache; see `Transport.open`."""
        find_toolchain()  # What is missing is said before the Verilog is written.
        self._progress("build the simulation", 0, 1)
        self._config = config = compiled.config
        baked = isinstance(compiled, Artifact) and compiled.baked
        if baked:
            images = compiled.executable.images
            verilog = emitted_torus(config, weights=images.weights, biases=images.biases)
        else:
            verilog = emitted_torus(config)
        probes = [probe for _, probe in engine_probes(config)] if self._recording else []
        self._model = open_model(
            self._engine, config.rows * config.cols, verilog, trace=self._trace, probes=probes,
            accessible=self._accessible, checks=bool(config.checks),
        )
        self._progress("build the simulation", 1, 1)
        self._idle_cycles = idle_cycles(config)
        self._model.reset()
        return baked

    def exchange(
        self, events: Generator[Send | Receive, Beats | None, Result], moved: Moved | None = None
    ) -> tuple[Result, int]:
        """Carry out events; see `Transport.exchange`.

        Raises
        ------
        FaultError
            The torus has `checks`, and has found a word whose parity is wrong.
        """
        model = self.model
        # What is sent goes in while what comes next is taken out: a torus whose outputs nobody
        # takes stops taking inputs.
        waiting: list[Beats] = [np.zeros((0, model.beat_words), np.uint32)]
        transfers: list[Transfer] = []
        before = 0, 0

        def move(out_count: int) -> Beats:
            nonlocal before
            beats = np.concatenate(waiting) if len(waiting) > 2 else waiting[-1]
            del waiting[1:]
            taken, given = before

            def tell(more_taken: int, more_given: int) -> None:
                if moved is not None:
                    moved(taken + more_taken, given + more_given)

            try:
                done = model.run(beats, out_count, max_idle_cycles=self._idle_cycles,
                                 progress=tell)
            except Unfinished:
                self._refuse_faults()  # They say why.
                raise
            before = taken + len(beats), given + out_count
            transfers.append(done)
            return done.beats

        result = carry_out(events, waiting.append, move)
        if len(waiting) > 1:
            move(0)
        self._refuse_faults()
        return result, _cycles(transfers)

    def _refuse_faults(self) -> None:
        """Raise what a torus with `checks` has found since its reset."""
        if isinstance(self._model, CheckedModel):
            refuse_faults(self._config, self._model.faults())

    def close(self) -> None:
        """Free the model, and complete the trace."""
        if self._model is not None:
            self._model.close()
            self._model = None


def _cycles(transfers: list[Transfer]) -> int:
    """Clock cycles from the first beat that was moved to the last one, both included."""
    stamps = [
        cycles for done in transfers for cycles in (done.in_cycles, done.out_cycles) if len(cycles)
    ]
    if not stamps:
        return 0
    return int(max(cycles[-1] for cycles in stamps)) - int(min(cycles[0] for cycles in stamps)) + 1
