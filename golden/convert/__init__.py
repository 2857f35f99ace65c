"""Replaces layers of an existing model by sparse ones."""

from golden.convert.replace import convert
from golden.convert.specs import CascadeSpec, ClosSpec, LayerSpec, LowRankSpec, SparseSpec

__all__ = ["CascadeSpec", "ClosSpec", "LayerSpec", "LowRankSpec", "SparseSpec", "convert"]
