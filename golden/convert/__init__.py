"""Replaces layers of an existing model by sparse ones."""

from golden.convert.attention import ProjectedAttention
from golden.convert.clos_spec import ClosSpec
from golden.convert.dense_forms import as_linear
from golden.convert.low_rank_spec import LowRankSpec
from golden.convert.plan import LayerSpec
from golden.convert.rebuild import rebuild
from golden.convert.replace import Converted, convert, convert_report
from golden.convert.report import ConversionReport, LayerReport
from golden.convert.sparse_spec import CascadeSpec, SparseSpec

__all__ = [
    "CascadeSpec",
    "ClosSpec",
    "ConversionReport",
    "Converted",
    "LayerReport",
    "LayerSpec",
    "LowRankSpec",
    "ProjectedAttention",
    "SparseSpec",
    "as_linear",
    "convert",
    "convert_report",
    "rebuild",
]
