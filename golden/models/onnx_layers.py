"""What each operator of an ONNX graph is in PyTorch."""

import math
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from golden.errors import ModelError
from golden.models.elementwise import ElementWise
from golden.models.flow import SAMPLES, sizes_named
from golden.models.layers import dense
from golden.models.onnx_step import Step, unsupported

__all__ = ["LAYERS"]


def _gemm(step: Step) -> list[nn.Module]:
    if step.node.input[0] != step.source or step.attribute("transA", 0):
        raise step.error(
            "transposes the samples, or multiplies weights by them, which is not supported: "
            "samples are rows, as in x @ W"
        )
    weight = _matrix(step, step.weight(1, "B"))
    weight = weight if step.attribute("transB", 0) else weight.T
    weight = weight * step.attribute("alpha", 1.0)
    bias = None
    if step.array(2) is not None:
        given = step.weight(2, "C")
        row = (1, weight.shape[0])
        if given.ndim > 2 or (given.ndim == 2 and given.shape[0] != 1):
            raise step.error(f"must have a bias for each output, not {list(given.shape)}")
        try:
            bias = given.broadcast_to(row)[0] * step.attribute("beta", 1.0)
        except RuntimeError as error:
            raise step.error(
                f"must have a bias of {row[1]} numbers, not {list(given.shape)}"
            ) from error
    return [_linear(step, weight, bias)]


def _matmul(step: Step) -> list[nn.Module]:
    if step.node.input[0] != step.source:
        raise step.error("multiplies weights by samples, which is not supported: write x @ W")
    return [_linear(step, _matrix(step, step.weight(1, "B")).T, None)]


def _matrix(step: Step, weight: Tensor) -> Tensor:
    if weight.ndim != 2:
        raise step.error(f"must have a matrix of weights, not {list(weight.shape)}")
    return weight


def _linear(step: Step, weight: Tensor, bias: Tensor | None) -> nn.Linear:
    example = step.example
    if example is not None and example.ndim != 2:
        shape = sizes_named(str(list(example.shape)))
        raise step.error(
            f"computes each vector of {shape} on its own, which is not supported: make each a "
            "sample, or flatten before it"
        )
    return dense(weight.contiguous(), bias)


def _conv(step: Step) -> list[nn.Module]:
    weight = step.weight(1, "W")
    plain = {"group": 1, "auto_pad": b"NOTSET"}
    zeros, ones = set(step.attribute("pads", [0])), set(step.attribute("strides", [1]))
    odd = any(step.attribute(name, value) not in (value, b"VALID") for name, value in plain.items())
    if weight.ndim != 4 or set(weight.shape[2:]) != {1} or zeros != {0} or ones != {1} or odd:
        raise ModelError(unsupported(step.node))
    outputs, inputs = weight.shape[:2]
    made = nn.Conv2d(inputs, outputs, 1, bias=step.array(2) is not None, device="meta")
    made.weight = nn.Parameter(weight, requires_grad=False)
    if step.array(2) is not None:
        made.bias = nn.Parameter(step.weight(2, "B"), requires_grad=False)
    return [made]


def _batch_norm(step: Step) -> list[nn.Module]:
    if step.attribute("training_mode", 0) or not step.attribute("spatial", 1):
        raise step.error(
            "normalises with the mean of the batch, which no torus knows: export the net in "
            "evaluation mode"
        )
    names = ("scale", "B", "input_mean", "input_var")
    weight, bias, mean, variance = (step.weight(i, name) for i, name in enumerate(names, 1))
    sizes = {tuple(one.shape) for one in (weight, bias, mean, variance)}
    if len(sizes) != 1 or weight.ndim != 1:
        raise step.error(f"must have numbers of one size [F], not {sorted(sizes)}")
    images = step.example is not None and step.example.ndim == 4
    kind = nn.BatchNorm2d if images or isinstance(step.last, nn.Conv2d) else nn.BatchNorm1d
    made = kind(len(weight), step.attribute("epsilon", 1e-5), device="meta")
    made.weight = nn.Parameter(weight, requires_grad=False)
    made.bias = nn.Parameter(bias, requires_grad=False)
    made.running_mean, made.running_var = mean, variance
    made.num_batches_tracked = torch.tensor(0)
    return [made]


def _relu(step: Step) -> list[nn.Module]:
    return [nn.ReLU()]


def _leaky_relu(step: Step) -> list[nn.Module]:
    return [nn.LeakyReLU(step.attribute("alpha", 0.01))]


def _prelu(step: Step) -> list[nn.Module]:
    slope = step.weight(1, "slope")
    if not bool((slope == slope.flatten()[0]).all()):
        raise step.error("has a slope for each feature, which is not supported: one is, of 2**-n")
    return [nn.LeakyReLU(float(slope.flatten()[0]))]


def _clip(step: Step) -> list[nn.Module]:
    if step.opset < 11:  # They were attributes.
        low, high = step.attribute("min", -math.inf), step.attribute("max", math.inf)
    else:
        low, high = step.number(1, "min", -math.inf), step.number(2, "max", math.inf)
    if not low < high:
        raise step.error(f"must have bounds min below max, not {low:g} and {high:g}")
    return [nn.ReLU() if (low, high) == (0, math.inf) else nn.Hardtanh(low, high)]


def _dropout(step: Step) -> list[nn.Module]:
    training = step.array(2)
    if training is not None and bool(np.any(training)):
        raise step.error("drops values, for it is in training mode: export in evaluation mode")
    return []


def _same(step: Step) -> list[nn.Module]:
    return []


def _cast(step: Step) -> list[nn.Module]:
    if step.attribute("to", 0) not in (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE):
        raise step.error("rounds the samples to another type, which is not supported")
    return []


def _flatten(step: Step) -> list[nn.Module]:
    axis = step.attribute("axis", 1)
    if axis < 0 and step.example is not None:
        axis += step.example.ndim
    if axis != 1:
        raise step.error(
            f"has axis {step.attribute('axis', 1)}, which is not supported: the first dimension "
            "must stay that of the samples, as with axis 1"
        )
    return [nn.Flatten()]


def _reshape(step: Step) -> list[nn.Module]:
    sizes = step.array(1) if step.opset >= 5 else None
    if sizes is None or sizes.ndim != 1 or sizes.dtype.kind != "i" or len(sizes) < 2:
        raise step.error("must reshape to [samples, features]")
    first, *rest = (int(size) for size in sizes)
    if 0 in rest and not step.attribute("allowzero", 0) and step.example is not None:
        given = step.example.shape
        rest = [
            given[i] if size == 0 and i < len(given) else size for i, size in enumerate(rest, 1)
        ]
    kept = first in (-1, 0, SAMPLES) or first == step.batch
    if not kept or rest.count(-1) > 1 or any(size < 1 and size != -1 for size in rest):
        raise step.error(
            f"reshapes to {[first, *rest]}, which is not supported: the first dimension must "
            "stay that of the samples, as in [0, -1]"
        )
    return _shaped(step, rest)


def _shaped(step: Step, sizes: list[int]) -> list[nn.Module]:
    """Give samples other sizes."""
    features = -1 if step.example is None else step.example.shape[1:].numel()
    if sizes == [-1] or sizes == [features]:
        return [nn.Flatten()]
    return [nn.Flatten(), nn.Unflatten(1, tuple(sizes))]


def _squeeze(step: Step) -> list[nn.Module]:
    if step.example is None:
        raise step.error("is not supported where the input's sizes are not fixed: use Flatten")
    before = list(step.example.shape)
    given = step.attribute("axes", None) if step.opset < 13 else step.array(1)
    axes = [] if given is None else [int(axis) for axis in given]
    squeeze = step.node.op_type == "Squeeze"
    rank = len(before) if squeeze else len(before) + len(axes)
    axes = [axis + rank if axis < 0 else axis for axis in axes]
    if squeeze:
        axes = axes or [i for i, size in enumerate(before) if size == 1]
        odd = [axis for axis in axes if not 0 < axis < rank or before[axis] != 1]
        after = [size for i, size in enumerate(before) if i not in axes]
    else:
        odd = [axis for axis in axes if not 0 < axis < rank]
        rest = iter(before)
        after = [1 if i in axes else next(rest) for i in range(rank)] if not odd else []
    if odd or len(set(axes)) != len(axes) or len(after) < 2:
        shape = sizes_named(str(before))
        raise step.error(f"has axes {axes}, which {shape} has not, or which are of the samples")
    return _shaped(step, after[1:])


def _add(step: Step) -> list[nn.Module]:
    other = _other(step)
    last = step.last
    row = other[0] if other.ndim == 2 and len(other) == 1 else other
    if isinstance(last, nn.Linear) and cast(Any, last.bias) is None and row.ndim == 1:
        if len(row) == last.out_features:
            last.bias = nn.Parameter(row, requires_grad=False)
            return []
    return [ElementWise(shift=other)]


def _sub(step: Step) -> list[nn.Module]:
    other = _other(step)
    if step.node.input[0] == step.source:
        return [ElementWise(shift=-other)]
    return [ElementWise(scale=-1.0, shift=other)]


def _mul(step: Step) -> list[nn.Module]:
    return [ElementWise(scale=_other(step))]


def _div(step: Step) -> list[nn.Module]:
    if step.node.input[0] != step.source:
        raise step.error("divides by the samples, which is not supported")
    return [ElementWise(scale=1.0 / step.weight(1, "B").double())]


def _neg(step: Step) -> list[nn.Module]:
    return [ElementWise(scale=-1.0)]


def _other(step: Step) -> Tensor:
    """The constant of two operands."""
    return step.weight(int(step.node.input[0] == step.source), "constant")


Maker = Callable[[Step], list[nn.Module]]
LAYERS: Mapping[str, Maker] = {
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Conv": _conv,
    "BatchNormalization": _batch_norm,
    "Relu": _relu,
    "LeakyRelu": _leaky_relu,
    "PRelu": _prelu,
    "Clip": _clip,
    "Dropout": _dropout,
    "Identity": _same,
    "Cast": _cast,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Unsqueeze": _squeeze,
    "Add": _add,
    "Sub": _sub,
    "Mul": _mul,
    "Div": _div,
    "Neg": _neg,
}
"""The modules that compute what an operator does, by its name."""
