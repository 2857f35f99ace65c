"""Fraction bits for training, from the ranges that the tensors take."""

import dataclasses
from collections.abc import Sequence

from torch import nn

from golden.arguments import instance, whole_number
from golden.errors import ModelError
from golden.fixed.format import MAX_UPDATE_SHIFT, TrainingFormat
from golden.fixed.layer_format import AnyLayerFormat, DenseFormat, LayerFormat
from golden.fixed.quantise import most_fraction_bits
from golden.fixed.visits import weight_stages
from golden.layers.dense import DenseShape, LayerShape
from golden.models.read import read_chain
from golden.tensors.reals import Reals
from golden.training.losses import LossFunction
from golden.training.ranges import LayerRanges, Magnitudes, Ranges, profile_ranges
from golden.training.twin import DenseCuts, cut_shapes

__all__ = ["Headroom", "TrainingWidths", "format_for", "propose_format"]


@dataclasses.dataclass(frozen=True)
class TrainingWidths:
    """The widths of a training torus, as in `TrainingFormat`.

    `bias_bits` is by default act_bits + weight_bits + ceil(log2(largest fan-in)), what a torus for
    this net has at least.
    """

    act_bits: int = 16
    weight_bits: int = 16
    master_bits: int = 24
    grad_bits: int = 16
    velocity_bits: int = 0
    bias_bits: int | None = None

    def __post_init__(self) -> None:
        """Refuse what are no widths; `TrainingFormat` checks their ranges."""
        _check_numbers(self, 0, 64)


@dataclasses.dataclass(frozen=True)
class Headroom:
    """Bits kept free above the largest magnitude seen; negative ones let the largest saturate.

    Activations grow most after the first epoch, where learning is slow. `outputs` is that of the
    outputs' gradient, which must not saturate; a loss that bounds its gradients needs none.
    """

    activations: int = 3
    weights: int = 1
    gradients: int = 0
    outputs: int = 0

    def __post_init__(self) -> None:
        """Refuse what are no numbers of bits."""
        _check_numbers(self, -64, 64)


def propose_format(
    model: nn.Module,
    x: Reals,
    targets: Reals,
    loss: LossFunction,
    learning_rate: float,
    *,
    widths: TrainingWidths | None = None,
    headroom: Headroom | None = None,
    batch_size: int = 1,
    momentum: float = 0.0,
    epochs: int = 1,
    seed: int = 0,
    dense_cuts: DenseCuts | None = None,
) -> TrainingFormat:
    """Profile the training of `model` and lay out its words; `profile_ranges` has the parameters.

    Raises
    ------
    ShapeError, ModelError
        As `profile_ranges` and `format_for`.
    """
    ranges = profile_ranges(
        model,
        x,
        targets,
        loss,
        learning_rate,
        batch_size=batch_size,
        momentum=momentum,
        epochs=epochs,
        seed=seed,
        dense_cuts=dense_cuts,
    )
    return format_for(model, ranges, widths=widths, headroom=headroom, dense_cuts=dense_cuts)


def format_for(
    model: nn.Module,
    ranges: Ranges,
    *,
    widths: TrainingWidths | None = None,
    headroom: Headroom | None = None,
    dense_cuts: DenseCuts | None = None,
) -> TrainingFormat:
    """Lay out the words of `model` for `ranges`, which were profiled with the same `dense_cuts`.

    Every tensor takes the most fraction bits with which its largest magnitude, times its headroom,
    fits. Where a shift would then be out of range, results lose fraction bits, which are finer than
    what they are made from; and weights lose those that no update could reach.

    Raises
    ------
    ModelError
        If the learning rate leaves a gradient or a weight without any significant bit.
    """
    chain = read_chain(model, training=True)
    if len(chain) != len(ranges.layers):
        raise ModelError(f"ranges must be of {len(chain)} layers, not of {len(ranges.layers)}")
    widths = TrainingWidths() if widths is None else widths
    headroom = Headroom() if headroom is None else headroom
    instance("widths", widths, TrainingWidths, error=ModelError)
    instance("headroom", headroom, Headroom, error=ModelError)
    shapes = cut_shapes([item.layer for item in chain], dense_cuts)
    bias_bits = widths.bias_bits
    if bias_bits is None:
        fan_in = max(max(shape.fan_ins) for shape in shapes)
        bias_bits = widths.act_bits + widths.weight_bits + (fan_in - 1).bit_length()
    search = _Search(shapes, ranges, widths, bias_bits, headroom)
    relus = [item.relu for item in chain]
    return TrainingFormat(
        tuple(search.run(relus)),
        widths.act_bits,
        widths.weight_bits,
        widths.master_bits,
        widths.grad_bits,
        widths.velocity_bits,
        bias_bits,
    )


@dataclasses.dataclass(frozen=True)
class _Words:
    """Fraction bits of a layer's words and of its bias, and m of its partial sums."""

    activations: tuple[int, ...]
    bias: int
    gain: int = 0


class _Search:
    """The search for fraction bits: weights lose bits until every update shift is 0 or more."""

    def __init__(
        self,
        shapes: Sequence[LayerShape],
        ranges: Ranges,
        widths: TrainingWidths,
        bias_bits: int,
        headroom: Headroom,
    ) -> None:
        """Begin with the most fraction bits that each weight's own range allows."""
        self._shapes = shapes
        self._ranges = ranges
        self._widths = widths
        self._bias_bits = bias_bits
        self._headroom = headroom
        self._dropped = widths.master_bits - widths.weight_bits
        self._weights = [
            [_most(weight, widths.weight_bits, headroom.weights) for weight in layer.weights]
            for layer in ranges.layers
        ]

    def run(self, relus: Sequence[bool]) -> list[AnyLayerFormat]:
        """Return the format of every layer; `relus` says which end with a ReLU."""
        while True:
            self._check_weights()
            words = self._words()
            gradients = self._gradients(words)
            if not self._lower_weights(words, gradients):
                break
        found: list[AnyLayerFormat] = []
        for index, (shape, relu) in enumerate(zip(self._shapes, relus, strict=True)):
            masters = tuple(weight + self._dropped for weight in self._weights[index])
            activations = words[index].activations
            found.append(
                DenseFormat(shape, relu, activations, masters, gradients[index], words[index].gain)
                if isinstance(shape, DenseShape)
                else LayerFormat(shape, relu, activations, masters, gradients[index])
            )
        return found

    def _words(self) -> list[_Words]:
        """Results are no finer than the sums they come from, and every bias fits."""
        # The inputs are data: what they are in calibration they are in training.
        x = _most(self._ranges.layers[0].activations[0], self._widths.act_bits, 0)
        found: list[_Words] = []
        for layer, weights in zip(self._ranges.layers, self._weights, strict=True):
            found.append(self._layer_words(layer, weights, x))
            x = found[-1].activations[-1]
        return found

    def _layer_words(self, layer: LayerRanges, weights: list[int], x: int) -> _Words:
        bits, free = self._widths.act_bits, self._headroom.activations
        *most, most_y = (_most(item, bits, free) for item in layer.activations[1:])
        most_bias = _most(layer.bias, self._bias_bits, self._headroom.weights)
        words, gain = [x], 0
        for weight, most_word in zip(weights, most, strict=False):
            words.append(min(most_word, weight + words[-1]))
        if len(most) < len(weights):
            weights[-1] = min(weights[-1], most_bias - words[-1])
            bias = weights[-1] + words[-1]
        else:
            words[-1] = min(words[-1], most_bias)
            gain = min(self._widths.weight_bits - 2, most_bias - words[-1])
            bias = gain + words[-1]
        return _Words((*words, min(most_y, bias)), bias, gain)

    def _gradients(self, words: list[_Words]) -> list[tuple[int, ...]]:
        """Gradients are no finer than their sums, nor than the bias or an update can use."""
        bits, free = self._widths.grad_bits, self._headroom.gradients
        found: list[tuple[int, ...]] = []
        above = _most(self._ranges.layers[-1].gradients[-1], bits, self._headroom.outputs)
        for index in reversed(range(len(self._weights))):
            layer, weights = self._ranges.layers[index], self._weights[index]
            usable = [
                weight + self._dropped + MAX_UPDATE_SHIFT - inputs
                for weight, inputs in zip(weights, words[index].activations, strict=False)
            ]
            most = [_most(item, bits, free) for item in layer.gradients]
            if not found:
                most[-1] = above
            above = min(above, words[index].bias)
            fractions: list[int] = []
            for stage in reversed(range(len(weights))):
                fractions.insert(0, min(most[stage], above, usable[stage]))
                above = weights[stage] + fractions[0]
            found.append(tuple(fractions))
            self._check_gradients(index, fractions)
        return found[::-1]

    def _check_gradients(self, index: int, fractions: Sequence[int]) -> None:
        layer, names = self._ranges.layers[index], weight_stages(self._shapes[index])
        for stage, gradient, fraction in zip(names, layer.gradients, fractions, strict=True):
            if 0.0 < gradient.largest < 2.0 ** (-fraction - 1):
                raise ModelError(
                    f"learning_rate must be larger than {self._ranges.learning_rate}: in layer "
                    f"{index} the gradient of the {stage} stage's results must reach "
                    f"{2.0 ** (-fraction - 1):.3g} to be seen, but its largest is "
                    f"{gradient.largest:.3g}: no shift represents it in these widths"
                )

    def _lower_weights(
        self,
        words: Sequence[_Words],
        gradients: Sequence[Sequence[int]],
    ) -> bool:
        """Lower the weights' fraction bits where an update shift is negative; tell if any was."""
        lowered = False
        for index, weights in enumerate(self._weights):
            for stage, gradient in enumerate(gradients[index]):
                product = words[index].activations[stage] + gradient
                reach = product - self._dropped
                if reach < weights[stage]:
                    weights[stage] = reach
                    lowered = True
        return lowered

    def _check_weights(self) -> None:
        for index, (layer, weights) in enumerate(
            zip(self._ranges.layers, self._weights, strict=True)
        ):
            for stage, found, fraction in zip(
                weight_stages(self._shapes[index]), layer.weights, weights, strict=True
            ):
                if found.largest * 2.0**fraction < 1.0 and found.largest > 0.0:
                    raise ModelError(
                        f"learning_rate must be another than {self._ranges.learning_rate}: in "
                        f"layer {index}, with master_bits = {self._widths.master_bits}, the "
                        f"{stage} weights keep {fraction} fraction bits, too few for their "
                        f"largest, {found.largest:.3g}: no shift represents it in these widths"
                    )


def _check_numbers(bits: "TrainingWidths | Headroom", least: int, most: int) -> None:
    for field in dataclasses.fields(bits):
        value: int | None = getattr(bits, field.name)
        if value is not None or field.default is not None:
            number = whole_number(field.name, value, least, most, error=ModelError)
            object.__setattr__(bits, field.name, number)


def _most(found: Magnitudes, bits: int, headroom: int) -> int:
    return most_fraction_bits(found.largest, bits) - headroom
