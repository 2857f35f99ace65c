"""A layer of a chain, and how a scale and a shift of its inputs or outputs become weights."""

import dataclasses
from collections.abc import Callable
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from golden.clos.forms import ClosWeights
from golden.clos.function import compute
from golden.clos.layer import ClosLinear
from golden.errors import ModelError
from golden.layers.dense import LayerShape
from golden.layers.weights import shape_of
from golden.models.activation import NONE, Activation

__all__ = [
    "ActivatedLayer",
    "AnyLayer",
    "Diagonal",
    "computes_weights",
    "dense",
    "hooks",
    "inputs_scaled",
    "outputs_scaled",
    "plain_clos",
    "plain_dense",
    "plain_low_rank",
]

AnyLayer = ClosLinear | nn.Linear
"""A sparse layer, or a dense one."""

_WEIGHT_HOOKS = (BasePruningMethod, WeightNorm, SpectralNorm)


_New = TypeVar("_New", bound=ClosLinear | nn.Linear)
_Layer = TypeVar("_Layer", bound=ClosLinear | nn.Linear, covariant=True)


@dataclasses.dataclass(frozen=True, eq=False)
class ActivatedLayer(Generic[_Layer]):
    """A layer of a chain, its place in the model, and the activation behind it.

    Parameters
    ----------
    position
        Its name as in `named_modules`, "0" for a model that is one layer; or the name of the node
        of the graph, where a function computes it.
    layer
        A `ClosLinear`, or an `nn.Linear` for a dense layer, with the weights that the model infers
        with, masked, normalised or folded where it has them so. No gradient reaches the model.
    activation
        What follows the sums.
    pixels
        Whether its samples are the pixels of images [N, C, H, W].
    source
        Where the model's forward calls it, "net.py, line 12"; None where PyTorch's own code does.
    folded
        Positions of what is in its weights besides: BatchNorms, scales and shifts.
    """

    position: str
    layer: _Layer
    activation: Activation = NONE
    pixels: bool = False
    source: str | None = None
    folded: tuple[str, ...] = ()

    @property
    def shape(self) -> LayerShape:
        """Its shape; a dense one has no cuts, which a torus makes."""
        return shape_of(self.layer)

    @property
    def relu(self) -> bool:
        """Whether the activation is a ReLU."""
        return self.activation.is_relu

    @property
    def where(self) -> str:
        """How a message names it."""
        return f"layer {self.position}" + (f" ({self.source})" if self.source else "")

    def of(self, layer: _New) -> "ActivatedLayer[_New]":
        """Return it with another layer in its place."""
        return ActivatedLayer(
            self.position, layer, self.activation, self.pixels, self.source, self.folded
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Diagonal:
    """scale * x + shift, float64 [F] each; `positions` of what it is made of."""

    scale: Tensor
    shift: Tensor
    positions: tuple[str, ...]

    def then(self, other: "Diagonal") -> "Diagonal":
        """Return this one with another behind it."""
        return Diagonal(
            other.scale * self.scale,
            other.scale * self.shift + other.shift,
            self.positions + other.positions,
        )


def hooks(module: nn.Module, kind: str) -> list[Callable[..., object]]:
    """The hooks of a module, such as those of "_forward_hooks"."""
    return list(getattr(module, kind, {}).values())


def computes_weights(hook: object) -> bool:
    """Whether a hook of PyTorch's masks or normalises a weight before every forward."""
    return isinstance(hook, _WEIGHT_HOOKS)


def plain_clos(layer: ClosLinear, where: str) -> ClosLinear:
    """Return a layer with the weights that `layer`, in evaluation mode, infers with."""
    plain = ClosLinear.of_shape(layer.shape, layer.bias is not None, device="meta")
    for name, weight in _computed(layer, [name for name, _ in plain.named_parameters()], where):
        setattr(plain, name, weight)
    return plain


def plain_dense(layer: nn.Module, where: str) -> nn.Linear:
    """Return the dense layer that an `nn.Linear`, or a 1 x 1 `nn.Conv2d`, infers with."""
    weights = dict(_computed(layer, ["weight", "bias"], where))
    return dense(weights["weight"].flatten(1), weights.get("bias"))


def plain_low_rank(layer: nn.Module, where: str) -> tuple[nn.Linear, nn.Linear]:
    """Return the two dense layers that a `LowRankLinear` is."""
    weights = dict(_computed(layer, ["input_weight", "output_weight", "bias"], where))
    first = dense(weights["input_weight"], None)
    return first, dense(weights["output_weight"], weights.get("bias"))


def dense(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    """Make the dense layer of a weight [O, I] and a bias [O]."""
    outputs, inputs = weight.shape
    made = nn.Linear(inputs, outputs, bias=bias is not None, device="meta")
    made.weight = _parameter(weight)
    if bias is not None:
        made.bias = _parameter(bias)
    return made


def outputs_scaled(item: ActivatedLayer[AnyLayer], diagonal: Diagonal) -> ActivatedLayer[AnyLayer]:
    """Return the layer with its sums scaled and shifted, in float64."""
    layer = item.layer
    shift = diagonal.shift
    if layer.bias is not None:
        shift = diagonal.scale * layer.bias.double() + shift
    rows = diagonal.scale[:, None]
    if isinstance(layer, ClosLinear):
        first, middle, last = (weight.double() for weight in layer.weights)
        found = _clos(layer, first, middle, rows * last, shift)
    else:
        found = dense(rows * layer.weight.double(), shift)
    return dataclasses.replace(item.of(found), folded=item.folded + diagonal.positions)


def inputs_scaled(item: ActivatedLayer[AnyLayer], diagonal: Diagonal) -> ActivatedLayer[AnyLayer]:
    """Return the layer that computes of x what `item` computes of x scaled and shifted."""
    layer = item.layer
    if isinstance(layer, ClosLinear):
        first, middle, last = (weight.double() for weight in layer.weights)
        shift = compute(layer.shape, ClosWeights(first, middle, last), diagonal.shift[None])[0]
        found = _clos(
            layer, diagonal.scale[:, None] * first, middle, last, _shifted(layer.bias, shift)
        )
    else:
        weight = layer.weight.double()
        found = dense(weight * diagonal.scale, _shifted(layer.bias, weight @ diagonal.shift))
    return dataclasses.replace(item.of(found), folded=diagonal.positions + item.folded)


def _shifted(bias: Tensor | None, shift: Tensor) -> Tensor:
    return shift if bias is None else bias.double() + shift


def _clos(
    layer: ClosLinear, first: Tensor, middle: Tensor, last: Tensor, bias: Tensor
) -> ClosLinear:
    made = ClosLinear.of_shape(layer.shape, device="meta")
    made.input_weight = _parameter(first)
    made.middle_weight = _parameter(middle)
    made.output_weight = _parameter(last)
    made.bias = _parameter(bias)
    return made


def _computed(layer: nn.Module, names: list[str], where: str) -> list[tuple[str, nn.Parameter]]:
    for hook in hooks(layer, "_forward_pre_hooks"):
        hook(layer, ())  # Pruning masks the weight anew before every forward.
    found: list[tuple[str, nn.Parameter]] = []
    for name in names:
        weight = getattr(layer, name)
        if weight is None:
            continue
        if parametrize.is_parametrized(layer) and not torch.equal(weight, getattr(layer, name)):
            raise ModelError(
                f"{where}: {name} must be the same at every access, but a parametrisation changes "
                "it"
            )
        found.append((name, _parameter(weight)))
    return found


def _parameter(weight: Tensor) -> nn.Parameter:
    return nn.Parameter(torch.as_tensor(weight).detach(), requires_grad=False)
