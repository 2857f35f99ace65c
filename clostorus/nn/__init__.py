"""The layers, what puts them into a model, and what trains them: all that needs PyTorch alone.

    from clostorus.nn import ClosLinear

    layer = ClosLinear.from_budget(784, 300, reduction=5.5)

docs/layers.md says which layer when. Names are looked up in `golden` on first use.
"""

from typing import TYPE_CHECKING

from golden.system.names import lazy_names

if TYPE_CHECKING:
    from golden.clos.layer import ClosLinear
    from golden.clos.net import ClosNet
    from golden.clos.shape import ClosShape
    from golden.convert.replace import convert
    from golden.convert.specs import CascadeSpec, ClosSpec, LayerSpec, LowRankSpec, SparseSpec
    from golden.errors import GoldenError, GoldenWarning, ModelError, ShapeError
    from golden.layers.cascade import SparseCascade
    from golden.layers.channel_conv import SparseRandomConv2d, live_channels, scaled_channels
    from golden.layers.conv import ClosConv2d
    from golden.layers.low_rank import LowRankLinear
    from golden.layers.recurrent import ClosGRU, ClosLSTM
    from golden.layers.sparse import SparseStage
    from golden.techniques.calcification import Calcification
    from golden.techniques.densification import Densification
    from golden.techniques.growth import Growth, carry_optimiser, grow
    from golden.techniques.masking import Masking, MaskSchedule, gradual_pruning, masks_from
    from golden.topologies.topology import Topology
    from golden.topologies.vocabulary import parse_topology

__all__ = [
    "Calcification",
    "CascadeSpec",
    "ClosConv2d",
    "ClosGRU",
    "ClosLSTM",
    "ClosLinear",
    "ClosNet",
    "ClosShape",
    "ClosSpec",
    "Densification",
    "GoldenError",
    "GoldenWarning",
    "Growth",
    "LayerSpec",
    "LowRankLinear",
    "LowRankSpec",
    "MaskSchedule",
    "Masking",
    "ModelError",
    "ShapeError",
    "SparseCascade",
    "SparseRandomConv2d",
    "SparseSpec",
    "SparseStage",
    "Topology",
    "carry_optimiser",
    "convert",
    "gradual_pruning",
    "grow",
    "live_channels",
    "masks_from",
    "parse_topology",
    "scaled_channels",
]

_HOMES = {
    "Calcification": "techniques.calcification",
    "CascadeSpec": "convert.specs",
    "ClosConv2d": "layers.conv",
    "ClosGRU": "layers.recurrent",
    "ClosLSTM": "layers.recurrent",
    "ClosLinear": "clos.layer",
    "ClosNet": "clos.net",
    "ClosShape": "clos.shape",
    "ClosSpec": "convert.specs",
    "Densification": "techniques.densification",
    "GoldenError": "errors",
    "GoldenWarning": "errors",
    "Growth": "techniques.growth",
    "LayerSpec": "convert.specs",
    "LowRankLinear": "layers.low_rank",
    "LowRankSpec": "convert.specs",
    "MaskSchedule": "techniques.masking",
    "Masking": "techniques.masking",
    "ModelError": "errors",
    "ShapeError": "errors",
    "SparseCascade": "layers.cascade",
    "SparseRandomConv2d": "layers.channel_conv",
    "SparseSpec": "convert.specs",
    "SparseStage": "layers.sparse",
    "Topology": "topologies.topology",
    "carry_optimiser": "techniques.growth",
    "convert": "convert.replace",
    "gradual_pruning": "techniques.masking",
    "grow": "techniques.growth",
    "live_channels": "layers.channel_conv",
    "masks_from": "techniques.masking",
    "parse_topology": "topologies.vocabulary",
    "scaled_channels": "layers.channel_conv",
}

__getattr__ = lazy_names(__name__, _HOMES, below="golden")


def __dir__() -> list[str]:
    """All names, for whoever completes them with a key."""
    return __all__
