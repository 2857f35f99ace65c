"""Sparse layers beside `ClosLinear`: drop-ins that store only the weights that exist.

Names are looked up on first use, so that the shape of a dense layer has no need of PyTorch.
"""

from typing import TYPE_CHECKING

from golden.system.names import lazy_names

if TYPE_CHECKING:
    from golden.layers.attention import ClosMultiheadAttention
    from golden.layers.cascade import SparseCascade
    from golden.layers.channel_conv import SparseRandomConv2d, live_channels, scaled_channels
    from golden.layers.conv import ClosConv2d
    from golden.layers.conv1d import ClosConv1d
    from golden.layers.low_rank import LowRankLinear
    from golden.layers.low_rank_conv import LowRankConv2d
    from golden.layers.recurrent import ClosGRU, ClosLSTM
    from golden.layers.sparse import SparseStage
    from golden.layers.stages import ClosStages

__all__ = [
    "ClosConv1d",
    "ClosConv2d",
    "ClosGRU",
    "ClosLSTM",
    "ClosMultiheadAttention",
    "ClosStages",
    "LowRankConv2d",
    "LowRankLinear",
    "SparseCascade",
    "SparseRandomConv2d",
    "SparseStage",
    "live_channels",
    "scaled_channels",
]

_HOMES = {
    "ClosConv1d": "conv1d",
    "ClosConv2d": "conv",
    "ClosGRU": "recurrent",
    "ClosLSTM": "recurrent",
    "ClosMultiheadAttention": "attention",
    "ClosStages": "stages",
    "LowRankConv2d": "low_rank_conv",
    "LowRankLinear": "low_rank",
    "SparseCascade": "cascade",
    "SparseRandomConv2d": "channel_conv",
    "SparseStage": "sparse",
    "live_channels": "channel_conv",
    "scaled_channels": "channel_conv",
}

__getattr__ = lazy_names(__name__, _HOMES)
