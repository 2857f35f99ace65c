"""Real numbers that a user gives: whatever holds them, as one float64 tensor, or a refusal."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from golden.errors import ModelError

__all__ = ["LARGEST", "Reals", "real_tensor", "target_tensor"]

Reals = Any
"""A tensor of any device and type, a NumPy array, or nested lists of numbers."""

LARGEST = 2.0**64
"""Of an input: whatever is larger in magnitude is taken for a mistake."""


def real_tensor(name: str, values: Reals) -> Tensor:
    """Return values as a float64 tensor on the CPU, detached from any graph.

    Parameters
    ----------
    name
        Of the values, for the messages.
    values
        Real numbers, whole numbers or truth values.

    Raises
    ------
    ModelError
        If they are none, or one is NaN, infinite or beyond `LARGEST` in magnitude.
    """
    tensor = _tensor(name, values).to("cpu", torch.float64)
    largest = float(tensor.abs().max()) if tensor.numel() else 0.0
    if not math.isfinite(largest):
        raise ModelError(f"{name} must be finite, but holds NaN or infinity")
    if largest > LARGEST:
        raise ModelError(
            f"{name} must be at most 2**64 in magnitude, but the largest is {largest:.6g}, which "
            "would leave no bits for the others"
        )
    return tensor


def target_tensor(name: str, values: Reals) -> Tensor:
    """Return the targets of a loss as a tensor on the CPU: int64 of labels, float64 of reals.

    Parameters and errors are those of `real_tensor`.
    """
    tensor = _tensor(name, values)
    if tensor.is_floating_point():
        return real_tensor(name, tensor)
    return tensor.to("cpu", torch.int64)


def _tensor(name: str, values: Reals) -> Tensor:
    """Return numbers as a tensor of whatever type and device."""
    if not isinstance(values, Tensor):
        try:
            array = np.asarray(values)
        except (ValueError, TypeError) as error:
            raise ModelError(f"{name} must be an array of real numbers: {error}") from error
        if array.dtype.kind not in "iufb":
            kind = "a mixture of objects" if array.dtype.kind == "O" else str(array.dtype)
            raise ModelError(f"{name} must be real numbers, not {kind}")
        # Native byte order and float64 for what PyTorch does not know, such as big-endian numbers.
        return torch.as_tensor(array.astype(np.int64 if array.dtype.kind in "iub" else np.float64))
    tensor = values.detach()
    if tensor.is_meta:
        raise ModelError(f"{name} must hold numbers, not be on the meta device")
    if tensor.layout is not torch.strided:
        raise ModelError(f"{name} must be a dense tensor, not one of {tensor.layout}")
    if tensor.is_complex() or tensor.is_quantized:
        raise ModelError(f"{name} must be real numbers, not {tensor.dtype}")
    return tensor
