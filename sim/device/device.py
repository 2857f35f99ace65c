"""`SimDevice`: a compiled net on the RTL torus, simulated by Verilator in this process."""

import dataclasses
from pathlib import Path

import numpy as np

from golden.system.progress import Progress
from hw.tops import TOPS
from sw_driver.arrays import IntArray
from sw_driver.compiler import Compiled
from sw_driver.cycle_model import Recording
from sw_driver.device.device import Device
from sw_driver.errors import DriverError
from sw_driver.files.artifact import Artifact
from sw_driver.program.events import Run
from sw_driver.program.host_stream import decode_id

from ..errors import SimError
from ..model.emitted import emitted_torus
from ..model.native import NativeModel
from ..model.transfers import Transfer
from ..toolchain import find_toolchain
from .rtl_timeline import engine_probes, engine_recording

__all__ = ["RunFigures", "SimDevice"]

_MOST_SAMPLES = 4096  # Of one program: bounds the memory that its beats take.
_STEADY_SAMPLES = 64
# A run that takes this many times what it should is given up: it hangs.
_PATIENCE = 8
_PATIENCE_CYCLES = 100_000


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


class SimDevice(Device):
    """Runs the memory images and programs of a compiled net on the RTL, bit for bit.

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

    Attributes
    ----------
    last_run : RunFigures or None
        Of the latest `infer` or `infer_words`.
    """

    def __init__(self, *, trace: Path | None = None, progress: Progress | None = None,
                 recording: bool = False) -> None:
        super().__init__()
        self.last_run: RunFigures | None = None
        self._recording = recording
        self._trace = trace
        self._progress: Progress = progress or (lambda work, done, total: None)
        self._model: NativeModel | None = None

    def steady_cycles(self, samples: int = 16) -> float:
        """Measure the cycles of one more sample: (T(n + 64) - T(n)) / 64 for n = `samples`.

        T(n) is the time of a run of n samples as in `RunFigures.cycles`. It does not depend on the
        inputs, which are zeros here. `last_run` stays.
        """
        # The first run also waits for whatever the device did before, such as loading weights.
        _, short, long = self._loaded.run(lambda compiled: [
            self._untraced_cycles(np.zeros((count, compiled.net.shapes[0].in_features), np.int64))
            for count in (1, samples, samples + _STEADY_SAMPLES)])
        return (long - short) / _STEADY_SAMPLES

    def _untraced_cycles(self, x: IntArray) -> int:
        with self._opened.untraced():
            return self._figures(x)[1]

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
        model = self._opened
        with model.untraced():
            model.advance(run.beats[:0], 1, cycles=rest)
            model.spans()
            done = self._run(run, compiled.predict(len(x)), "record a run", len(x))
        return engine_recording(config, model, done)

    def _free(self) -> None:
        """Free the model, and complete the trace."""
        if self._model is not None:
            self._model.close()
            self._model = None

    def _load(self, compiled: Compiled) -> None:
        self._free()
        find_toolchain()  # What is missing is said before the Verilog is written.
        self._progress("build the simulation", 0, 1)
        if isinstance(compiled, Artifact) and compiled.baked:
            images = compiled.executable.images
            verilog = emitted_torus(compiled.config, weights=images.weights,
                                    biases=images.biases)
        else:
            verilog = emitted_torus(compiled.config)
        probes = list(engine_probes(compiled.config).values()) if self._recording else []
        self._model = NativeModel(verilog, TOPS["torus"], trace=self._trace, probes=probes)
        self._progress("build the simulation", 1, 1)
        self._model.reset()
        self._check_id(compiled)
        if not (isinstance(compiled, Artifact) and compiled.baked):
            run = compiled.executable.load()
            # Each word of a beat takes a cycle on the ring of its row.
            self._run(run, len(run.beats) * compiled.config.beat_words, "load the weights", 1)

    def _check_id(self, compiled: Compiled) -> None:
        run = compiled.executable.identify()
        found = decode_id(self._run(run, len(run.beats), "read the hardware id", 1).beats)
        wanted = compiled.config.hardware_id
        if found != wanted:
            raise DriverError(f"the hardware id must be {wanted:016x}, that of the configuration "
                              f"that the net is compiled for, not {found:016x}")

    def _infer_words(self, x: IntArray) -> IntArray:
        return self._loaded.run(lambda compiled: self._torus_words(x))

    def _torus_words(self, x: IntArray) -> IntArray:
        most = min(self.compiled.executable.max_samples, _MOST_SAMPLES)
        outputs: list[IntArray] = []
        cycles = 0
        for start in range(0, len(x), most):
            words, taken = self._figures(x[start : start + most])
            outputs.append(words)
            cycles += taken
        self.last_run = RunFigures(len(x), len(outputs), cycles)
        return np.concatenate(outputs)

    @property
    def _opened(self) -> NativeModel:
        if self._model is None:
            raise SimError("the device is closed")
        return self._model

    def _figures(self, x: IntArray) -> tuple[IntArray, int]:
        """Run one program; return the output words and the cycles that it took."""
        executable = self.compiled.executable
        run = executable.infer(x)
        done = self._run(run, self.compiled.predict(len(x)), "run samples", len(x))
        cycles = int(done.out_cycles[-1]) - int(done.in_cycles[0]) + 1
        return executable.decode(done.beats), cycles

    def _run(self, run: Run, expected_cycles: int, work: str, total: int) -> Transfer:
        """Run one program, and tell of it as `total` parts of `work`."""
        beats = max(len(run.beats) + run.output_beats, 1)

        def tell(taken: int, given: int) -> None:
            self._progress(work, total * (taken + given) // beats, total)

        limit = _PATIENCE * (expected_cycles + len(run.beats)) + _PATIENCE_CYCLES
        return self._opened.run(run.beats, run.output_beats, max_cycles=limit, progress=tell)
