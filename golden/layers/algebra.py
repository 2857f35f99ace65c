"""Numbers and matrices of several layers: square windows, the singular value decomposition."""

from typing import Any, cast

import torch
from torch import Tensor

from golden.arguments import shown, whole_number
from golden.errors import ShapeError

__all__ = ["square", "svd"]

_linalg = cast(Any, torch.linalg)  # It comes without types.


def svd(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return U [..., m, k], the singular values [..., k] and V^T [..., k, n] of [..., m, n]."""
    return _linalg.svd(matrix, full_matrices=False)


def square(name: str, value: object, least: int | None = None) -> int:
    """Return the side of a window, given as a number or as a pair of equal numbers.

    Raises
    ------
    ShapeError
        If it is something else, or below `least`.
    """
    given = value
    pair = cast(tuple[object, ...], value) if isinstance(value, tuple | list) else (value,)
    if len(pair) not in (1, 2):
        raise ShapeError(f"{name} must be a whole number, or two equal ones, not {shown(given)}")
    sides = [whole_number(name, side, least) for side in pair]
    if len(set(sides)) != 1:
        raise ShapeError(f"{name} must be the same in both directions, not {shown(given)}")
    return sides[0]
