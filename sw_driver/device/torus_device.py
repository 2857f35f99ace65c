"""`TorusDevice`: a torus behind a host stream, whatever moves the beats."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from golden.fixed.state import TrainingState
from golden.system.progress import Progress
from sw_driver.arrays import Beats, IntArray
from sw_driver.compiled import Compiled
from sw_driver.device.device import Device
from sw_driver.device.gradients import CheckedGradients
from sw_driver.device.targets import TargetGradients
from sw_driver.device.transport import Moved, Transport
from sw_driver.errors import DriverError
from sw_driver.program.events import GradientOf, Run, RunResult, run_events
from sw_driver.program.executable import Executable
from sw_driver.program.host_stream import decode_id
from sw_driver.torus import other_lanes

__all__ = ["Moves", "TorusDevice", "infer_in_programs"]

_MOST_SAMPLES = 4096  # Of one program: bounds the memory that its beats take.


class Moves(NamedTuple):
    """What one program moved: beats to and from the torus, and clock cycles if there is a clock."""

    taken: int
    given: int
    cycles: int | None


class TorusDevice(Device):
    """Runs the memory images and programs of compiled nets on a torus.

    `load` opens the torus, which resets it, compares hardware ids, and loads what its memories are
    to hold, unless they hold it already.

    Parameters
    ----------
    transport
        What moves the beats.
    progress
        Told of long work; if it raises an error, what was told of is broken off.
    """

    def __init__(self, transport: Transport, progress: Progress | None = None) -> None:
        super().__init__()
        self._transport = transport
        self._progress: Progress = progress or (lambda work, done, total: None)

    def _free(self) -> None:
        self._transport.close()

    def _load(self, compiled: Compiled, state: TrainingState | None) -> None:
        self._transport.close()
        held = self._transport.open(compiled)
        run = compiled.executable.identify()
        found = decode_id(self._perform(run, "read the hardware id", 1)[0])
        wanted = compiled.config.hardware_id
        if found != wanted:
            raise DriverError(
                f"the hardware id must be {wanted:016x}, that of the configuration that the net is "
                f"compiled for, not {found:016x}{other_lanes(compiled.config, found)}"
            )
        if not held:
            self._perform(compiled.executable.load(state), "load the weights", 1)

    def _perform(self, run: Run, work: str, total: int) -> tuple[Beats, int | None]:
        """Run one program, and tell of it as `total` parts of `work`; also its clock cycles."""
        return self._transport.exchange(run_events(run), self._telling(run, work, total))

    def _telling(self, run: Run, work: str, total: int) -> Moved:
        """Make what tells of a run as `total` parts of `work`."""

        def tell(taken: int, given: int) -> None:
            done, all_beats = taken, len(run.beats)
            if run.output_beats:
                done, all_beats = given, run.output_beats
            self._progress(work, total * done // max(all_beats, 1), total)

        return tell

    def _infer_words(self, x: IntArray) -> IntArray:
        return self._loaded.run(lambda compiled: self._compute(compiled, x)[0])

    def _compute(self, compiled: Compiled, x: IntArray) -> tuple[IntArray, list[Moves]]:
        """Compute output words in as many programs as it takes; also what each of them moved."""
        return infer_in_programs(
            compiled.executable, x,
            lambda run, samples: self._perform(run, "run samples", samples))

    def _train(
        self, compiled: Compiled, x: IntArray, gradient_of: GradientOf
    ) -> tuple[RunResult, int | None]:
        executable = compiled.executable
        total: int | None = None
        most = len(x) if compiled.batches else executable.max_training_samples
        results: list[RunResult] = []
        sent = _sent_targets(compiled, gradient_of)
        for start in range(0, len(x), most):
            part = slice(start, start + most)
            if sent is None:
                events = executable.train(
                    x[part], lambda sample, y, start=start: gradient_of(start + sample, y)
                )
            else:
                events = executable.train_targets(x[part], sent.words[part], sent.shift)
            result, cycles = self._transport.exchange(events)
            results.append(result)
            for sample, y in enumerate(result.outputs if sent is not None else (), start):
                gradient_of(sample, y)
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

    def _read_state(self, compiled: Compiled) -> TrainingState:
        run = compiled.executable.dump()
        beats = self._loaded.run(lambda compiled: self._perform(run, "read the state", 1)[0])
        return compiled.executable.read_state(beats)

    def _write_state(self, compiled: Compiled, state: TrainingState) -> None:
        run = compiled.executable.load(state)
        self._loaded.run(lambda compiled: self._perform(run, "load the weights", 1))


def _sent_targets(compiled: Compiled, gradient_of: GradientOf) -> TargetGradients | None:
    """Return the targets behind a function of a net that trains on them; None for any other net."""
    if compiled.format.error_shift is None:
        return None
    source = gradient_of.source if isinstance(gradient_of, CheckedGradients) else gradient_of
    if not isinstance(source, TargetGradients):
        raise DriverError(
            "a net with an error_shift must be trained on targets, by train_step with "
            "loss=golden.squared_error, not by gradients"
        )
    return source


def infer_in_programs(
    executable: Executable,
    x: IntArray,
    perform: Callable[[Run, int], tuple[Beats, int | None]],
) -> tuple[IntArray, list[Moves]]:
    """Compute input words [N, I] in as many programs as it takes; also what each of them moved.

    Parameters
    ----------
    executable
        Of the net.
    x
        Input words, int64.
    perform
        Runs a program of so many samples: its output beats, and its clock cycles if there are any.
    """
    most = min(executable.max_samples, _MOST_SAMPLES)
    outputs: list[IntArray] = []
    moves: list[Moves] = []
    for start in range(0, len(x), most):
        part = x[start : start + most]
        run = executable.infer(part)
        beats, cycles = perform(run, len(part))
        outputs.append(executable.decode(beats))
        moves.append(Moves(len(run.beats), len(beats), cycles))
    return np.concatenate(outputs), moves
