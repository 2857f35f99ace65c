"""What layers need of PyTorch beside its layers: decompositions with types, and autocast."""

from typing import Any, cast

import torch
from torch import Tensor

__all__ = ["as_operands", "svd"]

_linalg = cast(Any, torch.linalg)  # It comes without types.


def svd(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return U [..., m, k], the singular values [..., k] and V^T [..., k, n] of [..., m, n]."""
    return _linalg.svd(matrix, full_matrices=False)


def as_operands(*tensors: Tensor, device: torch.device) -> tuple[Tensor, ...]:
    """Cast tensors as `torch.autocast` casts those that a matrix product takes on this device.

    For what is such a product, but not to autocast. float64 stays what it is.
    """
    if not torch.is_autocast_enabled(device.type):
        return tensors
    dtype = torch.get_autocast_dtype(device.type)
    return tuple(one if one.dtype == torch.float64 else one.to(dtype) for one in tensors)
