"""PyTorch's singular value decomposition, with types."""

from typing import Any, cast

import torch
from torch import Tensor

__all__ = ["svd"]

_linalg = cast(Any, torch.linalg)  # It comes without types.


def svd(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return U [..., m, k], the singular values [..., k] and V^T [..., k, n] of [..., m, n]."""
    return _linalg.svd(matrix, full_matrices=False)
