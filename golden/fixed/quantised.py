"""The bit-exact integer model of a quantised ClosNet: what the hardware must compute.

`docs/arithmetic.md` is the definition in prose. Everything here is exact int64 arithmetic, written
stage by stage from that definition and not from the order in which the hardware adds.
"""

import dataclasses

import torch
from torch import Tensor

from golden.arguments import instance, items
from golden.arguments import tensor as tensor_of
from golden.clos.shape import ClosShape
from golden.errors import ModelError, ShapeError
from golden.fixed.words import (
    MAX_SHIFT,
    check_word_bits,
    fraction_bits,
    from_words,
    round_half_even_shift,
    saturate,
    saturated_values,
    signed_bits,
    to_words,
)

__all__ = ["LayerWords", "QuantisedLayer", "QuantisedNet", "StageWords"]

# Bounds that keep int64 exact: a sum is less than 2**61 + fan-in * 2**34, with room for rounding.
_MAX_BIAS_BITS = 62
_MAX_FAN_IN = 1 << 26


@dataclasses.dataclass(frozen=True, eq=False)
class StageWords:
    """One stage's sums and results: `acc` before, `words` after shift, saturation and ReLU.

    int64; [N, Ri, Rm] for the input stage (output m of input router r), [N, Ro, Rm] for the middle
    stage (output o of middle router m), [N, O] for the output stage.
    """

    acc: Tensor
    words: Tensor


@dataclasses.dataclass(frozen=True, eq=False)
class LayerWords:
    """Every intermediate of one layer; `output.words` is the layer's result."""

    input: StageWords
    middle: StageWords
    output: StageWords


@dataclasses.dataclass(frozen=True, eq=False)
class QuantisedLayer:
    """One Clos layer in integers. A word w with f fraction bits stands for w / 2**f.

    Parameters
    ----------
    shape
        The layer's 5-tuple (I, O, Ri, Rm, Ro).
    input_weight
        [I, Rm] int64: row i holds the weights from input i to the outputs of its input router.
    middle_weight
        [Rm, Ri, Ro] int64: middle router m's weights from input r to output o.
    output_weight
        [O, Rm] int64: row j holds the weights from its output router's inputs to output j.
    bias
        [O] int64, at the scale of the output stage's accumulator.
    relu
        Whether negative outputs of the layer become 0.
    activation_fraction_bits
        Of the layer's input, the input stage's results, the middle stage's and the layer's output.
    weight_fraction_bits
        Of the input, middle and output weights.

    Raises
    ------
    ShapeError
        If a tensor does not have the shape that `shape` asks for.
    ModelError
        If a tensor is not int64, or a right shift is not 0 to 62.
    """

    shape: ClosShape
    input_weight: Tensor
    middle_weight: Tensor
    output_weight: Tensor
    bias: Tensor
    relu: bool
    activation_fraction_bits: tuple[int, int, int, int]
    weight_fraction_bits: tuple[int, int, int]

    def __post_init__(self) -> None:
        """Check every tensor against `shape`, and that every shift is a right shift."""
        inputs, outputs, ri, rm, ro = instance("shape", self.shape, ClosShape).as_tuple()
        instance("relu", self.relu, bool, error=ModelError)
        for field, count in (("activation_fraction_bits", 4), ("weight_fraction_bits", 3)):
            object.__setattr__(self, field, fraction_bits(field, getattr(self, field), count))
        wanted = {
            "input_weight": (inputs, rm),
            "middle_weight": (rm, ri, ro),
            "output_weight": (outputs, rm),
            "bias": (outputs,),
        }
        for name, size in wanted.items():
            tensor = tensor_of(name, getattr(self, name))
            if tensor.dtype != torch.int64:
                raise ModelError(f"{name} must be int64, not {tensor.dtype}")
            if tuple(tensor.shape) != size:
                raise ShapeError(
                    f"{name} must have shape {size} for layer {self.shape}, "
                    f"not {tuple(tensor.shape)}"
                )
        for stage, shift in zip(("input", "middle", "output"), self.shifts, strict=True):
            if not 0 <= shift <= MAX_SHIFT:
                raise ModelError(
                    f"the {stage} stage's right shift must be 0 to {MAX_SHIFT}, not {shift}"
                )
        if max(self.shape.fan_ins) > _MAX_FAN_IN:
            raise ShapeError(
                f"fan-in must be at most {_MAX_FAN_IN}, not {max(self.shape.fan_ins)}: "
                "sums would not be exact in 64 bits"
            )
        if self.bias_bits > _MAX_BIAS_BITS:
            raise ModelError(f"bias must fit {_MAX_BIAS_BITS} bits, not {self.bias_bits}")

    @property
    def shifts(self) -> tuple[int, int, int]:
        """Right shift on leaving each stage: weight plus input less output fraction bits."""
        x, h1, h2, y = self.activation_fraction_bits
        w1, w2, w3 = self.weight_fraction_bits
        return w1 + x - h1, w2 + h1 - h2, w3 + h2 - y

    @property
    def bias_bits(self) -> int:
        """Width of the two's-complement word that holds every bias."""
        return signed_bits(self.bias)

    def run(self, x: Tensor, act_bits: int) -> LayerWords:
        """Compute the layer on words.

        Parameters
        ----------
        x
            [N, I] int64 words.
        act_bits
            Width that every stage's results are saturated to.
        """
        shift_1, shift_2, shift_3 = self.shifts

        def leave(acc: Tensor, shift: int) -> StageWords:
            return StageWords(acc, saturate(round_half_even_shift(acc, shift), act_bits))

        input_acc = torch.stack(
            [
                x[:, start:stop] @ self.input_weight[start:stop]
                for start, stop in self.shape.input_blocks
            ],
            dim=1,
        )
        input_stage = leave(input_acc, shift_1)

        middle_acc = torch.einsum("nrm,mro->nom", input_stage.words, self.middle_weight)
        middle_stage = leave(middle_acc, shift_2)

        output_acc = self.bias + torch.cat(
            [
                middle_stage.words[:, block] @ self.output_weight[start:stop].T
                for block, (start, stop) in enumerate(self.shape.output_blocks)
            ],
            dim=1,
        )
        output_stage = leave(output_acc, shift_3)
        if self.relu:
            output_stage = StageWords(output_acc, output_stage.words.clamp(min=0))
        return LayerWords(input_stage, middle_stage, output_stage)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class QuantisedNet:
    """A chain of quantised Clos layers and the widths of their words.

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

    layers: tuple[QuantisedLayer, ...]
    act_bits: int
    weight_bits: int

    def __post_init__(self) -> None:
        """Check the widths, every weight's range, and that the layers chain."""
        for field in ("act_bits", "weight_bits"):
            object.__setattr__(self, field, check_word_bits(field, getattr(self, field)))
        layers = items("layers", self.layers, error=ModelError)
        for index, layer in enumerate(layers):
            instance(f"layer {index}", layer, QuantisedLayer, error=ModelError)
        if not layers:
            raise ModelError("layers must hold at least one layer, not none")
        object.__setattr__(self, "layers", layers)
        for index, layer in enumerate(self.layers):
            for name in ("input_weight", "middle_weight", "output_weight"):
                needed = signed_bits(getattr(layer, name))
                if needed > self.weight_bits:
                    raise ModelError(
                        f"layer {index}: {name} must fit weight_bits = {self.weight_bits} bits, "
                        f"but needs {needed}"
                    )
        for index, (left, right) in enumerate(zip(self.layers, self.layers[1:], strict=False), 1):
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

    def __repr__(self) -> str:
        """Say which layers and widths it has; its words are in the layers."""
        layers = ", ".join(f"{x.shape}{' + ReLU' if x.relu else ''}" for x in self.layers)
        return (
            f"<QuantisedNet {layers}: {self.act_bits}-bit activations, "
            f"{self.weight_bits}-bit weights>"
        )

    @property
    def shapes(self) -> tuple[ClosShape, ...]:
        """The shape of every layer."""
        return tuple(layer.shape for layer in self.layers)

    @property
    def input_fraction_bits(self) -> int:
        """Fraction bits of the net's input words."""
        return self.layers[0].activation_fraction_bits[0]

    @property
    def output_fraction_bits(self) -> int:
        """Fraction bits of the net's output words."""
        return self.layers[-1].activation_fraction_bits[3]

    def layer_words(self, x: Tensor) -> list[LayerWords]:
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
        found: list[LayerWords] = []
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
