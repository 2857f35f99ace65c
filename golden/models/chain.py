"""A chain of layers as a module of its own: what a model file holds."""

import math
from collections.abc import Sequence
from typing import Any, cast

from torch import Tensor, nn

from golden.arguments import items
from golden.clos.layer import ClosLinear
from golden.clos.shape import ClosShape
from golden.errors import ModelError, ShapeError
from golden.layers.dense import LayerShape
from golden.layers.weights import shape_of
from golden.models.activation import NONE, RELU, Activation
from golden.models.layers import AnyLayer

__all__ = ["ChainNet"]

_MOST_FEATURES = 1 << 26
_MOST_LEAK = 16


class ChainNet(nn.Module):
    """Clos layers and dense ones, one behind the other, with an activation behind each.

    Parameters
    ----------
    layers
        `ClosLinear` and `nn.Linear`; each takes the outputs of the one before.
    activations
        As many; see `golden.models.activation`.

    Attributes
    ----------
    layers : ModuleList
        The layers.
    activations : tuple of Activation
        What follows each.

    Raises
    ------
    ShapeError
        If there is no layer, not as many activations, or two layers do not fit together.
    """

    def __init__(self, layers: Sequence[AnyLayer], activations: Sequence[Activation]) -> None:
        """Hold the layers; see the class."""
        super().__init__()
        found: tuple[AnyLayer, ...] = items("layers", layers)
        if not found:
            raise ShapeError("layers must hold at least one layer, not none")
        for index, (left, right) in enumerate(zip(found, found[1:], strict=False), 1):
            if right.in_features != left.out_features:
                raise ShapeError(
                    f"layer {index}: in_features must be {left.out_features}, the outputs of layer "
                    f"{index - 1}, not {right.in_features}"
                )
        self.layers = nn.ModuleList(found)
        self.activations: tuple[Activation, ...] = items("activations", activations, len(found))

    @property
    def in_features(self) -> int:
        """Inputs of the first layer."""
        return cast(AnyLayer, self.layers[0]).in_features

    @property
    def out_features(self) -> int:
        """Outputs of the last layer."""
        return cast(AnyLayer, self.layers[-1]).out_features

    @property
    def shapes(self) -> tuple[LayerShape, ...]:
        """The shape of each layer."""
        return tuple(shape_of(cast(AnyLayer, layer)) for layer in self.layers)

    @property
    def weight_count(self) -> int:
        """Weights of all layers; biases do not count."""
        return sum(shape.parameters for shape in self.shapes)

    def forward(self, x: Tensor) -> Tensor:
        """Compute [..., I] of the first layer to [..., O] of the last."""
        for layer, activation in zip(self.layers, self.activations, strict=True):
            x = activation.apply(layer(x))
        return x

    def operations(self) -> list[tuple[Any, ...]]:
        """Name what it does, in order, as a model file does; `of_operations` reads it.

        ("clos", I, O, Ri, Rm, Ro, bias), ("dense", I, O, bias), and behind a layer ("relu",), or
        ("leak", n) for 2**-n and ("clamp", low, high), infinite where there is no bound.
        """
        found: list[tuple[Any, ...]] = []
        for layer, activation in zip(self.layers, self.activations, strict=True):
            if isinstance(layer, ClosLinear):
                found.append(("clos", *layer.shape.as_tuple(), layer.bias is not None))
            else:
                dense = cast(nn.Linear, layer)
                bias = cast(object, dense.bias) is not None
                found.append(("dense", dense.in_features, dense.out_features, bias))
            if activation.is_relu:
                found.append(("relu",))
                continue
            if activation.leak_shift:
                found.append(("leak", activation.leak_shift))
            if activation.low > -math.inf or activation.high < math.inf:
                found.append(("clamp", activation.low, activation.high))
        return found

    @classmethod
    def of_operations(cls, operations: object) -> "ChainNet":
        """Make the net of these operations on the meta device, without weights.

        Raises
        ------
        ModelError, ShapeError
            If they are none.
        """
        layers: list[AnyLayer] = []
        activations: list[Activation] = []
        for operation in items("operations", operations, error=ModelError):
            name, *numbers = items("operations", operation, error=ModelError) or (None,)
            if name in ("clos", "dense"):
                layers.append(_layer(name, numbers))
                activations.append(NONE)
                continue
            if not layers:
                raise ModelError(f"operations must begin with a layer, not {operation!r}")
            activations[-1] = activations[-1].then(_activation(name, numbers))
        return cls(layers, activations)


def _layer(name: object, numbers: list[Any]) -> AnyLayer:
    *sizes, bias = numbers or [None]
    count = 5 if name == "clos" else 2
    whole = all(type(size) is int and 1 <= size <= _MOST_FEATURES for size in sizes)
    if len(sizes) != count or not whole or type(bias) is not bool:
        raise ModelError(f"operation {name!r} must have {count} sizes and a bool, not {numbers}")
    if name == "clos":
        return ClosLinear.of_shape(ClosShape(*sizes), bias, device="meta")
    return nn.Linear(*sizes, bias=bias, device="meta")


def _activation(name: object, numbers: list[Any]) -> Activation:
    if name == "relu" and not numbers:
        return RELU
    if name == "leak" and len(numbers) == 1:
        (shift,) = numbers
        if type(shift) is int and 1 <= shift <= _MOST_LEAK:
            return Activation(leak_shift=shift)
    if name == "clamp" and len(numbers) == 2 and all(type(one) is float for one in numbers):
        low, high = numbers
        if low <= high:
            return Activation(low=low, high=high)
    raise ModelError(
        f"operations must be clos, dense, relu, leak and clamp, not {(name, *numbers)!r}"
    )
