"""What every chain of layers in fixed point keeps to: one feeds the next, at the same scale."""

from collections.abc import Sequence
from typing import Protocol, TypeVar, cast

from golden.arguments import items, shown
from golden.errors import ModelError, ShapeError
from golden.layers.dense import LayerShape

__all__ = ["ChainLayer", "check_chain", "layers_of"]


class ChainLayer(Protocol):
    """A layer, as far as its neighbours are concerned."""

    @property
    def shape(self) -> LayerShape:
        """Its sizes."""
        ...

    @property
    def activation_fraction_bits(self) -> tuple[int, ...]:
        """Of the layer's input, what its stages but the last make, and its output."""
        ...


Layer = TypeVar("Layer")


def layers_of(layers: object, *kinds: type[Layer]) -> tuple[Layer, ...]:
    """Return `layers` as a tuple, once it is at least one layer and all are of these kinds.

    Raises
    ------
    ModelError
        If it is not.
    """
    found = items("layers", layers, error=ModelError)
    if not found:
        raise ModelError("layers must hold at least one layer, not none")
    for index, layer in enumerate(found):
        if not isinstance(layer, kinds):
            names = " or ".join(kind.__name__ for kind in kinds)
            raise ModelError(f"layer {index} must be a {names}, not {shown(layer)}")
    return cast(tuple[Layer, ...], tuple(found))


def check_chain(layers: Sequence[ChainLayer]) -> None:
    """Check that each layer takes the outputs of the one before, at the same scale.

    Raises
    ------
    ShapeError
        If a layer does not take as many features as the one before gives.
    ModelError
        If two layers disagree about the scale of the tensor between them.
    """
    for index, (left, right) in enumerate(zip(layers, layers[1:], strict=False), 1):
        if right.shape.in_features != left.shape.out_features:
            raise ShapeError(
                f"layer {index}: in_features must be {left.shape.out_features}, the outputs of "
                f"layer {index - 1}, not {right.shape.in_features}"
            )
        if right.activation_fraction_bits[0] != left.activation_fraction_bits[-1]:
            raise ModelError(
                f"layer {index}: its input must have {left.activation_fraction_bits[-1]} "
                f"fraction bits, as the output of layer {index - 1}, "
                f"not {right.activation_fraction_bits[0]}"
            )
