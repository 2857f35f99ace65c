"""What `torch.autocast` does not do by itself to layers that are made of several operations."""

import torch
from torch import Tensor

__all__ = ["add_bias", "as_operands"]


def as_operands(*tensors: Tensor, device: torch.device) -> tuple[Tensor, ...]:
    """Cast tensors as `torch.autocast` casts those that a matrix product takes on this device.

    For what is such a product, but not to autocast. float64 stays what it is.
    """
    kind = device.type
    if not (torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)):
        return tensors
    dtype = torch.get_autocast_dtype(kind)
    return tuple(one if one.dtype == torch.float64 else one.to(dtype) for one in tensors)


def add_bias(y: Tensor, bias: Tensor | None) -> Tensor:
    """Add a bias, if there is one, in the type of `y`: under autocast that of the bias is another.

    A type is compared by identity, which `torch.fx` can trace; `to` costs time even for nothing.
    """
    if bias is None:
        return y
    return y + (bias if bias.dtype is y.dtype else bias.to(y.dtype))
