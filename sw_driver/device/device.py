"""Devices: what runs and trains compiled nets, behind one interface.

`sw_driver.device.loaded` says what becomes of a device whose run is broken off, or that several
threads use. `GoldenDevice` computes from the net itself and never looks at memory images, so that
an error in these shows. A torus is behind a `TorusDevice`, simulated or on a board.

A device is built up in four steps, each of which knows a little more: `NetDevice` (`loaded`) holds
a net and lets threads take turns, `WordDevice` loads it, infers and trains on words, `StateDevice`
reads and sets what training changes, and `Device`, here, takes real numbers. What these check they
hand on to methods of the same name with an underscore (`infer_words` to `_infer_words`,
`read_state` to `_read_state`; all training to `_train`): those of `GoldenDevice` or `TorusDevice`.

Whatever could be refused is refused before the device is touched: a learning rate, a gradient that
does not fit its words, a target or a loss that is not finite, a state of another net or torus.
"""

import dataclasses
import math
import threading

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from golden.fixed.words import from_words
from golden.training.losses import LossFunction, loss_value, softmax_cross_entropy
from sw_driver.arrays import IntArray
from sw_driver.device.arrays import as_array, as_rate
from sw_driver.device.gradients import gradient_words
from sw_driver.device.host_loss import MOST_EMPTY, HostLoss, LossGradients, check_bounded
from sw_driver.device.state_device import StateDevice
from sw_driver.device.targets import TargetGradients, check_loss
from sw_driver.errors import DriverError, HostDataError
from sw_driver.program.events import GradientOf

__all__ = ["Device", "ForwardPass", "StepResult"]

_NO_FORWARD = "backward must follow a forward, with no training in between"


@dataclasses.dataclass(frozen=True, eq=False)
class StepResult:
    """What a training step gave.

    Parameters
    ----------
    loss
        Mean over the samples, each before the weights changed by it.
    outputs
        float64 [N, O].
    cycles
        Clock cycles that the torus took; None where there is no clock.
    """

    loss: float
    outputs: NDArray[np.float64]
    cycles: int | None


@dataclasses.dataclass(frozen=True, eq=False)
class ForwardPass:
    """What a way back needs.

    Parameters
    ----------
    inputs, outputs
        Words int64 [N, I] and [N, O].
    reals
        The outputs as the numbers that they stand for, float64 [N, O].
    weights
        Stands for the weights: another object when they have changed.
    """

    inputs: IntArray
    outputs: IntArray
    reals: NDArray[np.float64]
    weights: object


class _Latest(threading.local):
    """The latest `forward` of each thread."""

    seen: ForwardPass | None = None

    def __reduce__(self) -> tuple[type["_Latest"], tuple[()]]:
        return _Latest, ()  # A copy of a device begins without.


class Device(StateDevice):
    """Something that runs compiled nets on real numbers, and trains those that are to be trained.

    See `WordDevice` for its attributes, and for what becomes of runs that are broken off.
    """

    def __init__(self) -> None:
        super().__init__()
        self._latest = _Latest()

    def infer(self, x: ArrayLike) -> NDArray[np.float64]:
        """Compute real inputs [N, I] to outputs float64 [N, O], in the fixed point of the net.

        Errors are those of `to_words`. Inputs that are clipped are warned of (`GoldenWarning`).
        """
        with self._loaded.turn:
            self._loaded.use()
            words = self.to_words(x)
            self._warn_of_saturation(words, stacklevel=4)
            return self.to_reals(self._infer_words(words))

    def train_step(
        self,
        x: ArrayLike,
        targets: ArrayLike,
        *,
        learning_rate: float,
        loss: LossFunction = softmax_cross_entropy,
    ) -> StepResult:
        """Train on real inputs [N, I] and the targets of a loss.

        A net compiled for batches takes the samples as one batch, else as N of one sample.

        Raises
        ------
        DriverError
            If the learning rate is not above 0 or not finite, or so large that a gradient does not
            fit its words, or so small that all those of 100 samples in a row are 0; or if no net is
            loaded.
        HostDataError
            If the inputs are not finite real numbers [N, I], or the targets are no numbers.
        GoldenError
            If targets or loss are not finite or of another shape.
        """
        with self._loaded.turn:
            self._trained()
            return self._step(x, targets, learning_rate, loss)

    def _step(
        self, x: ArrayLike, targets: ArrayLike, learning_rate: float, loss: LossFunction
    ) -> StepResult:
        form, batches = self.compiled.format, self.compiled.batches
        check_loss(form, loss)
        words = self._words_to_train(x)
        found = as_array("targets", targets, "biuf", "numbers")
        wanted = torch.as_tensor(found.astype(np.int64) if found.dtype.kind in "iu" else found)
        share = len(words) if batches else 1
        rate = as_rate(learning_rate)
        host = HostLoss(form, loss, patient=True)
        zero = torch.zeros((len(words), form.shapes[-1].out_features), dtype=torch.float64)
        # This also checks the targets.
        bound = loss_value(loss, zero, wanted).bound * len(words) / share
        if form.error_shift is not None:
            return self._step_on_targets(words, wanted, rate / share)
        gradient_of = LossGradients(host, wanted, rate / share)
        if math.isfinite(bound):
            least = gradient_words(form, torch.tensor([[bound]]), torch.ones(1, 1), rate)
            if not least.any():
                raise DriverError(
                    f"learning_rate must be such that the largest gradient of the loss, {bound:g}, "
                    f"times it reaches {2.0 ** -(form.gradient_fraction_bits + 1):g}, half of the "
                    f"least word, but {rate:g} makes every gradient 0"
                )
            y = self._run(words, gradient_of).outputs
            cycles = self.last_cycles
        else:
            check_bounded(self.compiled, loss)
            y, cycles = self._run_with_care(words, gradient_of)
        self._count_zero_gradients()
        outputs = from_words(torch.as_tensor(y), form.output_fraction_bits)
        return StepResult(float(np.mean(host.losses)), outputs.numpy(), cycles)

    def _step_on_targets(self, words: IntArray, targets: Tensor, rate: float) -> StepResult:
        form = self.compiled.format
        gradient_of = TargetGradients(form, targets, rate)
        y = self._run(words, gradient_of).outputs
        outputs = from_words(torch.as_tensor(y), form.output_fraction_bits)
        return StepResult(float(np.mean(gradient_of.losses)), outputs.numpy(), self.last_cycles)

    def _words_to_train(self, x: ArrayLike) -> IntArray:
        """Do as `to_words`, and warn of values that are clipped, once after loading."""
        words = self.to_words(x)
        if self.saturated_inputs and not self._warned:
            self._warned = True
            self._warn_of_saturation(words, stacklevel=6)
        return words

    def _run_with_care(
        self, words: IntArray, gradient_of: GradientOf
    ) -> tuple[IntArray, int | None]:
        """Run with a loss without a bound: compute all gradients of a batch before it trains.

        What does not fit its words is then refused with the weights as they were.
        """
        outputs: list[IntArray] = []
        total: int | None = None
        size = len(words) if self.compiled.batches else 1
        for start in range(0, len(words), size):
            part = words[start : start + size]
            seen = self._infer_words(part)
            gradients = [gradient_of(start + index, y) for index, y in enumerate(seen)]
            self._run(part, lambda sample, y, found=gradients: found[sample])
            outputs.append(seen)
            if self.last_cycles is not None:
                total = (total or 0) + self.last_cycles
        return np.concatenate(outputs), total

    def _count_zero_gradients(self) -> None:
        if self._zero_gradients >= MOST_EMPTY:
            count, self._zero_gradients = self._zero_gradients, 0
            raise DriverError(
                "learning_rate must be large enough that gradients do not round to 0, as all "
                f"words of {count} samples in a row did"
            )

    def forward(self, x: ArrayLike) -> NDArray[np.float64]:
        """Compute real inputs [N, I] to outputs float64 [N, O], and remember them for `backward`.

        Errors are those of `to_words`.
        """
        seen = self._latest.seen = self.forward_pass(x)
        return seen.reals

    def forward_pass(self, x: ArrayLike) -> ForwardPass:
        """Compute as `forward`, and return what `backward_of` needs instead of remembering it.

        Errors are those of `to_words`.
        """
        with self._loaded.turn:
            self._loaded.use()
            words = self._words_to_train(x)
            outputs = self._infer_words(words)
            return ForwardPass(words, outputs, self.to_reals(outputs), self._weights)

    def backward(
        self, gradient: ArrayLike, *, learning_rate: float
    ) -> NDArray[np.float64] | None:
        """Train on the inputs of this thread's latest `forward`, by the gradient of their outputs.

        Parameters
        ----------
        gradient
            Real [N, O]: the gradient of a loss by the outputs. In a net compiled for batches the
            samples are one batch; else there must be one sample.
        learning_rate
            What the gradient is multiplied by.

        Returns
        -------
        array or None
            float64 [N, I]: the gradient of the loss by the inputs, if the net is compiled for it.

        Raises
        ------
        DriverError
            If there was no `forward` since the weights changed, or as for `train_step`.
        HostDataError
            If the gradient is not of real numbers, or not of the outputs' shape.
        GoldenError
            If the gradient is not finite.
        """
        with self._loaded.turn:
            self._trained()
            seen = self._latest.seen
            if seen is None:
                raise DriverError(_NO_FORWARD)
            return self.backward_of(seen, gradient, learning_rate=learning_rate)

    def backward_of(
        self, seen: ForwardPass, gradient: ArrayLike, *, learning_rate: float
    ) -> NDArray[np.float64] | None:
        """Do as `backward`, for what `forward_pass` returned; errors are the same."""
        with self._loaded.turn:
            self._trained()
            if seen.weights is not self._weights:
                raise DriverError(_NO_FORWARD)
            return self._backward(seen, gradient, learning_rate)

    def _backward(
        self, seen: ForwardPass, gradient: ArrayLike, learning_rate: float
    ) -> NDArray[np.float64] | None:
        compiled, inputs, outputs = self.compiled, seen.inputs, seen.outputs
        if len(inputs) > 1 and not compiled.batches:
            raise DriverError(
                "backward must be of one sample, or of a net compiled with batches=True, "
                f"not of {len(inputs)} samples"
            )
        rate = as_rate(learning_rate)
        array = as_array("gradient", gradient, "iuf", "real numbers")
        reals = torch.as_tensor(array.astype(np.float64))
        if tuple(reals.shape) != outputs.shape:
            raise HostDataError(
                f"gradient must have shape {list(outputs.shape)}, not {list(reals.shape)}"
            )
        words = gradient_words(compiled.format, reals, torch.as_tensor(outputs), rate)
        result = self._run(inputs, lambda sample, y: words[sample])
        self._count_zero_gradients()
        if result.input_gradients is None:
            return None
        fraction = compiled.format.input_gradient_fraction_bits
        return from_words(torch.as_tensor(result.input_gradients), fraction).numpy() / rate
