"""What training in fixed point is laid out as: widths, fraction bits, and the shifts they make."""

import dataclasses

from golden.arguments import instance, whole_number
from golden.clos.shape import ClosShape
from golden.errors import ModelError
from golden.fixed.chain import check_chain, layers_of
from golden.fixed.words import MAX_SHIFT, check_word_bits, fraction_bits

__all__ = [
    "CLEAR",
    "KEEP",
    "MAX_DECAY",
    "MAX_UPDATE_SHIFT",
    "STAGES",
    "LayerFormat",
    "LayerShifts",
    "TrainingFormat",
]

STAGES = ("input", "middle", "output")

KEEP = 0
"""Base of an accumulator: what it holds. 1 to `MAX_DECAY` is a decay by 2**-n, `CLEAR` zero."""
MAX_DECAY = 14
CLEAR = 15

MAX_UPDATE_SHIFT = 32
"""An update is rounded with the bits of one LFSR word."""

_MAX_MASTER_BITS = 36
_VELOCITY_BITS = (16, 48)
_MAX_BIAS_BITS = 60


@dataclasses.dataclass(frozen=True)
class LayerFormat:
    """One layer: its shape and the fraction bits of every tensor.

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
    activation_fraction_bits: tuple[int, int, int, int]
    master_fraction_bits: tuple[int, int, int]
    gradient_fraction_bits: tuple[int, int, int]

    def __post_init__(self) -> None:
        """Check types; see the class."""
        instance("shape", self.shape, ClosShape)
        instance("relu", self.relu, bool, error=ModelError)
        for field, count in (
            ("activation_fraction_bits", 4),
            ("master_fraction_bits", 3),
            ("gradient_fraction_bits", 3),
        ):
            object.__setattr__(self, field, fraction_bits(field, getattr(self, field), count))


@dataclasses.dataclass(frozen=True)
class LayerShifts:
    """The shifts of one layer, each in the order of the stages.

    `forward` on leaving a stage; `gradient` of the gradient of a stage's inputs, None for the first
    layer's input stage, whose sums leave as they are; `update` of the weights (right shifts);
    `bias` of the bias update (a left shift).
    """

    forward: tuple[int, int, int]
    gradient: tuple[int | None, int, int]
    update: tuple[int, int, int]
    bias: int


@dataclasses.dataclass(frozen=True)
class TrainingFormat:
    """The widths of all words, and the layers' fraction bits.

    Parameters
    ----------
    layers
        At least one; each takes the outputs of the one before, at the same scale.
    act_bits, weight_bits
        Width of an activation, and of the weight that is multiplied, 4 to 18 bits.
    master_bits
        Width of a stored weight, of which the upper `weight_bits` are multiplied: `weight_bits` to
        36.
    grad_bits
        Width of a gradient, 4 to 18.
    velocity_bits
        Width of an accumulator of weight gradients, 16 to 48; 0 where there is none.
    bias_bits
        Width of a bias, 2 to 60.

    Raises
    ------
    ShapeError
        If two layers do not fit together.
    ModelError
        If a width or a shift is out of range, or two layers disagree about the scale of the tensor
        between them. The message names the layer, the stage and the value.
    """

    layers: tuple[LayerFormat, ...]
    act_bits: int
    weight_bits: int
    master_bits: int
    grad_bits: int
    velocity_bits: int
    bias_bits: int

    def __post_init__(self) -> None:
        """Check the widths, that the layers chain, and every shift."""
        for field in ("act_bits", "weight_bits", "grad_bits"):
            object.__setattr__(self, field, check_word_bits(field, getattr(self, field)))
        for field in ("master_bits", "velocity_bits", "bias_bits"):
            bits = whole_number(field, getattr(self, field), error=ModelError)
            object.__setattr__(self, field, bits)
        object.__setattr__(self, "layers", layers_of(self.layers, LayerFormat))
        _check_range("master_bits", self.master_bits, self.weight_bits, _MAX_MASTER_BITS)
        if self.velocity_bits != 0:
            low, high = _VELOCITY_BITS
            _check_range("velocity_bits", self.velocity_bits, low, high, "0 (none), or ")
        _check_range("bias_bits", self.bias_bits, 2, _MAX_BIAS_BITS)
        check_chain(self.layers)
        for index, shifts in enumerate(self.shifts):
            _check_shifts(index, shifts, self.bias_bits)

    @property
    def shapes(self) -> tuple[ClosShape, ...]:
        """The shape of every layer."""
        return tuple(layer.shape for layer in self.layers)

    @property
    def dropped_bits(self) -> int:
        """Lower bits of a master weight that are not multiplied."""
        return self.master_bits - self.weight_bits

    @property
    def input_fraction_bits(self) -> int:
        """Fraction bits of the net's input words."""
        return self.layers[0].activation_fraction_bits[0]

    @property
    def output_fraction_bits(self) -> int:
        """Fraction bits of the net's output words."""
        return self.layers[-1].activation_fraction_bits[3]

    @property
    def gradient_fraction_bits(self) -> int:
        """Fraction bits of the words that the host sends as the gradient of the outputs."""
        return self.layers[-1].gradient_fraction_bits[2]

    @property
    def input_gradient_fraction_bits(self) -> int:
        """Fraction bits of the sums that are the gradient of the net's inputs."""
        return self.operand_fraction_bits(0)[0] + self.layers[0].gradient_fraction_bits[0]

    def operand_fraction_bits(self, layer: int) -> tuple[int, int, int]:
        """Fraction bits of the weights that are multiplied, of each stage of a layer."""
        first, second, third = self.layers[layer].master_fraction_bits
        dropped = self.dropped_bits
        return first - dropped, second - dropped, third - dropped

    def bias_fraction_bits(self, layer: int) -> int:
        """Fraction bits of a layer's bias, that of the sums it is added to."""
        return self.operand_fraction_bits(layer)[2] + self.layers[layer].activation_fraction_bits[2]

    def product_fraction_bits(self, layer: int) -> tuple[int, int, int]:
        """Fraction bits of the accumulators of a layer's weight gradients."""
        x, h1, h2, _ = self.layers[layer].activation_fraction_bits
        d1, d2, dy = self.layers[layer].gradient_fraction_bits
        return x + d1, h1 + d2, h2 + dy

    @property
    def shifts(self) -> tuple[LayerShifts, ...]:
        """The shifts of every layer."""
        return tuple(self._layer_shifts(index) for index in range(len(self.layers)))

    def _layer_shifts(self, index: int) -> LayerShifts:
        layer = self.layers[index]
        x, h1, h2, y = layer.activation_fraction_bits
        m1, m2, m3 = layer.master_fraction_bits
        w1, w2, w3 = self.operand_fraction_bits(index)
        p1, p2, p3 = self.product_fraction_bits(index)
        d1, d2, dy = layer.gradient_fraction_bits
        dx = self.layers[index - 1].gradient_fraction_bits[2] if index > 0 else None
        return LayerShifts(
            forward=(w1 + x - h1, w2 + h1 - h2, w3 + h2 - y),
            gradient=(None if dx is None else w1 + d1 - dx, w2 + d2 - d1, w3 + dy - d2),
            update=(p1 - m1, p2 - m2, p3 - m3),
            bias=self.bias_fraction_bits(index) - dy,
        )


def _check_shifts(index: int, shifts: LayerShifts, bias_bits: int) -> None:
    for position, stage in enumerate(STAGES):
        for name, shift, high in (
            ("forward", shifts.forward[position], MAX_SHIFT),
            ("gradient", shifts.gradient[position], MAX_SHIFT),
            ("update", shifts.update[position], MAX_UPDATE_SHIFT),
        ):
            if shift is not None:
                _check_range(f"layer {index}: the {stage} stage's {name} shift", shift, 0, high)
    _check_range(f"layer {index}: the bias shift", shifts.bias, 0, bias_bits)


def _check_range(name: str, value: int, low: int, high: int, before: str = "") -> None:
    if not low <= value <= high:
        raise ModelError(f"{name} must be {before}{low} to {high}, not {value}")
