"""Two's-complement words: their widths, rounding, saturation, and the reals that they stand for."""

import torch
from torch import Tensor

from golden.arguments import items, shown, whole_number
from golden.arguments import tensor as tensor_of
from golden.errors import ModelError

__all__ = [
    "MAX_SHIFT",
    "MAX_WORD_BITS",
    "MIN_WORD_BITS",
    "check_word_bits",
    "fraction_bits",
    "from_words",
    "round_half_even_shift",
    "saturate",
    "saturated_values",
    "signed_bits",
    "to_words",
]

MIN_WORD_BITS = 4
MAX_WORD_BITS = 18
MAX_SHIFT = 62
_MOST_FRACTION = 1000  # A power of two beyond is no float64.


def check_word_bits(name: str, bits: int) -> int:
    """Return a word width, named `name` in the message, of 4 to 18 bits.

    Raises
    ------
    ModelError
        If it is not.
    """
    bits = whole_number(name, bits, error=ModelError)
    if not MIN_WORD_BITS <= bits <= MAX_WORD_BITS:
        raise ModelError(f"{name} must be {MIN_WORD_BITS} to {MAX_WORD_BITS}, not {bits}")
    return bits


def round_half_even_shift(acc: Tensor, shift: int) -> Tensor:
    """Divide by 2**shift and round to nearest, a tie to the even neighbour.

    Parameters
    ----------
    acc
        int64, any shape; magnitudes below 2**62.
    shift
        Bits to drop, 0 to 62.

    Returns
    -------
    Tensor
        int64, the shape of `acc`. Exact: no floating point is involved.
    """
    acc, shift = _words("acc", acc), whole_number("shift", shift, error=ModelError)
    if not 0 <= shift <= MAX_SHIFT:
        raise ModelError(f"shift must be 0 to {MAX_SHIFT}, not {shift}")
    if shift == 0:
        return acc
    # Half a unit less one, and one more where the quotient rounded down is odd: a tie goes up then.
    odd = (acc >> shift) & 1
    return (acc + odd + ((1 << (shift - 1)) - 1)) >> shift


def saturate(value: Tensor, bits: int) -> Tensor:
    """Clip to the range of a two's-complement word, -2**(bits-1) to 2**(bits-1) - 1.

    Raises
    ------
    ModelError
        If `bits` is not 1 to 64, or `value` not int64.
    """
    value, bits = _words("value", value), whole_number("bits", bits, 1, 64, error=ModelError)
    return value.clamp(-(1 << (bits - 1)), (1 << (bits - 1)) - 1)


def to_words(values: Tensor, fraction_bits: int, bits: int) -> Tensor:
    """Quantise reals: `values` * 2**fraction_bits, rounded half to even, saturated to `bits`.

    Raises
    ------
    ModelError
        If a value is NaN or infinite, or `bits` is not 1 to 63.
    """
    if tensor_of("values", values, error=ModelError).is_complex():
        raise ModelError(f"values must be real, not {values.dtype}")
    bits = whole_number("bits", bits, 1, 63, error=ModelError)
    fraction_bits = _fraction_bits(fraction_bits)
    values = values.detach().to("cpu", torch.float64)
    if not bool(torch.isfinite(values).all()):
        raise ModelError("values to quantise must be finite, but some are NaN or infinite")
    limit = float(1 << (bits - 1))
    scaled = torch.round(values * 2.0**fraction_bits)
    return saturate(scaled.clamp(-limit, limit).to(torch.int64), bits)


def saturated_values(values: Tensor, fraction_bits: int, bits: int) -> int:
    """Count the reals that `to_words` clips: those that round to no word of `bits`."""
    limit = float(1 << (bits - 1))
    scaled = torch.round(values.detach().to("cpu", torch.float64) * 2.0**fraction_bits)
    return int(((scaled < -limit) | (scaled >= limit)).sum())


def error_words(outputs: Tensor, targets: Tensor, shift: int, bits: int) -> Tensor:
    """Return (output - target) / 2**shift, rounded half to even and saturated to `bits`."""
    differences = outputs - targets
    if shift < 0:
        return saturate(differences << -shift, bits)
    return saturate(round_half_even_shift(differences, shift), bits)


def from_words(words: Tensor, fraction_bits: int) -> Tensor:
    """Real values of words, as float64: `words` / 2**fraction_bits, exact."""
    return _words("words", words).to(torch.float64) * 2.0 ** -_fraction_bits(fraction_bits)


def signed_bits(tensor: Tensor) -> int:
    """Width of the narrowest two's-complement word that holds every element."""
    words = _words("tensor", tensor_of("tensor", tensor, error=ModelError))
    if words.numel() == 0:
        return 1
    low, high = int(words.min()), int(words.max())
    return max(max(high, 0).bit_length(), (~low).bit_length() if low < 0 else 0) + 1


def fraction_bits(name: str, value: object, count: int) -> tuple[int, ...]:
    """Return so many numbers of fraction bits, named `name` in the message.

    Raises
    ------
    ModelError
        If they are something else.
    """
    return tuple(
        whole_number(name, one, -_MOST_FRACTION, _MOST_FRACTION, error=ModelError)
        for one in items(name, value, count, error=ModelError)
    )


def _words(name: str, value: object) -> Tensor:
    if isinstance(value, Tensor) and value.dtype == torch.int64:
        return value
    raise ModelError(f"{name} must be a tensor int64, not {shown(value)}")


def _fraction_bits(value: object) -> int:
    return fraction_bits("fraction_bits", (value,), 1)[0]
