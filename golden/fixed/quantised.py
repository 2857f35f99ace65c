"""The bit-exact integer model of a quantised net: what the hardware must compute.

`docs/arithmetic.md` is the definition in prose; `golden/fixed/layer.py` computes a Clos layer, and
`golden/fixed/dense.py` a dense one.
"""

import dataclasses

import torch
from torch import Tensor

from golden.arguments import tensor as tensor_of
from golden.errors import ModelError, ShapeError
from golden.fixed.chain import check_chain, layers_of
from golden.fixed.dense import DenseWords, QuantisedDense
from golden.fixed.layer import LayerWords, QuantisedLayer
from golden.fixed.words import (
    check_word_bits,
    from_words,
    saturated_values,
    signed_bits,
    to_words,
)
from golden.layers.dense import LayerShape

__all__ = ["AnyLayerWords", "QuantisedNet"]

AnyLayerWords = LayerWords | DenseWords
"""Every intermediate of one layer of any kind."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class QuantisedNet:
    """A chain of quantised layers and the widths of their words.

    Parameters
    ----------
    layers
        At least one; each takes the outputs of the one before, at the same scale.
    act_bits, weight_bits
        Width of an activation and of a weight, two's complement, 4 to 18 bits.

    Raises
    ------
    ShapeError
        If two layers do not fit together.
    ModelError
        If a width is out of range, a weight does not fit, or two layers disagree about the scale of
        the tensor between them.
    """

    layers: tuple[QuantisedLayer | QuantisedDense, ...]
    act_bits: int
    weight_bits: int

    def __post_init__(self) -> None:
        """Check the widths, every weight's range, and that the layers chain."""
        for field in ("act_bits", "weight_bits"):
            object.__setattr__(self, field, check_word_bits(field, getattr(self, field)))
        object.__setattr__(self, "layers", layers_of(self.layers, QuantisedLayer, QuantisedDense))
        for index, layer in enumerate(self.layers):
            for name, weight in zip(layer.weight_names, layer.weights, strict=True):
                self._check_weight(f"layer {index}: {name}", signed_bits(weight))
            self._check_weight(f"layer {index}: weights", layer.needed_weight_bits)
            self._check_bounds(index, layer)
        check_chain(self.layers)

    def _check_weight(self, name: str, needed: int) -> None:
        if needed > self.weight_bits:
            raise ModelError(
                f"{name} must fit weight_bits = {self.weight_bits} bits, but needs {needed}"
            )

    def _check_bounds(self, index: int, layer: QuantisedLayer | QuantisedDense) -> None:
        limit = 1 << (self.act_bits - 1)
        low, high = layer.bounds or (0, 0)
        if not -limit <= low <= high < limit:
            raise ModelError(
                f"layer {index}: bounds must be words of act_bits = {self.act_bits} bits, "
                f"not {layer.bounds}"
            )

    def __repr__(self) -> str:
        """Say which layers and widths it has; its words are in the layers."""
        layers = ", ".join(
            str(x.shape) + "".join(f" + {name}" for name in x.finish.names()) for x in self.layers
        )
        return (
            f"<QuantisedNet {layers}: {self.act_bits}-bit activations, "
            f"{self.weight_bits}-bit weights>"
        )

    @property
    def shapes(self) -> tuple[LayerShape, ...]:
        """The shape of every layer."""
        return tuple(layer.shape for layer in self.layers)

    @property
    def input_fraction_bits(self) -> int:
        """Fraction bits of the net's input words."""
        return self.layers[0].activation_fraction_bits[0]

    @property
    def output_fraction_bits(self) -> int:
        """Fraction bits of the net's output words."""
        return self.layers[-1].activation_fraction_bits[-1]

    def layer_words(self, x: Tensor) -> list[AnyLayerWords]:
        """Compute words [N, I] int64 and return every intermediate of every layer.

        Raises
        ------
        ShapeError
            If `x` is not [N, I].
        ModelError
            If `x` is not int64, or a word does not fit `act_bits`.
        """
        self._check_features(x)
        if x.dtype != torch.int64:
            raise ModelError(f"input words must be int64, not {x.dtype}")
        if signed_bits(x) > self.act_bits:
            raise ModelError(
                f"input words must fit act_bits = {self.act_bits} bits, but need {signed_bits(x)}"
            )
        found: list[AnyLayerWords] = []
        for layer in self.layers:
            found.append(layer.run(x, self.act_bits))
            x = found[-1].output.words
        return found

    def forward_words(self, x: Tensor) -> Tensor:
        """Compute words [N, I] int64 to words [N, O] int64; errors as for `layer_words`."""
        return self.layer_words(x)[-1].output.words

    def quantise_input(self, x: Tensor) -> Tensor:
        """Turn reals [N, I] to input words [N, I] int64; errors as for `to_words`."""
        self._check_features(x)
        return to_words(x, self.input_fraction_bits, self.act_bits)

    def saturated_inputs(self, x: Tensor) -> int:
        """Count the values of reals [N, I] that lie beyond the range of an input word.

        `quantise_input` clips them. A value that rounds to the largest word or the smallest one is
        within the range.
        """
        self._check_features(x)
        return saturated_values(x, self.input_fraction_bits, self.act_bits)

    def dequantise_output(self, words: Tensor) -> Tensor:
        """Turn output words into the reals they stand for, float64."""
        return from_words(words, self.output_fraction_bits)

    def infer(self, x: Tensor) -> Tensor:
        """Compute reals [N, I] to reals [N, O], float64, through the fixed-point model."""
        return self.dequantise_output(self.forward_words(self.quantise_input(x)))

    def _check_features(self, x: Tensor) -> None:
        x = tensor_of("input", x)
        features = self.layers[0].shape.in_features
        if x.ndim != 2 or x.shape[1] != features:
            raise ShapeError(f"input must have shape [N, {features}], not {list(x.shape)}")
