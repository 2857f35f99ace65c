"""What training in fixed point is laid out as: widths, fraction bits, and the shifts they make."""

import dataclasses

from golden.arguments import whole_number
from golden.errors import ModelError
from golden.fixed.chain import check_chain, layers_of
from golden.fixed.layer_format import AnyLayerFormat, DenseFormat, LayerFormat, LayerShifts
from golden.fixed.words import MAX_SHIFT, check_word_bits
from golden.layers.dense import LayerShape

__all__ = [
    "CLEAR",
    "KEEP",
    "MAX_DECAY",
    "MAX_ERROR_SHIFT",
    "MAX_UPDATE_SHIFT",
    "TrainingFormat",
]

KEEP = 0
"""Base of an accumulator: what it holds. 1 to `MAX_DECAY` is a decay by 2**-n, `CLEAR` zero."""
MAX_DECAY = 14
CLEAR = 15

MAX_ERROR_SHIFT = 40
"""Either way, from an output less its target to a gradient."""

MAX_UPDATE_SHIFT = 32
"""An update is rounded with the bits of one LFSR word."""

_MAX_MASTER_BITS = 36
_VELOCITY_BITS = (16, 48)
_MAX_BIAS_BITS = 60


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
    error_shift
        Right shift, or left where it is negative, from an output word less its target to the word
        of its gradient, -40 to 40: that of a squared error, by targets that are sent with the
        inputs. None for gradients that come from the host.

    Raises
    ------
    ShapeError
        If two layers do not fit together.
    ModelError
        If a width or a shift is out of range, or two layers disagree about the scale of the tensor
        between them. The message names the layer, the stage and the value.
    """

    layers: tuple[AnyLayerFormat, ...]
    act_bits: int
    weight_bits: int
    master_bits: int
    grad_bits: int
    velocity_bits: int
    bias_bits: int
    error_shift: int | None = None

    def __post_init__(self) -> None:
        """Check the widths, that the layers chain, and every shift."""
        for field in ("act_bits", "weight_bits", "grad_bits"):
            object.__setattr__(self, field, check_word_bits(field, getattr(self, field)))
        for field in ("master_bits", "velocity_bits", "bias_bits"):
            bits = whole_number(field, getattr(self, field), error=ModelError)
            object.__setattr__(self, field, bits)
        if self.error_shift is not None:
            shift = whole_number("error_shift", self.error_shift, error=ModelError)
            object.__setattr__(self, "error_shift", shift)
            _check_range("error_shift", shift, -MAX_ERROR_SHIFT, MAX_ERROR_SHIFT)
        object.__setattr__(self, "layers", layers_of(self.layers, LayerFormat, DenseFormat))
        _check_range("master_bits", self.master_bits, self.weight_bits, _MAX_MASTER_BITS)
        if self.velocity_bits != 0:
            low, high = _VELOCITY_BITS
            _check_range("velocity_bits", self.velocity_bits, low, high, "0 (none), or ")
        _check_range("bias_bits", self.bias_bits, 2, _MAX_BIAS_BITS)
        check_chain(self.layers)
        if self.error_shift is not None and self.layers[-1].relu:
            raise ModelError("the last layer must have no ReLU where there is an error_shift")
        for index, (layer, shifts) in enumerate(zip(self.layers, self.shifts, strict=True)):
            _check_shifts(index, layer, shifts, self.bias_bits)
            for gain in layer.gains:
                # 2**gain is a weight.
                _check_range(f"layer {index}: gain_bits", gain, 0, self.weight_bits - 2)

    @property
    def shapes(self) -> tuple[LayerShape, ...]:
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
        return self.layers[-1].activation_fraction_bits[-1]

    @property
    def gradient_fraction_bits(self) -> int:
        """Fraction bits of the words that the host sends as the gradient of the outputs."""
        return self.layers[-1].gradient_fraction_bits[-1]

    @property
    def input_gradient_fraction_bits(self) -> int:
        """Fraction bits of the sums that are the gradient of the net's inputs."""
        return self.operand_fraction_bits(0)[0] + self.layers[0].gradient_fraction_bits[0]

    def operand_fraction_bits(self, layer: int) -> tuple[int, ...]:
        """Fraction bits of the weights that are multiplied, of each stage that has weights."""
        return self.layers[layer].operand_fraction_bits(self.dropped_bits)

    def bias_fraction_bits(self, layer: int) -> int:
        """Fraction bits of a layer's bias, that of the sums it is added to."""
        return self.layers[layer].bias_fraction_bits(self.dropped_bits)

    def product_fraction_bits(self, layer: int) -> tuple[int, ...]:
        """Fraction bits of the accumulators of a layer's weight gradients."""
        return self.layers[layer].product_fraction_bits

    @property
    def shifts(self) -> tuple[LayerShifts, ...]:
        """The shifts of every layer."""
        below = (None, *(layer.gradient_fraction_bits[-1] for layer in self.layers[:-1]))
        return tuple(
            layer.shifts(self.dropped_bits, bits)
            for layer, bits in zip(self.layers, below, strict=True)
        )


def _check_shifts(index: int, layer: AnyLayerFormat, shifts: LayerShifts, bias_bits: int) -> None:
    for name, values, high in (
        ("forward", shifts.forward, MAX_SHIFT),
        ("gradient", shifts.gradient, MAX_SHIFT),
        ("update", shifts.update, MAX_UPDATE_SHIFT),
    ):
        for stage, shift in zip(layer.stage_names, values, strict=False):
            if shift is not None:
                _check_range(f"layer {index}: the {stage} stage's {name} shift", shift, 0, high)
    _check_range(f"layer {index}: the bias shift", shifts.bias, 0, bias_bits)


def _check_range(name: str, value: int, low: int, high: int, before: str = "") -> None:
    if not low <= value <= high:
        raise ModelError(f"{name} must be {before}{low} to {high}, not {value}")
