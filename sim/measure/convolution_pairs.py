"""Clos convolutions beside the dense ones of the same options, at a quarter of the weights."""

from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from golden.layers import ClosConv1d, ClosConv2d

from .layer_pairs import Aims, LayerPair

__all__ = ["CONVOLUTIONS", "REDUCTION"]

REDUCTION = 4.0
"""Dense weights for each one, at least."""

_SIZES = ((64, 64, 28), (128, 256, 14), (512, 512, 7))  # Channels, and the side of the images.
_SERIES = (256, 256, 196)
_FASTER = 1 / 0.6  # At most 0.6 of the dense time.
_AIMS: Aims = MappingProxyType({8: (None, _FASTER), 64: (None, _FASTER)})
_REPORTED: Aims = MappingProxyType({8: (None, None)})
_TIMES = f"{REDUCTION:g} times fewer weights"


def _images(inputs: int, outputs: int, side: int, layout: torch.memory_format, aims: Aims
            ) -> LayerPair:
    """A pair on images, in this order of memory."""
    options: dict[str, Any] = {"kernel_size": 3, "padding": 1}

    def images(batch: int) -> Tensor:
        return torch.randn(batch, inputs, side, side).to(memory_format=layout)

    kind = "" if layout == torch.contiguous_format else ", channels_last"
    return LayerPair(
        name=f"ClosConv2d {inputs}-{outputs}, 3x3, images of {side}x{side}{kind}, {_TIMES}",
        ours=lambda: ClosConv2d.from_budget(inputs, outputs, reduction=REDUCTION, **options),
        dense=lambda: nn.Conv2d(inputs, outputs, **options),
        inputs=images,
        aims=aims,
    )


def _series(inputs: int, outputs: int, length: int) -> LayerPair:
    options: dict[str, Any] = {"kernel_size": 9, "padding": "same"}
    return LayerPair(
        name=f"ClosConv1d {inputs}-{outputs}, 9, series of {length}, {_TIMES}",
        ours=lambda: ClosConv1d.from_budget(inputs, outputs, reduction=REDUCTION, **options),
        dense=lambda: nn.Conv1d(inputs, outputs, **options),
        inputs=lambda batch: torch.randn(batch, inputs, length),
        aims=_REPORTED,
    )


CONVOLUTIONS: tuple[LayerPair, ...] = (
    *(_images(*size, torch.contiguous_format, _AIMS) for size in _SIZES),
    *(_images(*size, torch.channels_last, _REPORTED) for size in _SIZES),
    _series(*_SERIES),
)
"""Every pair of convolutions, both with a bias; the last ones are only reported."""
