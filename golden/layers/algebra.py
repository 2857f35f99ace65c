"""PyTorch's linear algebra with types, and on matrices of any rank."""

from typing import Any, cast

import torch
from torch import Tensor

__all__ = ["solve_positive", "svd"]

_linalg = cast(Any, torch.linalg)  # It comes without types.


def svd(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return U [..., m, k], the singular values [..., k] and V^T [..., k, n] of [..., m, n]."""
    return _linalg.svd(matrix, full_matrices=False)


def solve_positive(matrix: Tensor, right: Tensor) -> Tensor:
    """Return the shortest X [..., n, k] with least ||matrix X - right||.

    Parameters
    ----------
    matrix
        [..., n, n], symmetric and positive semidefinite; where it is singular, directions of which
        it says nothing stay out of the result.
    right
        [..., n, k].
    """
    return _linalg.pinv(matrix, hermitian=True, rtol=1e-12) @ right
