"""The connections of a sparse matrix, read from a mask and constants wherever a layer is built."""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from golden.arguments import tensor
from golden.errors import ShapeError

__all__ = ["Connections", "connections_of"]


class Connections(NamedTuple):
    """Connections of a matrix [out, in], on the CPU.

    Attributes
    ----------
    edges
        Int64 [2, E]: output and input of every trained connection, in the order of the outputs.
    constant_edges, constant_values
        The same of the constant ones: int64 [2, C], and float64 [C].
    """

    edges: "np.ndarray[Any, np.dtype[np.int64]]"
    constant_edges: "np.ndarray[Any, np.dtype[np.int64]]"
    constant_values: "np.ndarray[Any, np.dtype[np.float64]]"


def connections_of(mask: Tensor, constants: Tensor | None) -> Connections:
    """Find the connections of a bool mask [out, in] and of constants [out, in].

    NumPy finds them, so that no tensor is made on the way: a layer can be built on the meta device
    and in PyTorch's `FakeTensorMode`, if mask and constants hold numbers.

    Raises
    ------
    ShapeError
        If `mask` is no bool matrix, or `constants` are not finite, not of its shape, or name a
        trained connection too.
    """
    mask = tensor("mask", mask)
    if mask.ndim != 2 or mask.dtype != torch.bool or 0 in mask.shape:
        raise ShapeError(
            f"mask must be bool [out, in] with neither empty, not {mask.dtype} {list(mask.shape)}"
        )
    trained = _array("mask", mask)
    edges = np.stack(trained.nonzero())
    if constants is None:
        return Connections(edges, np.zeros((2, 0), np.int64), np.zeros(0))
    constants = tensor("constants", constants)
    values = None if constants.is_complex() else _array("constants", constants)
    if values is None or not np.isfinite(values).all():
        raise ShapeError("constants must be finite real numbers")
    if constants.shape != mask.shape:
        raise ShapeError(
            f"constants must have the mask's shape {list(mask.shape)}, not {list(constants.shape)}"
        )
    fixed = values != 0
    if (trained & fixed).any():
        out, source = (int(index[0]) for index in (trained & fixed).nonzero())
        raise ShapeError(
            f"the connection from {source} to {out} must be either trained or constant, not both"
        )
    return Connections(edges, np.stack(fixed.nonzero()), values[fixed].astype(np.float64))


def _array(name: str, values: Tensor) -> "np.ndarray[Any, np.dtype[Any]]":
    """Read a tensor by its memory: an operation of PyTorch's would be recorded, or refused."""
    if hasattr(values, "fake_mode"):
        raise ShapeError(
            f"{name} must hold numbers, not be a fake tensor: make it outside of FakeTensorMode"
        )
    if values.device.type != "cpu" or values.requires_grad:
        values = values.detach().cpu()
    if values.dtype == torch.bfloat16:
        values = values.float()
    return np.from_dlpack(values.resolve_neg() if values.is_neg() else values)
