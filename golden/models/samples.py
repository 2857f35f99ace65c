"""Samples as a model takes them, and as a chain of layers does."""

import dataclasses
from typing import Any

from torch import Tensor

from golden.errors import ShapeError
from golden.models.layers import ActivatedLayer

__all__ = ["Samples", "samples_of"]


@dataclasses.dataclass(frozen=True, eq=False)
class Samples:
    """The same samples twice: [N, I] for the layers, and `given` in the shape for the model."""

    features: Tensor
    given: Tensor


def samples_of(name: str, x: Tensor, first: ActivatedLayer[Any]) -> Samples:
    """Return samples [N, I] of [N, ...], or of images [N, C, H, W] their N H W pixels.

    Raises
    ------
    ShapeError
        If there is none, or they do not have as many features as the first layer takes.
    """
    features = first.layer.in_features
    found = x
    if first.pixels and x.ndim == 4:
        found = x.movedim(1, 3).flatten(0, 2)
    elif not first.pixels and x.ndim > 2 and x.shape[1:].numel() == features:
        found = x.flatten(1)
    if found.ndim != 2 or found.shape[1] != features or len(found) == 0:
        images = f" or [N, {features}, H, W]" if first.pixels else ""
        raise ShapeError(
            f"{name} must have shape [N, {features}]{images} with N at least 1, not {list(x.shape)}"
        )
    return Samples(found, found[:, :, None, None] if first.pixels else x)
