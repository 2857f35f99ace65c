"""Convolutional networks that experiments train, on images that come as rows of pixels."""

import math

from torch import Tensor, nn

from golden.data.datasets import Split
from golden.errors import DataError

__all__ = ["Images", "Pooled", "side_of"]


def side_of(split: Split) -> int:
    """Return the side of the square images of a dataset.

    Raises
    ------
    DataError
        If its samples are no squares.
    """
    side = math.isqrt(split.features)
    if side * side != split.features:
        raise DataError(
            f"data must have square images of one channel, not {split.features} features as "
            f"{split.name} has"
        )
    return side


class Images(nn.Module):
    """Rows of pixels [N, side^2] as images [N, 1, side, side]."""

    def __init__(self, side: int) -> None:
        """Keep the side."""
        super().__init__()
        self.side = side

    def forward(self, x: Tensor) -> Tensor:
        """Reshape."""
        return x.reshape(len(x), 1, self.side, self.side)


class Pooled(nn.Module):
    """The mean of every channel over the image, [N, C, H, W] to [N, C]."""

    def forward(self, x: Tensor) -> Tensor:
        """Compute."""
        return x.mean((2, 3))
