"""What is refused before a device is touched; and the words of gradients on the host's side."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from golden.fixed.format import TrainingFormat
from golden.fixed.words import signed_bits, to_words
from golden.training.losses import mask_relu
from sw_driver.arrays import IntArray
from sw_driver.device.arrays import as_array
from sw_driver.errors import DriverError, HostDataError
from sw_driver.program.events import GradientOf

__all__ = ["CheckedGradients", "check_gradient_words", "gradient_words", "zeros_in_a_row"]


def gradient_words(
    form: TrainingFormat, gradient: Tensor, outputs: Tensor, rate: float
) -> IntArray:
    """Turn a gradient by the outputs [N, O], times the learning rate, into words int64 [N, O].

    A ReLU at the end of the net is the host's affair: where the output is 0, so is the gradient.

    Raises
    ------
    DriverError
        If a word would saturate.
    ModelError
        If a value is NaN or infinite.
    """
    if form.layers[-1].relu:
        gradient = mask_relu(gradient, outputs)
    bits, fraction = form.grad_bits, form.gradient_fraction_bits
    words = to_words(gradient * rate, fraction, bits + 1)
    if signed_bits(words) > bits:
        raise DriverError(
            f"learning_rate must be such that the gradient times it is below "
            f"{2.0 ** (bits - 1 - fraction)}, the range of its {bits} bits, "
            f"but {rate} makes it {float((gradient * rate).abs().max())}"
        )
    return words.numpy()


def check_gradient_words(gradient: NDArray[Any], outputs: int, bits: int) -> None:
    """Refuse whole numbers that are no words [outputs] of a sample's gradient, of `bits` bits each.

    Raises
    ------
    HostDataError
        If they are not.
    """
    if gradient.shape != (outputs,):
        raise HostDataError(
            f"the words of a sample's gradient must be whole numbers [{outputs}], "
            f"not {list(gradient.shape)}"
        )
    limit = 1 << (bits - 1)
    low, high = int(gradient.min()), int(gradient.max())
    if low < -limit or high >= limit:
        raise HostDataError(
            f"the words of a gradient must be {-limit} to {limit - 1}, those of {bits} bits, but "
            f"reach from {low} to {high}"
        )


class CheckedGradients:
    """What a user's function returns as the gradient of a sample, refused if it does not fit.

    Parameters
    ----------
    source
        The function.
    outputs, bits
        Words of a gradient, and the width of each.
    zeros
        Samples in a row, up to now, whose gradient was 0; kept up to date.
    """

    def __init__(self, source: GradientOf, outputs: int, bits: int, zeros: int) -> None:
        self.source = source
        self.zeros = zeros
        self._outputs = outputs
        self._bits = bits

    def __call__(self, sample: int, y: IntArray) -> IntArray:
        """Return the words [O] of a sample's gradient.

        Raises
        ------
        HostDataError
            If they do not fit.
        """
        name = "the words of a sample's gradient"
        what = f"whole numbers [{self._outputs}]"
        gradient = as_array(name, self.source(sample, y), "iu", what)
        check_gradient_words(gradient, self._outputs, self._bits)
        self.count(gradient[None])
        return gradient.astype(np.int64)

    def count(self, gradients: NDArray[Any]) -> None:
        """Take note of gradients [N, O] that fit."""
        self.zeros = zeros_in_a_row(self.zeros, gradients)


def zeros_in_a_row(before: int, gradients: NDArray[Any]) -> int:
    """Return how many of the latest gradients [N, O] in a row are 0; `before` of those before."""
    others = np.flatnonzero(gradients.any(axis=1))
    return before + len(gradients) if not len(others) else len(gradients) - 1 - int(others[-1])
