"""What is refused before a device is touched; and the words of gradients on the host's side."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from golden.losses import mask_relu
from golden.training_format import TrainingFormat
from golden.words import signed_bits, to_words
from sw_driver.errors import DriverError, HostDataError
from sw_driver.handover import IntArray

__all__ = ["check_gradient_words", "checked_array", "checked_rate", "gradient_words"]


def checked_array(name: str, values: ArrayLike, kinds: str, what: str) -> NDArray[Any]:
    """Return values as an array of a dtype of one of these kinds, which are `what`.

    Raises
    ------
    HostDataError
        If they are none; the message begins with `name`.
    """
    try:
        array: NDArray[Any] = np.asarray(values)
    except ValueError as error:
        raise HostDataError(f"{name} must be an array: {error}") from error
    if array.dtype.kind not in kinds:
        raise HostDataError(f"{name} must be {what}, not {array.dtype}")
    return array


def checked_rate(rate: float) -> float:
    """Return a learning rate that is finite and above 0, or refuse it.

    Raises
    ------
    DriverError
        If it is not.
    """
    if not (math.isfinite(rate) and rate > 0):
        raise DriverError(f"learning_rate must be finite and above 0, not {rate}")
    return float(rate)


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
    """Refuse what are not the words [outputs] of a sample's gradient, `bits` bits each.

    Raises
    ------
    HostDataError
        If they are not.
    """
    if gradient.dtype.kind not in "iu" or gradient.shape != (outputs,):
        raise HostDataError(
            f"the words of a sample's gradient must be whole numbers [{outputs}], "
            f"not {gradient.dtype} {list(gradient.shape)}"
        )
    limit = 1 << (bits - 1)
    low, high = int(gradient.min()), int(gradient.max())
    if low < -limit or high >= limit:
        raise HostDataError(
            f"the words of a gradient must be {-limit} to {limit - 1}, those of {bits} bits, but "
            f"reach from {low} to {high}"
        )
