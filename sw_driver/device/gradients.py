"""What is refused before a device is touched; and the words of gradients on the host's side."""

from typing import Any

from numpy.typing import NDArray
from torch import Tensor

from golden.fixed.format import TrainingFormat
from golden.fixed.words import signed_bits, to_words
from golden.training.losses import mask_relu
from sw_driver.arrays import IntArray
from sw_driver.errors import DriverError, HostDataError

__all__ = ["check_gradient_words", "gradient_words"]


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
