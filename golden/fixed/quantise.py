"""Post-training quantisation: from a float Clos network to words, with a scale per tensor.

`docs/arithmetic.md` says how the scales are chosen and why.
"""

import copy
import dataclasses
import math

import torch
from torch import Tensor, nn

from golden.clos.layer import ClosLinear
from golden.errors import ModelError, ShapeError
from golden.fixed.layer import QuantisedLayer
from golden.fixed.model_check import check_outputs
from golden.fixed.quantised import QuantisedNet
from golden.fixed.words import check_word_bits, to_words
from golden.layers.chain import ActivatedLayer, clos_chain
from golden.tensors.reals import Reals, real_tensor

__all__ = ["most_fraction_bits", "quantise"]

_NEGLIGIBLE = 2.0**-64


@dataclasses.dataclass(frozen=True)
class _Limits:
    """Widths that the scales must respect."""

    act_bits: int
    weight_bits: int
    bias_bits: int
    max_shift: int


def quantise(
    model: nn.Module,
    calibration: Reals,
    *,
    act_bits: int = 16,
    weight_bits: int = 16,
    bias_bits: int | None = None,
    max_shift: int | None = None,
) -> QuantisedNet:
    """Turn a trained model into words, with power-of-two scales taken from the calibration data.

    Parameters
    ----------
    model
        A `ClosNet`, a `ClosLinear`, or an `nn.Sequential` (nested ones too) of `ClosLinear` and
        `ReLU`; or an `nn.Sequential` of pointwise `ClosConv2d` and `ReLU`, whose samples are then
        the pixels. `Dropout`, `Identity` and `Flatten` do nothing in inference on [N, I] and are
        skipped.
    calibration
        [N, I] real inputs, such as the training data, or images [N, I, H, W] for convolutions; a
        tensor, an array or nested lists. The largest magnitude that each tensor takes on them sets
        its scale. On them no activation saturates, except by rounding.
    act_bits, weight_bits
        Width of an activation and of a weight, 4 to 18 bits.
    bias_bits
        Width of a bias; by default act_bits + weight_bits + ceil(log2(largest fan-in)).
    max_shift
        Largest right shift on leaving a stage; by default bias_bits.

    Raises
    ------
    ModelError
        If the model holds a layer that is not supported, or a ReLU that follows no `ClosLinear`; if
        it does something else than its layers do, one after the other, which shows on the
        calibration data; if a weight or a calibration value is no real number or not finite, or a
        calibration value is beyond 2**64; if a width is out of range.
    ShapeError
        If the layers do not fit together, or the calibration data do not fit the first.
    """
    check_word_bits("act_bits", act_bits)
    check_word_bits("weight_bits", weight_bits)
    chain = clos_chain(model)
    x = _checked_calibration(calibration, chain[0])
    if bias_bits is None:
        fan_in = max(max(item.layer.shape.fan_ins) for item in chain)
        bias_bits = act_bits + weight_bits + (fan_in - 1).bit_length()
    limits = _Limits(
        act_bits, weight_bits, bias_bits, bias_bits if max_shift is None else max_shift
    )
    for name, least in (("bias_bits", 2), ("max_shift", 0)):
        if getattr(limits, name) < least:
            raise ModelError(f"{name} must be at least {least}, not {getattr(limits, name)}")

    input_fraction = most_fraction_bits(_largest(x), act_bits)
    layers: list[QuantisedLayer] = []
    y = x
    for item in chain:
        layer, y = _quantise_layer(item, y, input_fraction, limits)
        input_fraction = layer.activation_fraction_bits[3]
        layers.append(layer)
    check_outputs(model, x, y, pixels=chain[0].pixels)
    return QuantisedNet(tuple(layers), act_bits, weight_bits)


def _quantise_layer(
    item: ActivatedLayer[ClosLinear], x: Tensor, input_fraction: int, limits: _Limits
) -> tuple[QuantisedLayer, Tensor]:
    """Quantise one layer, and run it on `x` in float64 for the next."""
    layer = copy.deepcopy(item.layer).to("cpu", torch.float64)
    with torch.no_grad():
        h1, h2, y = layer.stages(x)
    if item.relu:
        y = torch.relu(y)
    if not bool(torch.isfinite(h1).all() & torch.isfinite(h2).all() & torch.isfinite(y).all()):
        raise ModelError(
            f"layer {item.position}: results on the calibration data must be finite, "
            "but some overflow"
        )
    bias = torch.zeros(layer.out_features) if layer.bias is None else layer.bias.detach()

    w1, h1_fraction = _stage_scales(layer.input_weight, input_fraction, h1, limits)
    w2, h2_fraction = _stage_scales(layer.middle_weight, h1_fraction, h2, limits)
    w3, y_fraction = _stage_scales(layer.output_weight, h2_fraction, y, limits, _largest(bias))
    quantised = QuantisedLayer(
        shape=layer.shape,
        input_weight=to_words(layer.input_weight, w1, limits.weight_bits),
        middle_weight=to_words(layer.middle_weight, w2, limits.weight_bits),
        output_weight=to_words(layer.output_weight, w3, limits.weight_bits),
        bias=to_words(bias, w3 + h2_fraction, limits.bias_bits),
        relu=item.relu,
        activation_fraction_bits=(input_fraction, h1_fraction, h2_fraction, y_fraction),
        weight_fraction_bits=(w1, w2, w3),
    )
    return quantised, y


def _stage_scales(
    weight: Tensor, input_fraction: int, result: Tensor, limits: _Limits, bias: float = 0.0
) -> tuple[int, int]:
    """Choose the fraction bits of a stage's weights and of its results.

    Each as many as its width allows, but the bias must fit its own, and the shift (weight plus
    input less result fraction bits) must be a right shift that the hardware can do.
    """
    result_fraction = most_fraction_bits(_largest(result), limits.act_bits)
    bounds = [
        most_fraction_bits(_largest(weight), limits.weight_bits) + input_fraction,
        result_fraction + limits.max_shift,
    ]
    if bias >= _NEGLIGIBLE:
        bounds.append(most_fraction_bits(bias, limits.bias_bits))
    acc_fraction = min(bounds)
    # Results are never finer than the sums that they are rounded from: that would be a left shift.
    return acc_fraction - input_fraction, min(result_fraction, acc_fraction)


def most_fraction_bits(largest: float, bits: int) -> int:
    """Most fraction bits with which `largest` still rounds to a word of `bits`.

    A tensor without any value to speak of has no scale of its own and takes that of 1.
    """
    if largest < _NEGLIGIBLE:
        largest = 1.0
    # largest = m * 2**exponent with 0.5 <= m < 1: it fills the word, or rounds to one too many.
    exponent = math.frexp(largest)[1]
    fraction = bits - 1 - exponent
    return fraction if round(largest * 2.0**fraction) < 1 << (bits - 1) else fraction - 1


def _largest(values: Tensor) -> float:
    return float(values.detach().abs().max())


def _checked_calibration(calibration: Reals, first: ActivatedLayer[ClosLinear]) -> Tensor:
    x = real_tensor("calibration", calibration)
    features = first.layer.in_features
    if first.pixels and x.ndim == 4:
        x = x.movedim(1, 3).flatten(0, 2)
    if x.ndim != 2 or x.shape[1] != features or len(x) == 0:
        images = f" or [N, {features}, H, W]" if first.pixels else ""
        raise ShapeError(
            f"calibration must have shape [N, {features}]{images} with N at least 1, "
            f"not {list(x.shape)}"
        )
    return x
