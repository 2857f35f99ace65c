"""From an exact sum to a word: shift, leak, saturation, bounds, ReLU; `docs/arithmetic.md` §2."""

import dataclasses
import math

import torch
from torch import Tensor

from golden.arguments import instance, items, whole_number
from golden.errors import ModelError
from golden.fixed.words import MAX_SHIFT, round_half_even_shift, saturate, to_words
from golden.models.activation import Activation

__all__ = ["Finish"]

_WIDEST = 1 << 17  # Bounds are words of 18 bits or fewer.


@dataclasses.dataclass(frozen=True)
class Finish:
    """What a layer does to its sums besides shifting them.

    Parameters
    ----------
    relu
        Whether negative results become 0.
    leak_shift
        Places by which negative sums are shifted further right, before they are rounded, once.
    bounds
        Least and largest result, words; None for those of the word.

    Raises
    ------
    ModelError
        If a value is of another kind or range, or a ReLU has bounds or a leak besides: its lower
        bound is 0.
    """

    relu: bool = False
    leak_shift: int = 0
    bounds: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        """Check the values; see the class."""
        instance("relu", self.relu, bool, error=ModelError)
        shift = whole_number("leak_shift", self.leak_shift, 0, MAX_SHIFT, error=ModelError)
        object.__setattr__(self, "leak_shift", shift)
        if self.bounds is not None:
            low, high = (
                whole_number("bounds", one, -_WIDEST, _WIDEST - 1, error=ModelError)
                for one in items("bounds", self.bounds, 2, error=ModelError)
            )
            if low > high:
                raise ModelError(f"bounds must be the least and the largest, not ({low}, {high})")
            object.__setattr__(self, "bounds", (low, high))
        if self.relu and (self.leak_shift or self.bounds is not None):
            raise ModelError("relu must be False where there is a leak or bounds: its bound is 0")

    @classmethod
    def of(cls, activation: Activation, fraction: int, act_bits: int) -> "Finish":
        """Quantise an activation behind results of `act_bits` with these fraction bits."""
        limit = 1 << (act_bits - 1)

        def word(bound: float) -> int:
            if math.isinf(bound):
                return limit - 1 if bound > 0 else -limit
            return int(to_words(torch.tensor([bound], dtype=torch.float64), fraction, act_bits))

        bounds = word(activation.low), word(activation.high)
        if bounds == (0, limit - 1):
            return cls(relu=True)
        whole = bounds == (-limit, limit - 1)
        return cls(leak_shift=activation.leak_shift, bounds=None if whole else bounds)

    def leave(self, acc: Tensor, shift: int, act_bits: int) -> Tensor:
        """Compute the words of sums, int64 of any shape."""
        words = saturate(self.shifted(acc, shift), act_bits)
        if self.bounds is not None:
            words = words.clamp(*self.bounds)
        return words.clamp(min=0) if self.relu else words

    def shifted(self, acc: Tensor, shift: int) -> Tensor:
        """Compute the rounded quotients of sums, before anything bounds them."""
        found = round_half_even_shift(acc, shift)
        if self.leak_shift:
            found = found.where(acc >= 0, round_half_even_shift(acc, shift + self.leak_shift))
        return found

    def names(self) -> list[str]:
        """Name what it has: "ReLU", "leak 2**-3", "bounds -8 to 7"."""
        found = ["ReLU"] if self.relu else []
        found += [f"leak 2**-{self.leak_shift}"] if self.leak_shift else []
        found += [f"bounds {self.bounds[0]} to {self.bounds[1]}"] if self.bounds else []
        return found
