"""A node of an ONNX graph that samples pass, and what is said of one that they cannot pass."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from torch import Tensor, nn

from golden.errors import ModelError
from golden.models.nearest import nearest
from golden.models.onnx_constants import Constants, place_of

__all__ = ["Step", "unsupported"]

_SUPPORTED = (
    "supported are Gemm, MatMul, pointwise Conv, BatchNormalization, Relu, Clip, LeakyRelu and "
    "PRelu of slope 2**-n, Add, Sub, Mul, Div and Neg with constants; Dropout, Identity, Flatten, "
    "Reshape, Squeeze and Unsqueeze are skipped"
)
_QUANTISERS = ("Quant", "BipolarQuant", "Trunc", "QLinear", "Integer", "QGemm", "Quantize")
_TYPES: Mapping[str, torch.dtype] = {
    "float16": torch.float32,
    "float32": torch.float32,
    "float64": torch.float64,
}


@dataclasses.dataclass(frozen=True)
class Step:
    """A node that the samples pass.

    Parameters
    ----------
    node
        The node.
    source
        Which of its inputs the samples are.
    constants
        What its other inputs hold.
    example
        What the samples look like there, [N, ...] on the meta device, where it is known.
    batch
        The number of samples that the graph fixes, if it does.
    opset
        Version of ONNX's operators.
    last
        The module before it.
    """

    node: onnx.NodeProto
    source: str
    constants: Constants
    example: Tensor | None
    batch: int | None
    opset: int
    last: nn.Module | None

    @property
    def place(self) -> str:
        """How a message names it."""
        return place_of(self.node)

    def error(self, text: str) -> ModelError:
        """Return an error that begins with the node."""
        return ModelError(f"{self.place} {text}")

    def attribute(self, name: str, default: Any) -> Any:
        """Value of an attribute."""
        for one in self.node.attribute:
            if one.name == name:
                return onnx.helper.get_attribute_value(one)
        return default

    def array(self, index: int) -> npt.NDArray[Any] | None:
        """The constant that an input is; None where it is left out."""
        if index >= len(self.node.input) or not self.node.input[index]:
            return None
        return self.constants.array(self.node.input[index])

    def weight(self, index: int, name: str) -> Tensor:
        """The real numbers that an input is, in the type to compute with."""
        if index < len(self.node.input) and self.node.input[index] == self.source:
            raise self.error(f"takes the samples as {name}, which is not supported: put them first")
        found = self.array(index)
        if found is None:
            raise self.error(f"must have input {index}, {name}")
        if found.dtype.name not in _TYPES:
            raise self.error(f"must have real numbers for {name}, not {found.dtype}")
        if not found.size:
            raise self.error(f"must have a {name} that is not empty, but it is {found.shape}")
        return torch.as_tensor(np.array(found)).to(_TYPES[found.dtype.name])

    def number(self, index: int, name: str, default: float) -> float:
        """The one number that an input is."""
        if self.array(index) is None:
            return default
        found = self.weight(index, name)
        if found.numel() != 1:
            raise self.error(f"must have one number for {name}, not {found.numel()}")
        return float(found)


def unsupported(node: onnx.NodeProto) -> str:
    """Say that a node is refused, and what comes nearest to it."""
    kind, domain = node.op_type, node.domain
    named = f"{place_of(node)}" + (f" of {domain}" if domain else "")
    if any(part in kind for part in _QUANTISERS):
        return (
            f"{named} quantises with a scale of its own, which is not kept: a torus has a "
            "rounding and layout of words of its own; export the net without quantisers, in "
            "floating point, and compile it with words as wide"
        )
    advice = nearest(kind, _SUPPORTED)
    if domain not in ("", "ai.onnx"):
        advice = f"{advice}; functions of the model itself are put in place by onnx.inliner"
    return f"{named} is not supported: {advice}"
