"""Targets that are sent with the inputs, and the gradients of their squared error."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from golden import TrainingFormat
from golden.arguments import shown
from golden.fixed.words import error_words, from_words, signed_bits, to_words
from golden.training.losses import LossFunction, loss_value, squared_error
from sw_driver.arrays import IntArray
from sw_driver.errors import DriverError

__all__ = ["TargetGradients", "check_loss", "error_shift", "target_words"]


def error_shift(form: TrainingFormat, rate: float) -> int:
    """Return the shift from an output less its target to its gradient times `rate`.

    Raises
    ------
    DriverError
        If `rate` is no power of two.
    """
    mantissa, exponent = math.frexp(rate)
    if mantissa != 0.5:
        near = 2.0 ** round(math.log2(rate))
        raise DriverError(
            "learning_rate, over the samples of a batch, must be a power of two where targets are "
            f"sent, such as {near:g}, not {rate:g}"
        )
    return form.output_fraction_bits - form.gradient_fraction_bits - (exponent - 1)


def check_loss(form: TrainingFormat, loss: LossFunction) -> None:
    """Refuse a loss that is not the one of a net on targets, or this one for another net.

    Raises
    ------
    DriverError
        If so.
    """
    if form.error_shift is not None and loss is not squared_error:
        raise DriverError(
            "loss must be golden.squared_error for a net whose format has an error_shift, "
            f"not {shown(loss)}"
        )


def target_words(form: TrainingFormat, targets: Tensor) -> IntArray:
    """Turn real targets [N, O] into words int64 [N, O] at the scale of the outputs.

    Raises
    ------
    DriverError
        If one does not fit.
    ModelError
        If one is NaN or infinite.
    """
    bits, fraction = min(form.act_bits, form.grad_bits), form.output_fraction_bits
    words = to_words(targets, fraction, bits + 1)
    if signed_bits(words) > bits:
        raise DriverError(
            f"targets must be below {2.0 ** (bits - 1 - fraction)} to fit {bits} bits with "
            f"{fraction} fraction bits, not {float(targets.abs().max())}"
        )
    return words.numpy()


class TargetGradients:
    """The gradients of a run on targets: what `WordDevice.train_words` asks for a sample's words.

    A torus makes them by itself, of `words` and `shift`, and calls this afterwards for the losses.

    Parameters
    ----------
    form
        Of the net's words.
    targets
        Reals [N, O].
    rate
        The learning rate, over the samples of a batch: a power of two.
    seen
        Called with each sample's number and its output words [O].
    losses
        What losses are added to; by default a list of its own.

    Attributes
    ----------
    words, shift
        Words int64 [N, O] of the targets, and the shift of their errors.
    losses
        `golden.training.losses.squared_error` of every sample that was seen.

    Raises
    ------
    DriverError, ModelError
        If a target does not fit, or the rate is no power of two.
    """

    def __init__(
        self,
        form: TrainingFormat,
        targets: Tensor,
        rate: float,
        seen: Callable[[int, IntArray], object] = lambda sample, y: None,
        *,
        losses: list[float] | None = None,
    ) -> None:
        self._form, self._targets, self._seen = form, targets, seen
        self.words = target_words(form, targets)
        self.shift = error_shift(form, rate)
        self.losses: list[float] = [] if losses is None else losses

    def __call__(self, sample: int, y: IntArray) -> IntArray:
        """Return the words [O] of the gradient of a sample, and take note of its loss."""
        form, output = self._form, torch.as_tensor(y)
        reals = from_words(output, form.output_fraction_bits)[None]
        wanted = self._targets[sample : sample + 1]
        self.losses.append(loss_value(squared_error, reals, wanted).loss)
        self._seen(sample, y)
        words = torch.as_tensor(self.words[sample])
        return error_words(output, words, self.shift, form.grad_bits).numpy()
