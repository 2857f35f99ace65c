"""Fraction bits for training, from the ranges that the tensors take."""

import dataclasses

from torch import nn

from golden.arguments import instance, whole_number
from golden.errors import ModelError
from golden.fixed.format import MAX_UPDATE_SHIFT, STAGES, LayerFormat, TrainingFormat
from golden.fixed.quantise import most_fraction_bits
from golden.models.read import clos_chain
from golden.tensors.reals import Reals
from golden.training.losses import LossFunction
from golden.training.ranges import Magnitudes, Ranges, profile_ranges

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
    )
    return format_for(model, ranges, widths=widths, headroom=headroom)


def format_for(
    model: nn.Module,
    ranges: Ranges,
    *,
    widths: TrainingWidths | None = None,
    headroom: Headroom | None = None,
) -> TrainingFormat:
    """Lay out the words of `model` for `ranges`.

    Every tensor takes the most fraction bits with which its largest magnitude, times its headroom,
    fits. Where a shift would then be out of range, results lose fraction bits, which are finer than
    what they are made from; and weights lose those that no update could reach.

    Raises
    ------
    ModelError
        If the learning rate leaves a gradient or a weight without any significant bit.
    """
    chain = clos_chain(model, training=True)
    if len(chain) != len(ranges.layers):
        raise ModelError(f"ranges must be of {len(chain)} layers, not of {len(ranges.layers)}")
    widths = TrainingWidths() if widths is None else widths
    headroom = Headroom() if headroom is None else headroom
    instance("widths", widths, TrainingWidths, error=ModelError)
    instance("headroom", headroom, Headroom, error=ModelError)
    shapes = [item.layer.shape for item in chain]
    bias_bits = widths.bias_bits
    if bias_bits is None:
        fan_in = max(max(shape.fan_ins) for shape in shapes)
        bias_bits = widths.act_bits + widths.weight_bits + (fan_in - 1).bit_length()
    search = _Search(ranges, widths, bias_bits, headroom)
    layers = search.run()
    return TrainingFormat(
        tuple(
            LayerFormat(shape, item.relu, found.activations, found.masters, found.gradients)
            for shape, item, found in zip(shapes, chain, layers, strict=True)
        ),
        widths.act_bits,
        widths.weight_bits,
        widths.master_bits,
        widths.grad_bits,
        widths.velocity_bits,
        bias_bits,
    )


@dataclasses.dataclass(frozen=True)
class _Fractions:
    """The fraction bits of one layer, as in `LayerFormat`."""

    activations: tuple[int, int, int, int]
    masters: tuple[int, int, int]
    gradients: tuple[int, int, int]


class _Search:
    """The search for fraction bits: weights lose bits until every update shift is 0 or more."""

    def __init__(
        self, ranges: Ranges, widths: TrainingWidths, bias_bits: int, headroom: Headroom
    ) -> None:
        """Begin with the most fraction bits that each weight's own range allows."""
        self._ranges = ranges
        self._widths = widths
        self._bias_bits = bias_bits
        self._headroom = headroom
        self._dropped = widths.master_bits - widths.weight_bits
        self._weights = [
            [_most(weight, widths.weight_bits, headroom.weights) for weight in layer.weights]
            for layer in ranges.layers
        ]

    def run(self) -> list[_Fractions]:
        """Return the fraction bits of every layer."""
        while True:
            self._check_weights()
            activations = self._activations()
            gradients = self._gradients(activations)
            if not self._lower_weights(activations, gradients):
                break
        return [
            _Fractions(
                activations[index],
                (first + self._dropped, second + self._dropped, third + self._dropped),
                gradients[index],
            )
            for index, (first, second, third) in enumerate(self._weights)
        ]

    def _activations(self) -> list[tuple[int, int, int, int]]:
        """Results are no finer than the sums they come from, and every bias fits."""
        bits, free = self._widths.act_bits, self._headroom.activations
        # The inputs are data: what they are in calibration they are in training.
        x = _most(self._ranges.layers[0].activations[0], bits, 0)
        found: list[tuple[int, int, int, int]] = []
        for layer, weights in zip(self._ranges.layers, self._weights, strict=True):
            _, most_1, most_2, most_y = (_most(item, bits, free) for item in layer.activations)
            h1 = min(most_1, weights[0] + x)
            h2 = min(most_2, weights[1] + h1)
            weights[2] = min(
                weights[2], _most(layer.bias, self._bias_bits, self._headroom.weights) - h2
            )
            y = min(most_y, weights[2] + h2)
            found.append((x, h1, h2, y))
            x = y
        return found

    def _gradients(
        self, activations: list[tuple[int, int, int, int]]
    ) -> list[tuple[int, int, int]]:
        """Gradients are no finer than their sums, nor than the bias or an update can use."""
        bits, free = self._widths.grad_bits, self._headroom.gradients
        found: list[tuple[int, int, int]] = []
        from_above = None
        for index in reversed(range(len(self._weights))):
            layer, weights = self._ranges.layers[index], self._weights[index]
            x, h1, h2, _ = activations[index]
            usable = [
                weight + self._dropped + MAX_UPDATE_SHIFT - inputs
                for weight, inputs in zip(weights, (x, h1, h2), strict=True)
            ]
            most_1, most_2, most_y = (_most(item, bits, free) for item in layer.gradients)
            if from_above is None:
                from_above = most_y = _most(layer.gradients[2], bits, self._headroom.outputs)
            dy = min(most_y, from_above, weights[2] + h2, usable[2])
            d2 = min(most_2, weights[2] + dy, usable[1])
            d1 = min(most_1, weights[1] + d2, usable[0])
            found.append((d1, d2, dy))
            from_above = weights[0] + d1
            for stage, gradient, fraction in zip(
                STAGES, layer.gradients, (d1, d2, dy), strict=True
            ):
                if 0.0 < gradient.largest < 2.0 ** (-fraction - 1):
                    raise ModelError(
                        f"learning_rate must be larger than {self._ranges.learning_rate}: in layer "
                        f"{index} the gradient of the {stage} stage's results must reach "
                        f"{2.0 ** (-fraction - 1):.3g} to be seen, but its largest is "
                        f"{gradient.largest:.3g}: no shift represents it in these widths"
                    )
        return found[::-1]

    def _lower_weights(
        self,
        activations: list[tuple[int, int, int, int]],
        gradients: list[tuple[int, int, int]],
    ) -> bool:
        """Lower the weights' fraction bits where an update shift is negative; tell if any was."""
        lowered = False
        for index, weights in enumerate(self._weights):
            for stage in range(3):
                product = activations[index][stage] + gradients[index][stage]
                reach = product - self._dropped
                if reach < weights[stage]:
                    weights[stage] = reach
                    lowered = True
        return lowered

    def _check_weights(self) -> None:
        for index, (layer, weights) in enumerate(
            zip(self._ranges.layers, self._weights, strict=True)
        ):
            for stage, found, fraction in zip(STAGES, layer.weights, weights, strict=True):
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
