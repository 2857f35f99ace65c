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
    from golden.convert.attention import ProjectedAttention
    from golden.convert.clos_spec import ClosSpec
    from golden.convert.dense_forms import as_linear
    from golden.convert.low_rank_spec import LowRankSpec
    from golden.convert.plan import LayerSpec
    from golden.convert.rebuild import rebuild
    from golden.convert.replace import Converted, convert, convert_report
    from golden.convert.report import ConversionReport, LayerReport
    from golden.convert.sparse_spec import CascadeSpec, SparseSpec
    from golden.errors import CompiledMissing, GoldenError, GoldenWarning, ModelError, ShapeError
    from golden.export.onnx_file import to_onnx
    from golden.export.two_d import to_2d
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
    from golden.operators.switch import use_compiled, uses_compiled
    from golden.techniques.average import grow_average
    from golden.techniques.calcification import Calcification
    from golden.techniques.carrying import carry_optimiser
    from golden.techniques.densification import Densification
    from golden.techniques.growth import Growth, grow
    from golden.techniques.masking import Masking, MaskSchedule, gradual_pruning, masks_from
    from golden.topologies.topology import Topology
    from golden.topologies.vocabulary import parse_topology

__all__ = [
    "Calcification",
    "CascadeSpec",
    "ClosConv1d",
    "ClosConv2d",
    "ClosGRU",
    "ClosLSTM",
    "ClosLinear",
    "ClosMultiheadAttention",
    "ClosNet",
    "ClosShape",
    "ClosSpec",
    "ClosStages",
    "CompiledMissing",
    "ConversionReport",
    "Converted",
    "Densification",
    "GoldenError",
    "GoldenWarning",
    "Growth",
    "LayerReport",
    "LayerSpec",
    "LowRankConv2d",
    "LowRankLinear",
    "LowRankSpec",
    "MaskSchedule",
    "Masking",
    "ModelError",
    "ProjectedAttention",
    "ShapeError",
    "SparseCascade",
    "SparseRandomConv2d",
    "SparseSpec",
    "SparseStage",
    "Topology",
    "as_linear",
    "carry_optimiser",
    "convert",
    "convert_report",
    "gradual_pruning",
    "grow",
    "grow_average",
    "live_channels",
    "masks_from",
    "parse_topology",
    "rebuild",
    "scaled_channels",
    "to_2d",
    "to_onnx",
    "use_compiled",
    "uses_compiled",
]

_HOMES = {
    "Calcification": "techniques.calcification",
    "CascadeSpec": "convert.sparse_spec",
    "ClosConv1d": "layers.conv1d",
    "ClosConv2d": "layers.conv",
    "ClosGRU": "layers.recurrent",
    "ClosLSTM": "layers.recurrent",
    "ClosLinear": "clos.layer",
    "ClosMultiheadAttention": "layers.attention",
    "ClosNet": "clos.net",
    "ClosShape": "clos.shape",
    "ClosSpec": "convert.clos_spec",
    "ClosStages": "layers.stages",
    "CompiledMissing": "errors",
    "ConversionReport": "convert.report",
    "Converted": "convert.replace",
    "Densification": "techniques.densification",
    "GoldenError": "errors",
    "GoldenWarning": "errors",
    "Growth": "techniques.growth",
    "LayerReport": "convert.report",
    "LayerSpec": "convert.plan",
    "LowRankConv2d": "layers.low_rank_conv",
    "LowRankLinear": "layers.low_rank",
    "LowRankSpec": "convert.low_rank_spec",
    "MaskSchedule": "techniques.masking",
    "Masking": "techniques.masking",
    "ModelError": "errors",
    "ProjectedAttention": "convert.attention",
    "ShapeError": "errors",
    "SparseCascade": "layers.cascade",
    "SparseRandomConv2d": "layers.channel_conv",
    "SparseSpec": "convert.sparse_spec",
    "SparseStage": "layers.sparse",
    "Topology": "topologies.topology",
    "as_linear": "convert.dense_forms",
    "carry_optimiser": "techniques.carrying",
    "convert": "convert.replace",
    "convert_report": "convert.replace",
    "gradual_pruning": "techniques.masking",
    "grow": "techniques.growth",
    "grow_average": "techniques.average",
    "live_channels": "layers.channel_conv",
    "masks_from": "techniques.masking",
    "parse_topology": "topologies.vocabulary",
    "rebuild": "convert.rebuild",
    "scaled_channels": "layers.channel_conv",
    "to_2d": "export.two_d",
    "to_onnx": "export.onnx_file",
    "use_compiled": "operators.switch",
    "uses_compiled": "operators.switch",
}

__getattr__ = lazy_names(__name__, _HOMES, below="golden")


def __dir__() -> list[str]:
    """All names, for whoever completes them with a key."""
    return __all__
