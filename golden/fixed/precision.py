"""What fixed point costs: a float model and its words, on the same samples."""

import dataclasses

import torch
from torch import Tensor, nn

from golden.errors import ModelError
from golden.fixed.dense import DenseWords, QuantisedDense
from golden.fixed.finish import Finish
from golden.fixed.layer import LayerWords, QuantisedLayer
from golden.fixed.quantised import QuantisedNet
from golden.layers.dense import DenseShape
from golden.models.read import read_chain
from golden.models.samples import samples_of
from golden.tensors.reals import Reals, real_tensor

__all__ = ["FixedPointError", "fixed_point_error"]

_SAMPLES = 1024  # At once: bounds the memory of their intermediate results.


@dataclasses.dataclass(frozen=True)
class FixedPointError:
    """How far a net in fixed point is from its float model.

    Parameters
    ----------
    samples
        Samples that both were run on.
    span
        Range of the float model's outputs: the largest less the smallest.
    largest, mean
        Largest and mean difference of an output, as a magnitude.
    agreement
        Part of the samples, 0 to 1, whose largest output is the same one; None of a single output.
    saturated_inputs
        Part of the input values, 0 to 1, beyond the range of the input words.
    layers
        Of every layer, in order, by stage: the part of its results, 0 to 1, that do not fit their
        words and are clipped. What a ReLU or bounds cut off anyway does not count.
    """

    samples: int
    span: float
    largest: float
    mean: float
    agreement: float | None
    saturated_inputs: float
    layers: tuple[dict[str, float], ...]


def fixed_point_error(model: nn.Module, net: QuantisedNet, x: Reals) -> FixedPointError:
    """Run a float model in float64 and its words on the same samples, and compare.

    Parameters
    ----------
    model
        What `net` was quantised from.
    net
        Its words.
    x
        Real samples [N, I], N at least 1, or images [N, I, H, W] of a convolution.

    Raises
    ------
    ModelError
        If the model is not one that `golden.quantise` takes, or another one than that of the net.
    ShapeError
        If the samples do not fit.
    """
    x = real_tensor("x", x)
    chain = read_chain(model, sample_shape=x.shape[1:])
    shapes = tuple(item.shape for item in chain)
    uncut = (one.uncut() if isinstance(one, DenseShape) else one for one in net.shapes)
    if shapes != tuple(uncut) or any(
        Finish.of(item.activation, layer.activation_fraction_bits[-1], net.act_bits) != layer.finish
        for item, layer in zip(chain, net.layers, strict=True)
    ):
        raise ModelError("model must have the layers of net, which was quantised from another one")
    x = samples_of("x", x, chain[0]).features
    layers = [(item.layer.to(torch.float64), item.activation) for item in chain]
    counts = [dict.fromkeys(layer.results, 0) for layer in net.layers]
    errors: list[Tensor] = []
    reals: list[Tensor] = []
    for part in x.split(_SAMPLES):
        words = net.layer_words(net.quantise_input(part))
        for total, layer, results in zip(counts, net.layers, words, strict=True):
            for stage, count in _saturated(layer, results, net.act_bits).items():
                total[stage] += count
        y = part
        for layer, activation in layers:
            y = activation.apply(layer(y))
        reals.append(y)
        errors.append(net.dequantise_output(words[-1].output.words) - y)
    y, error = torch.cat(reals), torch.cat(errors).abs()
    same = (y + torch.cat(errors)).argmax(dim=1) == y.argmax(dim=1)
    return FixedPointError(
        samples=len(x),
        span=float(y.max() - y.min()),
        largest=float(error.max()),
        mean=float(error.mean()),
        agreement=float(same.double().mean()) if y.shape[1] > 1 else None,
        saturated_inputs=net.saturated_inputs(x) / x.numel(),
        layers=tuple(
            {name: count / (layer.results[name] * len(x)) for name, count in total.items()}
            for layer, total in zip(net.layers, counts, strict=True)
        ),
    )


def _saturated(
    layer: QuantisedLayer | QuantisedDense, words: LayerWords | DenseWords, act_bits: int
) -> dict[str, int]:
    """How many results of each stage are beyond the range of a word."""
    limit = 1 << (act_bits - 1)
    found: dict[str, int] = {}
    last = len(layer.shifts) - 1
    stages = zip(layer.results, words.stages, layer.shifts, strict=True)
    for index, (name, stage, shift) in enumerate(stages):
        finish = layer.finish if index == last else Finish()
        exact = finish.shifted(stage.acc, shift)
        low, high = finish.bounds or (-limit, limit - 1)
        found[name] = 0
        if high == limit - 1:
            found[name] += int((exact >= limit).sum())
        if low == -limit and not finish.relu:
            found[name] += int((exact < -limit).sum())
    return found
