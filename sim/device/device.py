"""`SimDevice`: compiled nets on the RTL torus, simulated in this process."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from golden.arguments import whole_number
from golden.errors import GoldenError
from golden.fixed.state import TrainingState
from golden.system.progress import Progress
from sw_driver.arrays import IntArray
from sw_driver.compiled import Compiled
from sw_driver.cycle_model import Recording
from sw_driver.device.torus_device import Moves, TorusDevice
from sw_driver.program.events import run_events

from ..errors import SimError
from ..model.native import NativeModel
from .rtl_timeline import engine_recording
from .side_by_side import MOST_WORKERS, infer_side_by_side
from .transport import SimTransport, idle_cycles

__all__ = ["RunFigures", "SimDevice"]

_STEADY_SAMPLES = 64


@dataclasses.dataclass(frozen=True)
class RunFigures:
    """What a run took.

    Parameters
    ----------
    samples
        Samples that were run.
    programs
        Programs that they were run in, one after the other.
    cycles
        Clock cycles from the first beat that the host sent for each program, the program itself
        included, to the last beat of its results; over all programs.
    """

    samples: int
    programs: int
    cycles: int


class SimDevice(TorusDevice):
    """Runs the memory images and programs of compiled nets on the RTL, and trains, bit for bit.

    `load` builds the model of the net's configuration, or takes a built one from the cache, reads
    the hardware id and loads the weights over the host stream. A baked artifact's weights are part
    of its model instead.

    Parameters
    ----------
    trace
        Write the waveforms of all signals to this file: from `load` on, of all that is computed,
        and not of what `steady_cycles` and `record` do. FST if its name ends in `.fst`, else VCD.
        Slow, and large.
    progress
        Told of long work; if it raises an error, what was told of is broken off.
    recording
        Whether `record` is wanted: it needs a model of its own, which is slower.
    accessible
        What the model is built for, beside: see `NativeModel`.
    engine
        What simulates: "verilator"; "vector", which computes all PEs side by side, gives the same
        beats in the same cycles, and writes no waveforms; or "auto", which takes the vector engine
        from 64 PEs on, where the processor has AVX2 and nothing is traced.
    workers
        Models of the torus that the samples of an inference are split over, 1 to 1024: as many as
        there are cores is best. Outputs are the same, and `last_run` counts the cycles of all. More
        than one are for inference alone, without a trace, a recording or what is accessible.

    Raises
    ------
    GoldenError
        `workers` is no such number.
    SimError
        There is no such engine, or options do not go together.

    Attributes
    ----------
    last_run : RunFigures or None
        Of the latest `infer` or `infer_words`.
    """

    def __init__(self, *, trace: Path | None = None, progress: Progress | None = None,
                 recording: bool = False, accessible: Sequence[str] = (),
                 engine: str = "auto", workers: int = 1) -> None:
        workers = whole_number("workers", workers, 1, MOST_WORKERS, error=GoldenError)
        for name, value in (("a trace", trace), ("a recording", recording),
                            ("what is accessible", accessible)):
            if workers > 1 and value:
                raise SimError(f"workers must be 1 with {name}, not {workers}")
        self._sim = SimTransport(trace=trace, progress=progress, recording=recording,
                                 accessible=accessible, engine=engine)
        # They tell of nothing: they do what the first one has done.
        self._others = [SimTransport(engine=engine) for _ in range(workers - 1)]
        super().__init__(self._sim, progress)
        self.last_run: RunFigures | None = None
        self._recording = recording

    @property
    def model(self) -> NativeModel:
        """The torus."""
        return self._sim.model

    def load(self, compiled: Compiled, state: TrainingState | None = None) -> None:
        """Load a net into every model; see `WordDevice.load`.

        Raises
        ------
        SimError
            The net trains, and there are several workers.
        """
        if self._others and isinstance(compiled, Compiled) and compiled.trains:
            raise SimError(f"workers must be 1 for a net that trains, not {len(self._others) + 1}: "
                           "each would have weights of its own")
        super().load(compiled, state)

    def _load(self, compiled: Compiled, state: TrainingState | None) -> None:
        super()._load(compiled, state)
        for transport in self._others:
            transport.close()
            if not transport.open(compiled):
                transport.exchange(run_events(compiled.executable.load(state)))

    def _free(self) -> None:
        for transport in self._others:
            transport.close()
        super()._free()

    def _infer_words(self, x: IntArray) -> IntArray:
        outputs, moves = self._loaded.run(lambda compiled: self._compute_all(compiled, x))
        cycles = sum(move.cycles or 0 for move in moves)
        self.last_run = RunFigures(samples=len(x), programs=len(moves), cycles=cycles)
        return outputs

    def _compute_all(self, compiled: Compiled, x: IntArray) -> tuple[IntArray, list[Moves]]:
        if not self._others:
            return self._compute(compiled, x)
        return infer_side_by_side(compiled.executable, x, [self._sim, *self._others],
                                  lambda done: self._progress("run samples", done, len(x)))

    def steady_cycles(self, samples: int = 16) -> float:
        """Measure the cycles of one more sample: (T(n + 64) - T(n)) / 64 for n = `samples`.

        T(n) is the time of a run of n samples as in `RunFigures.cycles`. It does not depend on the
        inputs, which are zeros here. `last_run` stays.
        """
        # The first run also waits for whatever the device did before, such as loading weights.
        _, short, long = self._loaded.run(lambda compiled: [
            self._untraced_cycles(compiled,
                                  np.zeros((count, compiled.shapes[0].in_features), np.int64))
            for count in (1, samples, samples + _STEADY_SAMPLES)])
        return (long - short) / _STEADY_SAMPLES

    def _untraced_cycles(self, compiled: Compiled, x: IntArray) -> int:
        with self.model.untraced():
            return sum(move.cycles or 0 for move in self._compute(compiled, x)[1])

    def record(self, x: IntArray) -> Recording:
        """Run input words [N, I] as one program on a torus at rest, and record its engines.

        Raises
        ------
        SimError
            The device was not made for `recording`.
        """
        if not self._recording:
            raise SimError("recording must be asked for when a device is made")
        return self._loaded.run(lambda compiled: self._record(compiled, x))

    def _record(self, compiled: Compiled, x: IntArray) -> Recording:
        config, run = compiled.config, compiled.executable.infer(x)
        # What is left of the program before is not part of this one: the words in the host queues,
        # and a repetition of every engine.
        words = (config.host_fifo_beats + 2) * config.beat_words + 3 * config.buffer_words
        rest = 4 * words * (1 + config.link_stages)
        model = self.model
        with model.untraced():
            model.advance(run.beats[:0], 1, cycles=rest)
            model.spans()
            done = model.run(run.beats, run.output_beats, max_idle_cycles=idle_cycles(config),
                             progress=self._telling(run, "record a run", len(x)))
        return engine_recording(config, model, done)
