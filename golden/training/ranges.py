"""Which range every tensor of training takes, and the fraction bits that fit it.

`profile_ranges` trains the float twin and records magnitudes, for which
`golden.training.scales.propose_format` lays out words; `range_table` says what saturates, or
vanishes, in a given layout.
"""

import dataclasses
import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from golden.arguments import real_number, seed_number, whole_number
from golden.errors import ModelError, ShapeError
from golden.fixed.format import TrainingFormat
from golden.fixed.model_check import check_outputs
from golden.models.read import read_chain
from golden.tensors.reals import Reals, real_tensor, target_tensor
from golden.training.losses import LossFunction, loss_value, mask_relu
from golden.training.twin import DenseCuts, FloatTwin, TwinLayer

__all__ = ["LayerRanges", "Magnitudes", "Ranges", "TensorRange", "profile_ranges", "range_table"]

_EXPONENTS = 128
_MIDDLE = _EXPONENTS // 2
# Of a long training, a part of the steps is counted after so many; the largest is that of all.
_COUNTED_STEPS = 4096
_COUNTED_STEP = 16
_CHECKED_SAMPLES = 4096  # At once: bounds the memory of their intermediate results.


class Magnitudes:
    """How large the values of a tensor became: the largest, and a count per power of two.

    Attributes
    ----------
    largest : float
        Of all values.
    values : int
        How many were counted.
    """

    def __init__(self) -> None:
        """Begin with no values."""
        self.largest = 0.0
        self.values = 0
        self._counts = torch.zeros(_EXPONENTS, dtype=torch.int64)

    def add(self, values: Tensor, counts: bool = True) -> None:
        """Record all elements of a tensor; count them, too, which takes most of the time."""
        magnitudes = values.abs().flatten()
        self.largest = max(self.largest, float(magnitudes.max()))
        if not counts:
            return
        self.values += magnitudes.numel()
        magnitudes = magnitudes[magnitudes > 0]
        # A value of exponent e is at least 2**(e-1) and below 2**e.
        exponents = torch.frexp(magnitudes).exponent + _MIDDLE
        self._counts += torch.bincount(exponents.clamp(0, _EXPONENTS - 1), minlength=_EXPONENTS)

    def reserve(self, bound: float) -> None:
        """Count a value that may come, if it is finite, among the largest."""
        if bound < float("inf"):
            self.largest = max(self.largest, bound)

    def share_of_at_least(self, exponent: int) -> float:
        """Share of all values whose magnitude is at least 2**exponent."""
        first = min(max(exponent + 1 + _MIDDLE, 0), _EXPONENTS)
        return int(self._counts[first:].sum()) / max(self.values, 1)


@dataclasses.dataclass(frozen=True, eq=False)
class LayerRanges:
    """The magnitudes of one layer's tensors.

    `activations` of its input and of the stages' results; `weights` of the stages that have some;
    `gradients` of the results of these stages, times the learning rate; `velocities` of their
    weights: the sums over a batch, with momentum.
    """

    activations: tuple[Magnitudes, ...]
    weights: tuple[Magnitudes, ...]
    bias: Magnitudes
    gradients: tuple[Magnitudes, ...]
    velocities: tuple[Magnitudes, ...]

    @classmethod
    def empty(cls, layer: TwinLayer) -> "LayerRanges":
        """Return magnitudes of no values, for a layer."""

        def some(count: int) -> tuple[Magnitudes, ...]:
            return tuple(Magnitudes() for _ in range(count))

        stages = len(layer.weights)
        words = len(layer.shape.fan_ins) + 1
        return cls(some(words), some(stages), Magnitudes(), some(stages), some(stages))


@dataclasses.dataclass(frozen=True, eq=False)
class Ranges:
    """What `profile_ranges` found, and the learning rate and batch that it holds for."""

    layers: tuple[LayerRanges, ...]
    learning_rate: float
    batch_size: int


def profile_ranges(
    model: nn.Module,
    x: Reals,
    targets: Reals,
    loss: LossFunction,
    learning_rate: float,
    *,
    batch_size: int = 1,
    momentum: float = 0.0,
    epochs: int = 1,
    seed: int = 0,
    dense_cuts: DenseCuts | None = None,
) -> Ranges:
    """Train the float twin of `model` and record the magnitudes of every tensor.

    Parameters
    ----------
    model
        What `quantise` takes, each layer in one place and its weights its own. It stays as it is.
    x, targets
        Calibration data, such as the training set: real [N, I], and what `loss` takes; tensors,
        arrays or nested lists.
    loss
        Of outputs [B, O] and the targets of a batch.
    learning_rate, batch_size, momentum
        Of the training to come. What is left over after the last whole batch is not used.
    epochs, seed
        How often the data are passed, and the seed of their order.
    dense_cuts
        For every dense layer of the model, in order, the first input of every group whose sum is
        rounded by itself, as in `DenseShape.cuts`; by default, all are one sum.

    Raises
    ------
    ShapeError
        If `x` does not fit the model or there are no data.
    ModelError
        If a number is out of range, the model cannot be trained on a torus or does something else
        than its layers do, or training in float does not converge.
    """
    learning_rate = real_number("learning_rate", learning_rate, error=ModelError)
    if not 0.0 < learning_rate < math.inf:
        raise ModelError(f"learning_rate must be positive and finite, not {learning_rate}")
    momentum = real_number("momentum", momentum, error=ModelError)
    if not 0 <= momentum < 1:
        raise ModelError(f"momentum must be at least 0 and below 1, not {momentum}")
    batch_size = whole_number("batch_size", batch_size, 1, error=ModelError)
    epochs = whole_number("epochs", epochs, 1, error=ModelError)
    twin = FloatTwin.of_model(model, dense_cuts)
    x, targets = _checked(model, twin, x, targets, loss)
    layers = tuple(map(LayerRanges.empty, twin.layers))
    order = torch.Generator().manual_seed(seed_number(seed, error=ModelError))
    steps = itertools.count()
    for _ in range(epochs):
        samples = torch.randperm(len(x), generator=order)
        # What is left over is skipped: its mean over fewer samples would have larger gradients.
        whole = min(batch_size, len(x))
        for start in range(0, len(x) - whole + 1, whole):
            batch, step = samples[start : start + whole], next(steps)
            counts = step < _COUNTED_STEPS or step % _COUNTED_STEP == 0
            try:
                _record_step(
                    twin, x[batch], targets[batch], loss, learning_rate, momentum, layers, counts
                )
            except ModelError as error:
                raise ModelError(
                    f"learning_rate must be one with which training in float converges, not "
                    f"{learning_rate}: {error}"
                ) from error
    return Ranges(layers, learning_rate, batch_size)


def _checked(
    model: nn.Module, twin: FloatTwin, x: Reals, targets: Reals, loss: LossFunction
) -> tuple[Tensor, Tensor]:
    """Return calibration data as tensors [N, I] and [N, ...]; errors as for `profile_ranges`."""
    given, targets = real_tensor("x", x), target_tensor("targets", targets)
    features = twin.layers[0].shape.in_features
    fits = given.ndim > 1 and given.shape[1:].numel() == features
    if not fits or targets.ndim == 0 or not 0 < len(given) == len(targets):
        raise ShapeError(
            f"calibration data must be [N, {features}] with N at least 1, and N targets, "
            f"not {list(given.shape)} and {list(targets.shape)}"
        )
    x = given.flatten(1)
    chained = [twin.forward(part)[-1].output for part in x.split(_CHECKED_SAMPLES)]
    pixels = read_chain(model)[0].pixels
    check_outputs(model, x[:, :, None, None] if pixels else given, torch.cat(chained))
    loss_value(loss, chained[0][:1], targets[:1])  # What is no loss is said before training.
    return x, targets


def _record_step(
    twin: FloatTwin,
    x: Tensor,
    targets: Tensor,
    loss: LossFunction,
    learning_rate: float,
    momentum: float,
    layers: Sequence[LayerRanges],
    counts: bool,
) -> None:
    reals = twin.forward(x)
    value = loss_value(loss, reals[-1].output, targets)
    layers[-1].gradients[-1].reserve(value.bound * learning_rate)
    gradient = value.gradient * learning_rate
    if twin.layers[-1].relu:
        gradient = mask_relu(gradient, reals[-1].output)
    gradients = twin.gradients(x, reals, gradient)
    twin.update(gradients, momentum)
    for index, found in enumerate(layers):
        inputs = reals[index - 1].output if index > 0 else x
        forward, backward, layer = reals[index], gradients[index], twin.layers[index]
        activations = (inputs, *forward.results)
        for magnitudes, values in (
            *zip(found.activations, activations, strict=True),
            *zip(found.weights, layer.weights, strict=True),
            (found.bias, layer.bias),
            *zip(found.gradients, backward.results, strict=True),
            *zip(found.velocities, layer.velocities, strict=True),
        ):
            magnitudes.add(values, counts)


@dataclasses.dataclass(frozen=True)
class TensorRange:
    """One line of `range_table`: a tensor, the range that it took, and that of its words.

    `limit` is the magnitude from which words saturate, `resolution` the value of the word 1;
    `saturated` and `vanished` are the shares of values beyond the one and below half the other.
    """

    name: str
    largest: float
    limit: float
    resolution: float
    saturated: float
    vanished: float


def range_table(ranges: Ranges, form: TrainingFormat) -> list[TensorRange]:
    """Say for every tensor how its range fits its words; "layer 0 input weight" and so on."""
    lines: list[TensorRange] = []

    def line(name: str, found: Magnitudes, bits: int, fraction: int) -> None:
        lines.append(
            TensorRange(
                name,
                found.largest,
                2.0 ** (bits - 1 - fraction),
                2.0**-fraction,
                found.share_of_at_least(bits - 1 - fraction),
                1.0 - found.share_of_at_least(-fraction - 1),
            )
        )

    for index, (layer, found) in enumerate(zip(form.layers, ranges.layers, strict=True)):
        stages = layer.stage_names[: len(layer.master_fraction_bits)]
        names = ("input", *(f"{stage} result" for stage in layer.stage_names))
        for name, magnitudes, fraction in zip(
            names, found.activations, layer.activation_fraction_bits, strict=False
        ):
            line(f"layer {index} {name}", magnitudes, form.act_bits, fraction)
        for stage, magnitudes, fraction in zip(
            stages, found.weights, layer.master_fraction_bits, strict=True
        ):
            line(f"layer {index} {stage} weight", magnitudes, form.master_bits, fraction)
        line(f"layer {index} bias", found.bias, form.bias_bits, form.bias_fraction_bits(index))
        for stage, magnitudes, fraction in zip(
            stages, found.gradients, layer.gradient_fraction_bits, strict=True
        ):
            line(f"layer {index} {stage} gradient", magnitudes, form.grad_bits, fraction)
        if form.velocity_bits:
            for stage, magnitudes, fraction in zip(
                stages, found.velocities, form.product_fraction_bits(index), strict=True
            ):
                line(f"layer {index} {stage} velocity", magnitudes, form.velocity_bits, fraction)
    return lines
