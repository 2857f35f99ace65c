"""What every chain of layers in fixed point keeps to: one feeds the next, at the same scale."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from golden.arguments import instance, items
from golden.clos.shape import ClosShape
from golden.errors import ModelError, ShapeError

__all__ = ["ChainLayer", "check_chain", "layers_of"]


class ChainLayer(Protocol):
    """A layer, as far as its neighbours are concerned."""

    @property
    def shape(self) -> ClosShape:
        """Its 5-tuple (I, O, Ri, Rm, Ro)."""
        ...

    @property
    def activation_fraction_bits(self) -> tuple[int, int, int, int]:
        """Of the layer's input, the input stage's results, the middle stage's and its output."""
        ...


Layer = TypeVar("Layer")


def layers_of(layers: object, kind: type[Layer]) -> tuple[Layer, ...]:
    """Return `layers` as a tuple, once it is at least one layer and all are of this kind.

    Raises
    ------
    ModelError
        If it is not.
    """
    found = items("layers", layers, error=ModelError)
    if not found:
        raise ModelError("layers must hold at least one layer, not none")
    return tuple(
        instance(f"layer {index}", layer, kind, error=ModelError)
        for index, layer in enumerate(found)
    )


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
        if right.activation_fraction_bits[0] != left.activation_fraction_bits[3]:
            raise ModelError(
                f"layer {index}: its input must have {left.activation_fraction_bits[3]} "
                f"fraction bits, as the output of layer {index - 1}, "
                f"not {right.activation_fraction_bits[0]}"
            )
