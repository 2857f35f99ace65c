"""Sparse layers beside `ClosLinear`: drop-ins that store only the weights that exist."""

from golden.layers.cascade import SparseCascade
from golden.layers.low_rank import LowRankLinear
from golden.layers.sparse import SparseStage

__all__ = ["LowRankLinear", "SparseCascade", "SparseStage"]
