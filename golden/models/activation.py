"""What may stand behind a layer: a leak, a lower and an upper bound, in this order."""

import dataclasses
import math

import torch
from torch import Tensor, nn

__all__ = ["NONE", "RELU", "Activation"]


@dataclasses.dataclass(frozen=True)
class Activation:
    """y -> min(max(leak(y), low), high), where leak divides negative y by 2**`leak_shift`.

    Every ReLU, ReLU6, Hardtanh, clamp and LeakyReLU with a power of two is one, and so is any of
    them behind another, for all of them are monotone.

    Parameters
    ----------
    leak_shift
        Places by which negative values are shifted right; 0 leaves them.
    low, high
        Bounds, low at most high; infinite where there is none.
    """

    leak_shift: int = 0
    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        """Drop a leak that no value reaches."""
        if self.low >= 0:
            object.__setattr__(self, "leak_shift", 0)

    @property
    def is_none(self) -> bool:
        """Whether it changes nothing."""
        return self == NONE

    @property
    def is_relu(self) -> bool:
        """Whether it is a ReLU and nothing else."""
        return self == RELU

    @property
    def is_homogeneous(self) -> bool:
        """Whether it may be exchanged with any positive scale."""
        return self.low in (0.0, -math.inf) and self.high in (0.0, math.inf)

    def apply(self, y: Tensor) -> Tensor:
        """Compute it on floats of any shape."""
        if self.leak_shift:
            y = nn.functional.leaky_relu(y, 2.0**-self.leak_shift)
        if self.low == 0 and self.high == math.inf:
            return torch.relu(y)
        if self.low == -math.inf and self.high == math.inf:
            return y
        return y.clamp(self.low, self.high)

    def then(self, other: "Activation") -> "Activation":
        """Return this one with another behind it."""

        def passed(value: float) -> float:
            leaked = value if value > 0 else value * 2.0**-other.leak_shift
            return min(max(leaked, other.low), other.high)

        return Activation(self.leak_shift + other.leak_shift, passed(self.low), passed(self.high))

    def scaled(self, factor: float) -> "Activation":
        """Return the one that makes factor * y of factor * x where this makes y of x."""
        return Activation(self.leak_shift, self.low * factor, self.high * factor)

    def __str__(self) -> str:
        """Write it as a user would."""
        if self.is_none:
            return "none"
        if self.is_relu:
            return "ReLU"
        bounded = self.low > -math.inf or self.high < math.inf
        leak = f"LeakyReLU(2**-{self.leak_shift})" if self.leak_shift else ""
        bounds = f"clamp({self.low:g}, {self.high:g})" if bounded else ""
        return " and ".join(part for part in (leak, bounds) if part)


NONE = Activation()
RELU = Activation(low=0.0)
