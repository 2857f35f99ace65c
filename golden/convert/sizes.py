"""Which sizes of PyTorch's layers there are replacements of."""

import math

from torch import nn

from golden.arguments import real_number
from golden.convert.plan import PassedOver
from golden.errors import ModelError

__all__ = [
    "check_convolution",
    "check_depthwise",
    "check_groups",
    "check_recurrent",
    "checked_reduction",
]


def checked_reduction(value: object) -> float:
    """Return a reduction, a number above 0; anything else is refused as a `ModelError`."""
    reduction = real_number("reduction", value, error=ModelError)
    if not 0 < reduction < math.inf:
        raise ModelError(f"reduction must be above 0 and finite, not {value}")
    return reduction


def check_depthwise(layer: nn.Conv1d | nn.Conv2d) -> None:
    """Pass over depthwise convolutions.

    Raises
    ------
    PassedOver
        For one.
    """
    if layer.groups == layer.in_channels > 1:
        raise PassedOver("it is depthwise: a kernel a channel has nothing to save")


def check_groups(layer: nn.Conv2d) -> None:
    """Refuse convolutions in groups.

    Raises
    ------
    PassedOver
        For a depthwise one.
    ModelError
        For others.
    """
    check_depthwise(layer)
    if layer.groups != 1:
        raise ModelError(f"groups must be 1, a convolution in one group, not {layer.groups}")


def check_convolution(layer: nn.Conv2d) -> None:
    """Refuse convolutions that are not square, dilated, or not padded by a number of zeros.

    Raises
    ------
    PassedOver, ModelError
        As `check_groups`, and for these.
    """
    check_groups(layer)
    plain = set(layer.dilation) == {1} and layer.padding_mode == "zeros"
    sizes = (layer.kernel_size, layer.stride, layer.padding)
    if not plain or any(isinstance(size, str) or len(set(size)) != 1 for size in sizes):
        raise ModelError(
            "layer must be a square convolution in one group, not dilated and padded by a "
            f"number of zeros, not {layer}"
        )


def check_recurrent(layer: nn.RNNBase) -> None:
    """Refuse recurrent layers with projections of their state.

    Raises
    ------
    ModelError
        For these.
    """
    if layer.proj_size:
        raise ModelError(f"layer must have a proj_size of 0, not {layer}")
