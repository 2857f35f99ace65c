"""Post-training quantisation: from a float network to words, with a scale per tensor.

`docs/arithmetic.md` says how the scales are chosen and why.
"""

import copy
import dataclasses
import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from golden.arguments import items
from golden.clos.layer import ClosLinear
from golden.errors import ModelError
from golden.fixed.dense import QuantisedDense
from golden.fixed.finish import Finish
from golden.fixed.layer import QuantisedLayer
from golden.fixed.model_check import check_outputs
from golden.fixed.quantised import QuantisedNet
from golden.fixed.words import check_word_bits, to_words
from golden.layers.dense import DenseShape, LayerShape, with_cuts
from golden.layers.weights import weights_of
from golden.models.layers import ActivatedLayer, AnyLayer
from golden.models.read import read_chain
from golden.models.samples import samples_of
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
    dense_cuts: Sequence[Sequence[int]] = (),
) -> QuantisedNet:
    """Turn a trained model into words, with power-of-two scales taken from the calibration data.

    Parameters
    ----------
    model
        Any module whose forward is a chain of what docs/models.md lists.
    calibration
        Real inputs, such as the training data: [N, I], or [N, ...] as the model takes them; images
        [N, I, H, W] for convolutions, whose samples are the pixels. A tensor, an array or nested
        lists. The largest magnitude that each tensor takes on them sets its scale. On them no
        activation saturates, except by rounding.
    act_bits, weight_bits
        Width of an activation and of a weight, 4 to 18 bits.
    bias_bits
        Width of a bias; by default act_bits + weight_bits + ceil(log2(largest fan-in)).
    max_shift
        Largest right shift on leaving a stage; by default bias_bits.
    dense_cuts
        Of every dense layer in order, where its sums are cut (`golden.layers.dense.DenseShape`); by
        default nowhere. `sw_driver.compile` cuts them as its torus does.

    Raises
    ------
    ModelError
        If the model does what no chain of layers does; the message names the layer or the node of
        its graph, and its line. If it does something else than its layers do, one after the other,
        which shows on the calibration data; if a weight or a calibration value is no real number or
        not finite, or a calibration value is beyond 2**64; if a width is out of range.
    ShapeError
        If the layers do not fit together, or the calibration data do not fit the first.
    """
    check_word_bits("act_bits", act_bits)
    check_word_bits("weight_bits", weight_bits)
    given = real_tensor("calibration", calibration)
    chain = read_chain(model, sample_shape=given.shape[1:])
    shapes = _cut([item.shape for item in chain], dense_cuts)
    samples = samples_of("calibration", given, chain[0])
    if bias_bits is None:
        fan_in = max(max(shape.fan_ins) for shape in shapes)
        bias_bits = act_bits + weight_bits + (fan_in - 1).bit_length()
    limits = _Limits(
        act_bits, weight_bits, bias_bits, bias_bits if max_shift is None else max_shift
    )
    for name, least in (("bias_bits", 2), ("max_shift", 0)):
        if getattr(limits, name) < least:
            raise ModelError(f"{name} must be at least {least}, not {getattr(limits, name)}")

    input_fraction = most_fraction_bits(_largest(samples.features), act_bits)
    layers: list[QuantisedLayer | QuantisedDense] = []
    y = samples.features
    for item, shape in zip(chain, shapes, strict=True):
        if isinstance(shape, DenseShape):
            layer, y = _quantise_dense(item, shape, y, input_fraction, limits)
        else:
            layer, y = _quantise_layer(item, y, input_fraction, limits)
        input_fraction = layer.activation_fraction_bits[-1]
        layers.append(layer)
    check_outputs(model, samples.given, y)
    return QuantisedNet(tuple(layers), act_bits, weight_bits)


def _cut(
    shapes: Sequence[LayerShape], dense_cuts: Sequence[Sequence[int]]
) -> Sequence[LayerShape]:
    """Return the shapes with these cuts in the dense ones."""
    given = items("dense_cuts", dense_cuts, error=ModelError)
    if not given:
        return shapes
    dense = sum(isinstance(shape, DenseShape) for shape in shapes)
    if len(given) != dense:
        raise ModelError(
            f"dense_cuts must be those of the {dense} dense layers, not of {len(given)}"
        )
    return with_cuts(shapes, given)


def _check_finite(item: ActivatedLayer[AnyLayer], *results: Tensor) -> None:
    if not all(bool(torch.isfinite(result).all()) for result in results):
        raise ModelError(
            f"{item.where}: results on the calibration data must be finite, "
            "but some overflow"
        )


def _quantise_dense(
    item: ActivatedLayer[AnyLayer],
    shape: DenseShape,
    x: Tensor,
    input_fraction: int,
    limits: _Limits,
) -> tuple[QuantisedDense, Tensor]:
    """Quantise one dense layer, and run it on `x` in float64 for the next."""
    weights, bias = weights_of(item.layer)
    weight, bias = (one.detach().to("cpu", torch.float64) for one in (*weights, bias))
    partial = [x[:, start:stop] @ weight[:, start:stop].T for start, stop in shape.groups]
    y = item.activation.apply(torch.stack(partial).sum(dim=0) + bias)
    _check_finite(item, *partial, y)
    leaking = dataclasses.replace(limits, max_shift=limits.max_shift - item.activation.leak_shift)
    if shape.cuts:
        w, p_fraction = _stage_scales(weight, input_fraction, torch.stack(partial), limits)
        gain, y_fraction = _stage_scales(torch.ones(1), p_fraction, y, leaking, _largest(bias))
        # A bias far beyond all partial sums makes these coarser, not smaller.
        p_fraction, gain = p_fraction + min(gain, 0), max(gain, 0)
        words, factors = (input_fraction, p_fraction, y_fraction), (w, gain)
        bias_fraction = gain + p_fraction
    else:
        w, y_fraction = _stage_scales(weight, input_fraction, y, leaking, _largest(bias))
        words, factors = (input_fraction, y_fraction), (w,)
        bias_fraction = w + input_fraction
    finish = Finish.of(item.activation, y_fraction, limits.act_bits)
    quantised = QuantisedDense(
        shape=shape,
        weight=to_words(weight, w, limits.weight_bits),
        bias=to_words(bias, bias_fraction, limits.bias_bits),
        relu=finish.relu,
        leak_shift=finish.leak_shift,
        bounds=finish.bounds,
        activation_fraction_bits=words,
        weight_fraction_bits=factors,
    )
    return quantised, y


def _quantise_layer(
    item: ActivatedLayer[AnyLayer], x: Tensor, input_fraction: int, limits: _Limits
) -> tuple[QuantisedLayer, Tensor]:
    """Quantise one layer, and run it on `x` in float64 for the next."""
    layer = copy.deepcopy(cast(ClosLinear, item.layer)).to("cpu", torch.float64)
    with torch.no_grad():
        h1, h2, y = layer.stages(x)
    y = item.activation.apply(y)
    _check_finite(item, h1, h2, y)
    bias = weights_of(layer)[1].detach()

    w1, h1_fraction = _stage_scales(layer.input_weight, input_fraction, h1, limits)
    w2, h2_fraction = _stage_scales(layer.middle_weight, h1_fraction, h2, limits)
    leak = item.activation.leak_shift
    leaking = dataclasses.replace(limits, max_shift=limits.max_shift - leak)
    w3, y_fraction = _stage_scales(layer.output_weight, h2_fraction, y, leaking, _largest(bias))
    finish = Finish.of(item.activation, y_fraction, limits.act_bits)
    quantised = QuantisedLayer(
        shape=layer.shape,
        input_weight=to_words(layer.input_weight, w1, limits.weight_bits),
        middle_weight=to_words(layer.middle_weight, w2, limits.weight_bits),
        output_weight=to_words(layer.output_weight, w3, limits.weight_bits),
        bias=to_words(bias, w3 + h2_fraction, limits.bias_bits),
        relu=finish.relu,
        leak_shift=finish.leak_shift,
        bounds=finish.bounds,
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
