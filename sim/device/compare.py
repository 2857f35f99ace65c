"""Training on the RTL, held against the golden model after every step, word by word.

Beside what the host gets, the words in the memories of all PEs are compared, in the order in which
a step computes them: so the first difference is the closest to its cause.
"""

import itertools
from collections.abc import Iterable, Iterator
from types import TracebackType

import numpy as np
import torch

from golden.fixed.format import CLEAR
from golden.fixed.quantised import AnyLayerWords
from golden.fixed.results import SampleBackward
from golden.fixed.state import TrainingState
from golden.fixed.training import FixedTrainingNet
from golden.system.progress import Progress
from sw_driver.arrays import IntArray
from sw_driver.compiled import Compiled
from sw_driver.errors import DriverError
from sw_driver.program.events import GradientOf, RunResult

from ..errors import SimError
from .device import SimDevice
from .memories import ACCESSIBLE, TrainingMemories
from .places import Place, Places
from .transport import idle_cycles

__all__ = ["ComparedTraining", "WordDiffers"]


class WordDiffers(SimError):
    """A word of the torus is not the golden model's: the first one of a step.

    Parameters
    ----------
    place
        Which word it is; the layer is None, and the PE, for one that the host received.
    expected, found
        The golden model's word, and that of the torus.
    samples
        The first sample of the step and the one after its last, counted from the beginning.
    sample
        The sample whose word it is, None for what belongs to the whole step.
    """

    def __init__(self, place: Place | str, expected: int, found: int, samples: tuple[int, int],
                 sample: int | None) -> None:
        self.place = place
        self.expected = expected
        self.found = found
        self.samples = samples
        self.sample = sample
        first, end = samples
        if sample is not None or end - first == 1:
            which = f"sample {first if sample is None else sample}"
        else:
            which = f"batch of samples {first} to {end - 1}"
        super().__init__(f"{which}, {place}: expected {expected}, found {found}")


class ComparedTraining:
    """A torus that trains, simulated in this process, with the golden model beside it.

    Where samples are batches of their own, each is a step, compared before the next one begins;
    else each call of `train` is one. The model is one whose memories can be read, and a good deal
    slower than that of `SimDevice`.

    Parameters
    ----------
    compiled
        The net.
    state
        What training begins with.
    progress
        Told of long work.
    engine
        What simulates: one of `sim.device.engines.ENGINES`.

    Attributes
    ----------
    compiled : Compiled
        The net.
    golden : FixedTrainingNet
        The golden model; its state is that of the torus as long as nothing differs.
    memories : TrainingMemories
        Those of the torus.
    samples : int
        Samples that were compared.
    """

    def __init__(self, compiled: Compiled, state: TrainingState, *,
                 progress: Progress | None = None, engine: str = "auto") -> None:
        if compiled.staleness is not None:
            raise DriverError("compiled must not be stale where memories are compared after every "
                              "sample: its samples overlap; compare the states after runs")
        self.compiled = compiled
        self._places = Places(compiled)
        self._device = SimDevice(progress=progress, accessible=ACCESSIBLE, engine=engine)
        self.samples = 0
        self._apart = False
        self.load(state)

    def close(self) -> None:
        """Free the model."""
        self._device.close()

    def __enter__(self) -> "ComparedTraining":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.close()

    def load(self, state: TrainingState) -> None:
        """Begin with a state on both sides, the torus fresh from reset."""
        compiled = self.compiled
        self._apart = True
        self._device.load(compiled, state)
        self.memories = TrainingMemories(compiled.config, self._device.model)
        self.golden = FixedTrainingNet(compiled.format, state.clone(), compiled.placement)
        self._apart = False

    def read_state(self) -> TrainingState:
        """Read what `load` sets from the torus, over the host stream."""
        return self._device.read_state()

    def train(self, x: IntArray, gradient_of: GradientOf) -> RunResult:
        """Train on input words [N, I]; see `Device.train_words`.

        Whatever ends this early, the states must be loaded again before it is called again.

        Raises
        ------
        WordDiffers
            At the first word that differs.
        DriverError
            The call before was broken off.
        """
        if self._apart:
            raise DriverError("the states must be loaded again, since the training step before was "
                              "broken off and the two sides are apart: call load()")
        self._apart = True
        result = self._train(x, gradient_of)
        self._apart = False
        return result

    def _train(self, x: IntArray, gradient_of: GradientOf) -> RunResult:
        if self.compiled.batches:
            return self._step(x, gradient_of)
        results = [
            self._step(x[sample : sample + 1],
                       lambda _, y, sample=sample: gradient_of(sample, y))
            for sample in range(len(x))]
        sums = [one.input_gradients for one in results if one.input_gradients is not None]
        return RunResult(np.concatenate([one.outputs for one in results]),
                         np.concatenate(sums) if sums else None)

    def _step(self, x: IntArray, gradient_of: GradientOf) -> RunResult:
        inputs, gradients = torch.as_tensor(x), torch.zeros(
            len(x), self.compiled.format.shapes[-1].out_features, dtype=torch.int64)
        words = self.golden.forward(inputs)
        expected = words[-1].output.words.numpy()

        def checked(sample: int, outputs: IntArray) -> IntArray:
            # Nobody may learn from a wrong output. What it comes from is in the memories.
            if not np.array_equal(outputs, expected[sample]):
                self._report(self._forward_differences(inputs, words, sample, outputs), len(x))
            gradient = gradient_of(sample, outputs)
            gradients[sample] = torch.as_tensor(gradient)
            return gradient

        result = self._device.train_words(x, checked)
        self.memories.wait(idle_cycles(self.compiled.config))
        compiled = self.compiled
        done = self.golden.backward_batch(
            inputs, words, gradients, decay=CLEAR if compiled.momentum is None else
            compiled.momentum, frozen=compiled.frozen, input_gradient=compiled.input_gradient)
        self._report(itertools.chain(
            self._activation_differences(inputs, words, range(len(x))),
            self._backward_differences(gradients, done),
            _host_differences("input gradient", [back.input_gradient for back in done],
                              result.input_gradients),
            self._lfsr_differences()), len(x))
        self.samples += len(x)
        return result

    def _report(self, differences: Iterable["_Found"], samples: int) -> None:
        for place, expected, found, sample in differences:
            first = self.samples
            raise WordDiffers(place, expected, found, (first, first + samples),
                              None if sample is None else first + sample)

    def _forward_differences(self, x: torch.Tensor, words: list[AnyLayerWords], sample: int,
                             outputs: IntArray) -> Iterator["_Found"]:
        """Of a sample whose output is wrong."""
        if len(x) == 1:
            yield from self._activation_differences(x, words, range(1))
        expected = words[-1].output.words[sample].numpy()
        for at in np.nonzero(outputs != expected)[0].tolist():
            yield f"output {at}", int(expected[at]), int(outputs[at]), sample

    def _activation_differences(self, x: torch.Tensor, words: list[AnyLayerWords],
                                samples: Iterable[int]) -> Iterator["_Found"]:
        memories = {on_columns: self.memories.activations(on_columns=on_columns)
                    for on_columns in (False, True)}
        for sample in samples:
            for number, stage in enumerate(self.compiled.stages):
                if self._places.held(number, sample, len(x)):
                    image = self._places.activations(number, sample, x, words)
                    for found in image.differences(memories[stage.on_columns]):
                        yield *found, sample

    def _backward_differences(self, gradients: torch.Tensor, done: list[SampleBackward]
                              ) -> Iterator["_Found"]:
        """From the last stage to the first: its weights, and the gradients of its inputs."""
        memories, state, places = self.memories, self.golden.state, self._places
        masters, biases = memories.weights(), memories.biases()
        rates = ()
        if self.compiled.format.velocity_bits:
            rates = memories.weight_velocities(), memories.bias_velocities()
        held = {on_columns: memories.gradients(on_columns=on_columns)
                for on_columns in (False, True)}
        from_host = memories.host_gradients()
        last = len(self.compiled.stages) - 1
        for number in range(last, -1, -1):
            stage = self.compiled.stages[number]
            images = [(places.weights(number, state, velocity=False), masters),
                      (places.biases(number, state, velocity=False), biases)]
            if rates:
                images += [(places.weights(number, state, velocity=True), rates[0]),
                           (places.biases(number, state, velocity=True), rates[1])]
            for image, memory in images:
                if image is not None:
                    for found in image.differences(memory):
                        yield *found, None
            for sample, back in enumerate(done):
                if places.passed(number) and places.held(number, sample, len(done)):
                    image = places.gradients(number, sample, gradients[sample], back)
                    memory = from_host if number == last else held[stage.on_columns]
                    for found in image.differences(memory):
                        yield *found, sample

    def _lfsr_differences(self) -> Iterator["_Found"]:
        config = self.compiled.config
        found = self.memories.lfsr()[:, :, 0]
        expected = self.golden.state.lfsr.numpy().reshape(config.rows, config.cols)
        for row, col in np.argwhere(found != expected).tolist():
            place = Place("LFSR", None, None, (row, col))
            yield place, int(expected[row, col]), int(found[row, col]), None


_Found = tuple[Place | str, int, int, int | None]
"""A place, or a host word's name; the word expected there, and found; and of which sample."""


def _host_differences(name: str, expected: list[torch.Tensor | None], found: IntArray | None
                      ) -> Iterator[_Found]:
    for sample, words in enumerate(expected):
        if words is not None and found is not None:
            for at in np.nonzero(found[sample] != words.numpy())[0].tolist():
                yield f"{name} {at}", int(words[at]), int(found[sample, at]), sample
