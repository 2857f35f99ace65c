"""What each operation of a traced model does to a chain: the words that a front end knows."""

import math
import operator
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from golden.errors import ModelError
from golden.models.activation import RELU, Activation
from golden.models.flow import Flow, Place, sizes_named
from golden.models.layers import dense

__all__ = [
    "FUNCTIONS",
    "METHODS",
    "REVERSED",
    "Handler",
    "batch_norm",
    "hardtanh",
    "leaky",
    "relu",
    "reshaped",
]

Handler = Callable[..., Flow]
"""Takes the flow, the place, and the arguments that the function has behind its first."""

_MOST_SLOPE_SHIFT = 16


def relu(flow: Flow, place: Place, inplace: bool = False) -> Flow:
    """max(y, 0)."""
    return flow.activate(place, RELU, "ReLU")


def hardtanh(
    flow: Flow, place: Place, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Flow:
    """min(max(y, min_val), max_val)."""
    return clamp(flow, place, min_val, max_val)


def clamp(flow: Flow, place: Place, min: object = None, max: object = None) -> Flow:
    """min(max(y, min), max), each a number or None."""
    low = -math.inf if min is None else _number(place, "min", min)
    high = math.inf if max is None else _number(place, "max", max)
    if not low <= high:
        raise ModelError(f"{place}: its bounds must be min at most max, not {low:g} and {high:g}")
    return flow.activate(place, Activation(low=low, high=high), "clamp")


def leaky(flow: Flow, place: Place, negative_slope: object = 0.01, inplace: bool = False) -> Flow:
    """y, or y * 2**-n where it is negative."""
    slope = _number(place, "negative_slope", negative_slope)
    if slope == 0:
        return relu(flow, place)
    exponent = -math.log2(slope) if slope > 0 else 7.0
    near = round(min(max(exponent, 0.0), _MOST_SLOPE_SHIFT))
    if slope != 2.0**-near:
        raise ModelError(
            f"{place} is a LeakyReLU of slope {slope:g}, which is not supported: a torus shifts, "
            f"so it must be 2**-n with n from 0 to {_MOST_SLOPE_SHIFT}; the nearest is "
            f"{2.0**-near:g} = 2**-{near}, with which the model must then be trained"
        )
    return flow.activate(place, Activation(leak_shift=near), "LeakyReLU")


def batch_norm(
    flow: Flow,
    place: Place,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Flow:
    """(y - mean) / sqrt(var + eps) * weight + bias, for each feature."""
    if training or running_mean is None or running_var is None:
        raise ModelError(
            f"{place} normalises with the mean of the batch, which no torus knows: keep running "
            "statistics (track_running_stats=True) and call model.eval()"
        )
    scale = (running_var.double() + eps).rsqrt()
    if weight is not None:
        scale = scale * weight.double()
    shift = -running_mean.double() * scale
    if bias is not None:
        shift = shift + bias.double()
    return flow.elementwise(place, scale, shift, channels=True)


def _same(flow: Flow, place: Place, *args: object, **kwargs: object) -> Flow:
    return flow


def reshaped(
    flow: Flow,
    place: Place,
    function: Callable[..., Tensor],
    name: str,
    *args: object,
    **kwargs: object,
) -> Flow:
    """Give each sample another shape, and keep the order of its features."""
    try:
        example = function(flow.example, *args, **kwargs)
    except (RuntimeError, IndexError) as error:
        reason = sizes_named(str(error).partition("\n")[0])
        raise ModelError(
            f"{place}: {name} must take {flow.shown()}, but fails: {reason}; if samples have "
            "another shape, calibrate with samples of that shape"
        ) from error
    return flow.shaped(example, place, name)


def _reshaping(function: Callable[..., Tensor]) -> Handler:
    def handler(flow: Flow, place: Place, *args: object, **kwargs: object) -> Flow:
        return reshaped(flow, place, function, function.__name__, *args, **kwargs)

    return handler


def _linear(flow: Flow, place: Place, weight: Any, bias: Any = None) -> Flow:
    return flow.affine(place, dense(_matrix(place, weight), bias))


def _matmul(flow: Flow, place: Place, other: Any) -> Flow:
    return flow.affine(place, dense(_matrix(place, other).T, None))


def _scaled(flow: Flow, place: Place, other: Any) -> Flow:
    return flow.elementwise(place, scale=other)


def _divided(flow: Flow, place: Place, other: Any, rounding_mode: None = None) -> Flow:
    if rounding_mode is not None:
        raise ModelError(f"{place} rounds what it divides, which is not supported")
    return flow.elementwise(place, scale=1.0 / torch.as_tensor(other).double())


def _added(flow: Flow, place: Place, other: Any, alpha: float = 1.0) -> Flow:
    return flow.elementwise(place, shift=alpha * torch.as_tensor(other).double())


def _subtracted(flow: Flow, place: Place, other: Any, alpha: float = 1.0) -> Flow:
    return _added(flow, place, other, -alpha)


def _subtracted_from(flow: Flow, place: Place, other: Any) -> Flow:
    return flow.elementwise(place, scale=-1.0, shift=other)


def _negated(flow: Flow, place: Place) -> Flow:
    return flow.elementwise(place, scale=-1.0)


def _relu6(flow: Flow, place: Place, inplace: bool = False) -> Flow:
    return clamp(flow, place, 0.0, 6.0)


def _at_least(flow: Flow, place: Place, min: object) -> Flow:
    return clamp(flow, place, min, None)


def _at_most(flow: Flow, place: Place, max: object) -> Flow:
    return clamp(flow, place, None, max)


def _number(place: Place, name: str, value: object) -> float:
    found = value
    if isinstance(found, Tensor) and found.numel() == 1:
        found = found.item()
    number = math.nan
    if isinstance(found, int | float) and not isinstance(found, bool):
        try:
            number = float(found)
        except OverflowError:
            raise ModelError(f"{place}: {name} must be within -2**1024 to 2**1024") from None
    if math.isnan(number):
        raise ModelError(f"{place}: {name} must be a number, the same for all features")
    return number


def _matrix(place: Place, value: Any) -> Tensor:
    if not isinstance(value, Tensor) or value.ndim != 2:
        raise ModelError(
            f"{place} multiplies with something that is no matrix of weights [O, I], which is not "
            "supported"
        )
    return value


_BY_NAME: dict[str, Handler] = {
    "relu": relu,
    "relu6": _relu6,
    "hardtanh": hardtanh,
    "leaky_relu": leaky,
    "clamp": clamp,
    "clip": clamp,
    "clamp_min": _at_least,
    "clamp_max": _at_most,
    "linear": _linear,
    "matmul": _matmul,
    "mm": _matmul,
    "batch_norm": batch_norm,
    "mul": _scaled,
    "multiply": _scaled,
    "imul": _scaled,
    "div": _divided,
    "divide": _divided,
    "true_divide": _divided,
    "truediv": _divided,
    "itruediv": _divided,
    "add": _added,
    "iadd": _added,
    "sub": _subtracted,
    "subtract": _subtracted,
    "isub": _subtracted,
    "rsub": _subtracted_from,
    "neg": _negated,
    "negative": _negated,
    "dropout": _same,
    "dropout1d": _same,
    "dropout2d": _same,
    "alpha_dropout": _same,
    "feature_alpha_dropout": _same,
    "clone": _same,
    "flatten": _reshaping(torch.flatten),
    "reshape": _reshaping(torch.reshape),
    "squeeze": _reshaping(torch.squeeze),
    "unsqueeze": _reshaping(torch.unsqueeze),
    "ravel": _reshaping(torch.ravel),
}

_NAMESPACES = (F, torch, operator)
FUNCTIONS: dict[object, Handler] = {
    getattr(space, written): handler
    for name, handler in _BY_NAME.items()
    for written in (name, f"{name}_")
    for space in _NAMESPACES
    if hasattr(space, written)
}
"""What each function of PyTorch's and of `operator` does to its first argument."""

METHODS: dict[str, Handler] = {
    written: handler for name, handler in _BY_NAME.items() for written in (name, f"{name}_")
} | {
    **{
        function.__name__: _reshaping(function)
        for function in (Tensor.view, Tensor.reshape, Tensor.flatten, Tensor.squeeze)
    },
    "contiguous": _same,
    "detach": _same,
    "to": _same,
    "float": _same,
    "double": _same,
    "cpu": _same,
    "cuda": _same,
}
"""What each method of a tensor does to it."""

REVERSED: dict[Handler, Handler] = {
    _scaled: _scaled,
    _added: _added,
    _subtracted: _subtracted_from,
}
"""The same of a constant and a flow, in place of a flow and a constant."""
