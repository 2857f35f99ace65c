"""What one layer that trains is laid out as: fraction bits, and the shifts they make."""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor

from golden.arguments import instance, whole_number
from golden.clos.shape import ClosShape
from golden.errors import ModelError
from golden.fixed.dense import QuantisedDense
from golden.fixed.layer import QuantisedLayer
from golden.fixed.words import MAX_SHIFT, fraction_bits
from golden.layers.dense import DenseShape

__all__ = ["STAGES", "AnyLayerFormat", "DenseFormat", "LayerFormat", "LayerShifts"]

STAGES = QuantisedLayer.stage_names
"""The stages of a Clos layer."""


@dataclasses.dataclass(frozen=True)
class LayerShifts:
    """The shifts of one layer, each in the order of the stages.

    `forward` on leaving a stage. Of the stages that have weights: `gradient` of the gradient of a
    stage's inputs, None for the first layer's first stage, whose sums leave as they are; `update`
    of the weights (right shifts). `bias` of the bias update (a left shift).
    """

    forward: tuple[int, ...]
    gradient: tuple[int | None, ...]
    update: tuple[int, ...]
    bias: int


class _AnyLayerFormat:
    """What follows from the fraction bits of a layer of any kind."""

    stage_names: ClassVar[tuple[str, ...]]
    weight_names: ClassVar[tuple[str, ...]]
    activation_fraction_bits: tuple[int, ...]
    master_fraction_bits: tuple[int, ...]
    gradient_fraction_bits: tuple[int, ...]

    @property
    def gains(self) -> tuple[int, ...]:
        """Of the stages behind those with weights, m: their inputs are added times 2**m."""
        return ()

    def operand_fraction_bits(self, dropped_bits: int) -> tuple[int, ...]:
        """Fraction bits of the weights that are multiplied, stored ones less their lower bits."""
        return tuple(bits - dropped_bits for bits in self.master_fraction_bits)

    def bias_fraction_bits(self, dropped_bits: int) -> int:
        """Fraction bits of the bias: those of the last stage's sums."""
        factors = (*self.operand_fraction_bits(dropped_bits), *self.gains)
        return factors[-1] + self.activation_fraction_bits[-2]

    @property
    def product_fraction_bits(self) -> tuple[int, ...]:
        """Fraction bits of the accumulators of the weights' gradients."""
        inputs = self.activation_fraction_bits[: len(self.gradient_fraction_bits)]
        return tuple(x + dy for x, dy in zip(inputs, self.gradient_fraction_bits, strict=True))

    def shifts(self, dropped_bits: int, below: int | None) -> LayerShifts:
        """Return all shifts; `below` is of the gradients of the layer's inputs, if they round."""
        operands, words = self.operand_fraction_bits(dropped_bits), self.activation_fraction_bits
        factors = (*operands, *self.gains)
        gradients = self.gradient_fraction_bits
        into = (below, *gradients[:-1])
        return LayerShifts(
            forward=tuple(
                factor + x - y for factor, x, y in zip(factors, words[:-1], words[1:], strict=True)
            ),
            gradient=tuple(
                None if dx is None else operand + dy - dx
                for operand, dy, dx in zip(operands, gradients, into, strict=True)
            ),
            update=tuple(
                product - master
                for product, master in zip(
                    self.product_fraction_bits, self.master_fraction_bits, strict=True
                )
            ),
            bias=self.bias_fraction_bits(dropped_bits) - gradients[-1],
        )


@dataclasses.dataclass(frozen=True)
class LayerFormat(_AnyLayerFormat):
    """One Clos layer: its shape and the fraction bits of every tensor.

    Parameters
    ----------
    shape
        The layer's 5-tuple (I, O, Ri, Rm, Ro).
    relu
        Whether negative outputs of the layer become 0.
    activation_fraction_bits
        Of the layer's input, the input stage's results, the middle stage's and the layer's output.
    master_fraction_bits
        Of the stored input, middle and output weights.
    gradient_fraction_bits
        Of the gradients of the results of the input, middle and output stage.

    Raises
    ------
    ShapeError, ModelError
        If `shape` is none, or fraction bits are not as many whole numbers.
    """

    shape: ClosShape
    relu: bool
    activation_fraction_bits: tuple[int, ...]
    master_fraction_bits: tuple[int, ...]
    gradient_fraction_bits: tuple[int, ...]

    stage_names = STAGES
    weight_names = QuantisedLayer.weight_names

    def __post_init__(self) -> None:
        """Check types; see the class."""
        instance("shape", self.shape, ClosShape)
        _check_fields(self, 4, 3)

    def quantised(
        self, weights: Sequence[Tensor], bias: Tensor, dropped_bits: int
    ) -> QuantisedLayer:
        """Return the layer of the weights that are multiplied."""
        first, second, third = weights
        x, h1, h2, y = self.activation_fraction_bits
        w1, w2, w3 = self.operand_fraction_bits(dropped_bits)
        return QuantisedLayer(
            self.shape, first, second, third, bias, self.relu, (x, h1, h2, y), (w1, w2, w3)
        )


@dataclasses.dataclass(frozen=True)
class DenseFormat(_AnyLayerFormat):
    """One dense layer: its shape and the fraction bits of every tensor.

    Parameters
    ----------
    shape
        Inputs, outputs and groups.
    relu
        Whether negative outputs of the layer become 0.
    activation_fraction_bits
        Of the layer's input, the partial sums if there are cuts, and the layer's output.
    master_fraction_bits
        Of the stored weights, one number.
    gradient_fraction_bits
        Of the gradient of the layer's output, one number. It is that of every partial sum, too.
    gain_bits
        If there are cuts, m: partial sums are added times 2**m. It is 0 or more.

    Raises
    ------
    ShapeError, ModelError
        If `shape` is none, or fraction bits are not as many whole numbers.
    """

    shape: DenseShape
    relu: bool
    activation_fraction_bits: tuple[int, ...]
    master_fraction_bits: tuple[int, ...]
    gradient_fraction_bits: tuple[int, ...]
    gain_bits: int = 0

    stage_names = QuantisedDense.stage_names
    weight_names = QuantisedDense.weight_names

    def __post_init__(self) -> None:
        """Check types; see the class."""
        instance("shape", self.shape, DenseShape)
        _check_fields(self, len(self.shape.fan_ins) + 1, 1)
        gain = whole_number("gain_bits", self.gain_bits, 0, MAX_SHIFT, error=ModelError)
        object.__setattr__(self, "gain_bits", gain)

    @property
    def gains(self) -> tuple[int, ...]:
        """Of the stage that adds partial sums, m; empty without cuts."""
        return (self.gain_bits,) if self.shape.cuts else ()

    def quantised(
        self, weights: Sequence[Tensor], bias: Tensor, dropped_bits: int
    ) -> QuantisedDense:
        """Return the layer of the weights that are multiplied."""
        (weight,) = weights
        factors = (*self.operand_fraction_bits(dropped_bits), *self.gains)
        return QuantisedDense(
            self.shape, weight, bias, self.relu, self.activation_fraction_bits, factors
        )


AnyLayerFormat = LayerFormat | DenseFormat
"""The format of any layer that trains."""


def _check_fields(layer: AnyLayerFormat, words: int, weights: int) -> None:
    """Check the fields that all kinds of layers have, of so many words and tensors of weights."""
    instance("relu", layer.relu, bool, error=ModelError)
    for field, count in (
        ("activation_fraction_bits", words),
        ("master_fraction_bits", weights),
        ("gradient_fraction_bits", weights),
    ):
        object.__setattr__(layer, field, fraction_bits(field, getattr(layer, field), count))
