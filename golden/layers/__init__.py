"""Sparse layers beside `ClosLinear`: drop-ins that store only the weights that exist."""

from golden.layers.cascade import SparseCascade
from golden.layers.channel_conv import SparseRandomConv2d, live_channels, scaled_channels
from golden.layers.conv import ClosConv2d
from golden.layers.low_rank import LowRankLinear
from golden.layers.recurrent import ClosGRU, ClosLSTM
from golden.layers.sparse import SparseStage

__all__ = [
    "ClosConv2d",
    "ClosGRU",
    "ClosLSTM",
    "LowRankLinear",
    "SparseCascade",
    "SparseRandomConv2d",
    "SparseStage",
    "live_channels",
    "scaled_channels",
]
