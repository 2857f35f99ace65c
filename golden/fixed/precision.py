"""What fixed point costs: a float model and its words, on the same samples."""

import dataclasses
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from golden.arguments import shown
from golden.errors import ModelError, ShapeError
from golden.fixed.dense import DenseWords, QuantisedDense
from golden.fixed.finish import Finish
from golden.fixed.layer import LayerWords, QuantisedLayer
from golden.fixed.quantised import QuantisedNet
from golden.fixed.words import from_words
from golden.layers.dense import without_cuts
from golden.models.read import read_chain
from golden.models.samples import samples_of
from golden.tensors.reals import Reals, real_tensor

__all__ = ["FixedPointError", "LayerError", "fixed_point_error", "saturated_parts"]

_SAMPLES = 1024  # At once: bounds the memory of their intermediate results.


@dataclasses.dataclass(frozen=True)
class LayerError:
    """How far the outputs of one layer are from those of the float model's layer.

    Both have run all layers before it, so that the errors of those are in it.

    Parameters
    ----------
    span
        Range of the float layer's outputs, after its activation: the largest less the smallest.
    largest, mean
        Largest and mean difference of an output, as a magnitude.
    """

    span: float
    largest: float
    mean: float


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
    layer_errors
        Of every layer, in order, how far its outputs are off; the last one is that of the net.
    accuracy, float_accuracy
        Part of the samples, 0 to 1, whose largest output is their label, in words and in float;
        None without labels or of a single output.
    """

    samples: int
    span: float
    largest: float
    mean: float
    agreement: float | None
    saturated_inputs: float
    layers: tuple[dict[str, float], ...]
    layer_errors: tuple[LayerError, ...]
    accuracy: float | None = None
    float_accuracy: float | None = None


def fixed_point_error(
    model: nn.Module, net: QuantisedNet, x: Reals, labels: Reals | None = None
) -> FixedPointError:
    """Run a float model in float64 and its words on the same samples, and compare.

    Parameters
    ----------
    model
        What `net` was quantised from.
    net
        Its words.
    x
        Real samples [N, I], N at least 1, or images [N, I, H, W] of a convolution.
    labels
        The class of every sample, whole numbers [N] of 0 to outputs - 1; unused for a net of a
        single output. A pixel of an image is a sample here.

    Raises
    ------
    ModelError
        If the model is not one that `golden.quantise` takes, or another one than that of the net.
    ShapeError
        If the samples or the labels do not fit.
    """
    x = real_tensor("x", x)
    chain = read_chain(model, sample_shape=x.shape[1:])
    shapes = tuple(item.shape for item in chain)
    if shapes != without_cuts(net.shapes) or any(
        Finish.of(item.activation, layer.activation_fraction_bits[-1], net.act_bits) != layer.finish
        for item, layer in zip(chain, net.layers, strict=True)
    ):
        raise ModelError("model must have the layers of net, which was quantised from another one")
    x = samples_of("x", x, chain[0]).features
    outputs = chain[-1].layer.out_features
    classes = None
    if labels is not None and outputs > 1:
        classes = _classes(labels, len(x), outputs)
    layers = [(item.layer.to(torch.float64), item.activation) for item in chain]
    counts = [dict.fromkeys(layer.results, 0) for layer in net.layers]
    found = [_Differences() for _ in net.layers]
    chosen: list[tuple[Tensor, Tensor]] = []  # Largest output, in words and in float.
    for part in x.split(_SAMPLES):
        words = net.layer_words(net.quantise_input(part))
        _count_saturated(net, words, counts)
        fixed = y = part
        for index, (layer, activation) in enumerate(layers):
            y = activation.apply(layer(y))
            fraction = net.layers[index].activation_fraction_bits[-1]
            fixed = from_words(words[index].output.words, fraction)
            found[index].add(fixed, y)
        chosen.append((fixed.argmax(dim=1), y.argmax(dim=1)))
    ours, theirs = (torch.cat(side) for side in zip(*chosen, strict=True))
    errors = tuple(one.error() for one in found)
    return FixedPointError(
        samples=len(x),
        span=errors[-1].span,
        largest=errors[-1].largest,
        mean=errors[-1].mean,
        agreement=_part(ours == theirs) if outputs > 1 else None,
        saturated_inputs=net.saturated_inputs(x) / x.numel(),
        layers=_parts(net, counts, len(x)),
        layer_errors=errors,
        accuracy=None if classes is None else _part(ours == classes),
        float_accuracy=None if classes is None else _part(theirs == classes),
    )


def saturated_parts(net: QuantisedNet, x: Reals) -> tuple[dict[str, float], ...]:
    """Count what does not fit its word, as `FixedPointError.layers` does, without a model.

    Parameters
    ----------
    net
        The words.
    x
        Real samples [N, I], N at least 1.

    Returns
    -------
    tuple of dict
        Of every layer, in order, by stage: the part of its results, 0 to 1, that are clipped.

    Raises
    ------
    ShapeError
        If the samples do not fit.
    """
    x = real_tensor("x", x)
    features = net.shapes[0].in_features
    if x.ndim != 2 or not len(x) or x.shape[1] != features:
        raise ShapeError(f"x must be samples [N, {features}], N at least 1, not {list(x.shape)}")
    counts = [dict.fromkeys(layer.results, 0) for layer in net.layers]
    for part in x.split(_SAMPLES):
        words = net.layer_words(net.quantise_input(part))
        _count_saturated(net, words, counts)
    return _parts(net, counts, len(x))


def _count_saturated(
    net: QuantisedNet,
    words: Sequence[LayerWords | DenseWords],
    counts: Sequence[dict[str, int]],
) -> None:
    """Add to the counts of each layer, by stage, what is clipped of these words."""
    for total, layer, results in zip(counts, net.layers, words, strict=True):
        for stage, count in _saturated(layer, results, net.act_bits).items():
            total[stage] += count


def _parts(
    net: QuantisedNet, counts: Sequence[dict[str, int]], samples: int
) -> tuple[dict[str, float], ...]:
    """What part of its results each stage of each layer clips."""
    return tuple(
        {name: count / (layer.results[name] * samples) for name, count in total.items()}
        for layer, total in zip(net.layers, counts, strict=True)
    )


class _Differences:
    """What one layer's outputs differ by, gathered from some samples after the other."""

    def __init__(self) -> None:
        self._low, self._high = math.inf, -math.inf
        self._largest = self._total = 0.0
        self._values = 0

    def add(self, fixed: Tensor, real: Tensor) -> None:
        """Take in outputs of the same samples, in words and in float."""
        error = (fixed - real).detach().abs()
        self._low = min(self._low, float(real.min()))
        self._high = max(self._high, float(real.max()))
        self._largest = max(self._largest, float(error.max()))
        self._total += float(error.sum())
        self._values += error.numel()

    def error(self) -> LayerError:
        """Sum up."""
        return LayerError(self._high - self._low, self._largest, self._total / self._values)


def _part(same: Tensor) -> float:
    return float(same.double().mean())


def _classes(labels: Reals, samples: int, outputs: int) -> Tensor:
    """Check the labels, and return them as a tensor [N]."""
    found = real_tensor("labels", labels)
    whole = found.shape == (samples,) and bool((found == found.round()).all())
    if not whole or bool(((found < 0) | (found >= outputs)).any()):
        what = f" with values {found.min():g} to {found.max():g}" if whole else ""
        raise ShapeError(
            f"labels must be whole numbers from 0 to {outputs - 1}, one of every sample "
            f"[{samples}], not {shown(found)}{what}"
        )
    return found


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
