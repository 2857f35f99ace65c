"""`StreamTrainingDevice`: a torus behind a host stream, whatever moves the beats."""

import abc
from collections.abc import Generator
from typing import TypeVar

import numpy as np

from golden.fixed.state import TrainingState
from sw_driver.arrays import Beats, IntArray
from sw_driver.device.training_device import TrainingDevice
from sw_driver.errors import DriverError
from sw_driver.program.events import GradientOf, Receive, Run, RunResult, Send, run_events
from sw_driver.program.host_stream import decode_id
from sw_driver.training_compiler import CompiledTraining

__all__ = ["StreamTrainingDevice"]

Result = TypeVar("Result")

_MOST_FORWARD_SAMPLES = 4096  # Of one program: bounds the memory that its beats take.


class StreamTrainingDevice(TrainingDevice):
    """A torus that trains. Those who derive from it open it and move beats, nothing else."""

    @abc.abstractmethod
    def _open(self, compiled: CompiledTraining) -> None:
        """Make a torus of `compiled.config` ready, fresh from reset."""

    @abc.abstractmethod
    def _exchange(
        self, events: Generator[Send | Receive, Beats | None, Result], work: str
    ) -> tuple[Result, int | None]:
        """Carry out every Send and Receive in order, giving back the beats of each Receive.

        Returns what the generator returns, and the clock cycles from the first beat sent to the
        last beat received; None where there is no clock. `work` says what is being done.
        """

    def _perform(self, run: Run, work: str) -> Beats:
        return self._exchange(run_events(run), work)[0]

    def _run_program(self, run: Run, work: str) -> Beats:
        return self._loaded.run(lambda compiled: self._perform(run, work))

    def _load(self, compiled: CompiledTraining, state: TrainingState) -> None:
        self._open(compiled)
        found = decode_id(self._perform(compiled.executable.identify(), "read the hardware id"))
        wanted = compiled.config.hardware_id
        if found != wanted:
            raise DriverError(
                f"the hardware id must be {wanted:016x}, that of the configuration that the net is "
                f"compiled for, not {found:016x}"
            )
        self._perform(compiled.executable.load(state), "load the state")

    def _forward_words(self, x: IntArray) -> IntArray:
        executable = self.compiled.executable
        most = min(executable.max_samples, _MOST_FORWARD_SAMPLES)
        parts = [x[start : start + most] for start in range(0, len(x), most)]
        return np.concatenate(
            [
                executable.decode(self._run_program(executable.infer(part), "run samples"))
                for part in parts
            ]
        )

    def _train(
        self, compiled: CompiledTraining, x: IntArray, gradient_of: GradientOf
    ) -> tuple[RunResult, int | None]:
        executable = compiled.executable
        total: int | None = None
        most = len(x) if compiled.batches else executable.max_training_samples
        results: list[RunResult] = []
        for start in range(0, len(x), most):
            events = executable.train(
                x[start : start + most],
                lambda sample, y, start=start: gradient_of(start + sample, y),
            )
            result, cycles = self._exchange(events, "train")
            results.append(result)
            if cycles is not None:
                total = (total or 0) + cycles
        sums = [one.input_gradients for one in results if one.input_gradients is not None]
        return (
            RunResult(
                np.concatenate([one.outputs for one in results]),
                np.concatenate(sums) if sums else None,
            ),
            total,
        )

    def _read_state(self, compiled: CompiledTraining) -> TrainingState:
        beats = self._run_program(compiled.executable.dump(), "read the state")
        return compiled.executable.read_state(beats)

    def _write_state(self, compiled: CompiledTraining, state: TrainingState) -> None:
        self._run_program(compiled.executable.load(state), "load the state")
