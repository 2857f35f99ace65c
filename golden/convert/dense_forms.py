"""The PyTorch layer that a layer of a model stands for: that of its own, or an equal one."""

import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from golden.arguments import instance, mapping, shown
from golden.errors import ModelError

__all__ = [
    "DENSE_KINDS",
    "Kinds",
    "as_linear",
    "checked_kinds",
    "dense_form",
    "pointwise_form",
    "weight_count",
]

Kinds = Mapping[type[nn.Module], Callable[[Any], nn.Module]]
"""By class of a user's layers, what returns the equal layer of PyTorch's."""

DENSE_KINDS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.LSTM, nn.GRU, nn.MultiheadAttention)
"""The layers of PyTorch's that there are replacements for."""


def as_linear(weight: Tensor, bias: Tensor | None = None) -> nn.Linear:
    """Return the `nn.Linear` with these numbers, which are shared; frozen where they are.

    Parameters
    ----------
    weight
        [O, I], such as the transpose of a parameter.
    bias
        [O].

    Raises
    ------
    ModelError
        If the weight is no matrix, or the bias has another size.
    """
    weight = instance("weight", weight, Tensor, error=ModelError)
    if weight.ndim != 2:
        raise ModelError(f"weight must be a matrix [O, I], not {shown(weight)}")
    if bias is not None and tuple(instance("bias", bias, Tensor, error=ModelError).shape) != (
        weight.shape[0],
    ):
        raise ModelError(f"bias must have shape [{weight.shape[0]}], not {shown(bias)}")
    outputs, inputs = weight.shape
    made = nn.Linear(inputs, outputs, bias is not None, device="meta")
    made.weight = nn.Parameter(weight.detach(), requires_grad=weight.requires_grad)
    if bias is not None:
        made.bias = nn.Parameter(bias.detach(), requires_grad=bias.requires_grad)
    return made


def checked_kinds(kinds: object) -> Kinds:
    """Return the kinds of a user's.

    Raises
    ------
    ModelError
        If they are no mapping from classes of modules to functions.
    """
    if kinds is None:
        return {}
    held = mapping("kinds", kinds, error=ModelError)
    for kind, function in cast(Mapping[object, object], held).items():
        if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
            raise ModelError(
                f"kinds must have classes of modules as keys, not {shown(cast(object, kind))}"
            )
        if not callable(function) or inspect.isclass(function):
            raise ModelError(
                f"kinds[{kind.__name__}] must be a function that returns the equal layer of "
                f"PyTorch's, not {shown(cast(object, function))}"
            )
    return cast(Kinds, held)


def dense_form(layer: nn.Module, kinds: Kinds) -> nn.Module | None:
    """Return the layer of `DENSE_KINDS` that computes what `layer` does; None if there is none.

    That is the layer itself, what the function of its class in `kinds` returns, or the `nn.Linear`
    with the transposed weight of a `Conv1D` of transformers. Subclasses are none of these: code may
    use their weights directly.

    Raises
    ------
    ModelError
        If a function of the user's returns something else.
    """
    function = kinds.get(type(layer))
    if function is not None:
        with torch.enable_grad():  # So that a part of what is trained says that it is.
            found = function(layer)
        if type(found) not in DENSE_KINDS:
            names = ", ".join(f"nn.{kind.__name__}" for kind in DENSE_KINDS)
            raise ModelError(
                f"kinds[{type(layer).__name__}] must return one of {names}, not {shown(found)}"
            )
        return found
    if type(layer) in DENSE_KINDS:
        return layer
    transposed = getattr(sys.modules.get("transformers.pytorch_utils"), "Conv1D", None)
    if transposed is not None and type(layer) is transposed:
        held = cast(Any, layer)
        with torch.enable_grad():
            return as_linear(held.weight.T, held.bias)
    return None


def pointwise_form(dense: nn.Module) -> nn.Linear | None:
    """Return the linear layer that `dense` is, or is at every place; None for other layers."""
    if isinstance(dense, nn.Linear):
        return dense
    if not isinstance(dense, nn.Conv1d | nn.Conv2d) or dense.groups != 1:
        return None
    if set(dense.kernel_size) == {1}:
        with torch.enable_grad():
            return as_linear(dense.weight.flatten(1), dense.bias)
    return None


@torch.no_grad()
def weight_count(module: nn.Module) -> int:
    """Return how many weights a module has, each parameter once; biases are not counted."""
    return sum(
        parameter.numel()
        for name, parameter in module.named_parameters()
        if "bias" not in name.rpartition(".")[2]
    )
