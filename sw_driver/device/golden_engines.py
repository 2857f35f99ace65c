"""What computes for `GoldenDevice` a net that trains: PyTorch, or compiled code with its words."""

import abc
import dataclasses
import warnings

import numpy as np
import torch
from torch import Tensor

from golden import GoldenWarning
from golden.compiled.training import CompiledTrainingNet
from golden.errors import CompiledMissing
from golden.fixed.format import CLEAR, KEEP
from golden.fixed.stale import Staleness, StaleRun
from golden.fixed.state import TrainingState
from golden.fixed.training import FixedTrainingNet
from sw_driver.arrays import IntArray
from sw_driver.compiled import Compiled
from sw_driver.device.gradients import CheckedGradients
from sw_driver.device.host_loss import LossGradients
from sw_driver.program.events import GradientOf, RunResult

__all__ = ["ENGINES", "GoldenEngine", "make_engine"]

ENGINES = ("auto", "compiled", "torch")
"""What `GoldenDevice` can compute with; "auto" is compiled code where it can be built."""

_PART = 64  # Samples of a call: what stops a run, such as Ctrl-C, is heard between two.


class GoldenEngine(abc.ABC):
    """A net that trains, and its state."""

    @property
    @abc.abstractmethod
    def state(self) -> TrainingState:
        """A copy of the state."""

    @abc.abstractmethod
    def write(self, state: TrainingState) -> None:
        """Go on from a state that was checked."""

    @abc.abstractmethod
    def infer(self, x: IntArray) -> IntArray:
        """Compute input words [N, I] to output words [N, O]."""

    @abc.abstractmethod
    def train(self, x: IntArray, gradient_of: GradientOf) -> RunResult:
        """Train on input words [N, I]: one batch if the net is compiled for batches."""


def make_engine(compiled: Compiled, state: TrainingState, engine: str) -> GoldenEngine:
    """Return the engine of one of `ENGINES` for a net that trains.

    Raises
    ------
    CompiledMissing
        It is "compiled" and cannot be built. If it is "auto", that is warned of (`GoldenWarning`).
    """
    if engine == "torch":
        return _TorchEngine(compiled, state)
    try:
        return _CompiledEngine(compiled, state)
    except CompiledMissing as error:
        if engine == "compiled":
            raise
        warnings.warn(
            f"{error}; until then the golden model trains in PyTorch, many times slower",
            GoldenWarning,
            stacklevel=7,
        )
        return _TorchEngine(compiled, state)


class _TorchEngine(GoldenEngine):
    def __init__(self, compiled: Compiled, state: TrainingState) -> None:
        self._compiled = compiled
        self._net = FixedTrainingNet(compiled.format, state.clone(), compiled.placement)

    @property
    def state(self) -> TrainingState:
        return self._net.state.clone()

    def write(self, state: TrainingState) -> None:
        self._net.state = state.clone()

    def infer(self, x: IntArray) -> IntArray:
        return self._net.forward(torch.as_tensor(x))[-1].output.words.numpy()

    def train(self, x: IntArray, gradient_of: GradientOf) -> RunResult:
        compiled = self._compiled
        outputs: list[IntArray] = []
        sums: list[IntArray] = []
        if compiled.staleness is not None:
            return self._train_stale(x, gradient_of, compiled.staleness)
        size = len(x) if compiled.batches else 1
        for start in range(0, len(x), size):
            words = torch.as_tensor(x[start : start + size])
            seen = self._net.forward(words)
            y = seen[-1].output.words.numpy()
            gradients = [gradient_of(start + index, one) for index, one in enumerate(y)]
            passes = self._net.backward_batch(
                words,
                seen,
                torch.as_tensor(np.stack(gradients)),
                decay=_decay(compiled),
                frozen=compiled.frozen,
                input_gradient=compiled.input_gradient,
            )
            outputs.append(y)
            sums += [one.input_gradient.numpy() for one in passes if one.input_gradient is not None]
        return RunResult(np.concatenate(outputs), np.stack(sums) if sums else None)

    def _train_stale(
        self, x: IntArray, gradient_of: GradientOf, staleness: Staleness
    ) -> RunResult:
        compiled, run = self._compiled, StaleRun(self._net, staleness)
        outputs: list[IntArray] = []
        sums: list[IntArray] = []
        for number in range(len(x)):
            words = torch.as_tensor(x[number : number + 1])
            seen = run.forward(words)
            outputs.append(seen[-1].output.words.numpy()[0])
            found = run.backward(
                words,
                seen,
                torch.as_tensor(gradient_of(number, outputs[-1])),
                decay=_decay(compiled),
                frozen=compiled.frozen,
                input_gradient=compiled.input_gradient,
            )
            sums += [] if found.input_gradient is None else [found.input_gradient.numpy()]
        return RunResult(np.stack(outputs), np.stack(sums) if sums else None)


class _CompiledEngine(GoldenEngine):
    """Makes the gradients of the cross-entropy itself, and asks for those of another loss."""

    def __init__(self, compiled: Compiled, state: TrainingState) -> None:
        self._compiled = compiled
        self._net = CompiledTrainingNet(
            compiled.format, state, compiled.placement, staleness=compiled.staleness
        )

    @property
    def state(self) -> TrainingState:
        return self._net.state

    def infer(self, x: IntArray) -> IntArray:
        return self._net.forward_words(torch.as_tensor(x)).numpy()

    def write(self, state: TrainingState) -> None:
        self._net.write_state(state)

    def train(self, x: IntArray, gradient_of: GradientOf) -> RunResult:
        compiled, net, words = self._compiled, self._net, torch.as_tensor(x)
        outputs = np.empty((len(x), compiled.shapes[-1].out_features), np.int64)
        sums = np.empty(x.shape, np.int64) if compiled.input_gradient else None
        size, decay = len(x) if compiled.batches else 1, _decay(compiled)
        learner = _Learner.of(gradient_of, outputs.shape[1])
        done = 0
        net.settle()
        while done < len(x):
            if learner is not None:
                part = words[done : done + _PART]
                labels = learner.labels[done : done + _PART]
                found = net.learn(
                    part,
                    labels,
                    learner.loss.rate,
                    first=done % size,
                    size=size,
                    decay=decay,
                    frozen=compiled.frozen,
                    input_gradient=compiled.input_gradient,
                )
                stop = done + len(found.outputs)
                outputs[done:stop] = found.outputs
                if sums is not None and found.sums is not None:
                    sums[done:stop] = found.sums
                learner.take(done, outputs[done:stop], found.gradients.numpy())
                done = stop
                if len(found.outputs) == len(part):
                    continue
            one, number = words[done : done + 1], done % size
            outputs[done] = net.forward_words(one)[0]
            back = net.backward(
                one,
                torch.as_tensor(gradient_of(done, outputs[done])),
                decay=KEEP if number else decay,
                apply=number == size - 1,
                frozen=compiled.frozen,
                input_gradient=compiled.input_gradient,
            )
            if sums is not None and back is not None:
                sums[done] = back
            done += 1
        net.settle()  # Who computes outputs then sees all changes.
        return RunResult(outputs, sums)


@dataclasses.dataclass(frozen=True, eq=False)
class _Learner:
    """A loss whose gradients compiled code makes, and who wants to know of them."""

    checked: CheckedGradients
    loss: LossGradients
    labels: Tensor

    @classmethod
    def of(cls, gradient_of: GradientOf, outputs: int) -> "_Learner | None":
        """Return the learner behind a function; None if it is another function."""
        if not isinstance(gradient_of, CheckedGradients):
            return None
        loss = gradient_of.source
        labels = loss.labels(outputs) if isinstance(loss, LossGradients) else None
        if not isinstance(loss, LossGradients) or labels is None:
            return None
        return cls(gradient_of, loss, labels)

    def take(self, first: int, outputs: IntArray, words: IntArray) -> None:
        self.loss.take(first, outputs, words)
        self.checked.count(words)


def _decay(compiled: Compiled) -> int:
    return CLEAR if compiled.momentum is None else compiled.momentum
