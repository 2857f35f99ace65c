"""Scales and shifts of features, as a module."""

import torch
from torch import Tensor, nn

__all__ = ["ElementWise"]


class ElementWise(nn.Module):
    """scale * x + shift, both numbers of x's own type.

    Parameters
    ----------
    scale, shift
        Of every feature, or of all: what PyTorch broadcasts to x [N, ...].

    Attributes
    ----------
    scale, shift : Tensor
        float64.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, scale: object = 1.0, shift: object = 0.0) -> None:
        """Hold the numbers; see the class."""
        super().__init__()
        self.register_buffer("scale", torch.as_tensor(scale, dtype=torch.float64))
        self.register_buffer("shift", torch.as_tensor(shift, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        """Compute x [N, ...] to the same shape."""
        return x * self.scale.to(x.dtype) + self.shift.to(x.dtype)
