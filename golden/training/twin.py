"""The float twin of fixed-point training: the same step in float64, nothing rounded.

It is the reference that the rounding of `FixedTrainingNet` is measured against, and plain SGD for
profiling ranges.
"""

import dataclasses
from collections.abc import Collection, Sequence

import torch
from torch import Tensor, nn

from golden.arguments import instance, items, tensor
from golden.clos.routing import ClosRouting
from golden.clos.shape import ClosShape
from golden.errors import ModelError, ShapeError
from golden.fixed.format import STAGES, TrainingFormat
from golden.fixed.state import TrainingState, Weights
from golden.fixed.visits import weight_sizes
from golden.fixed.words import from_words
from golden.models.read import clos_chain
from golden.tensors.inputs import check_features, check_plain

__all__ = ["FloatTwin", "LayerGradients", "LayerReals", "TwinLayer"]


@dataclasses.dataclass(frozen=True, eq=False)
class LayerReals:
    """One layer's results, float64: [N, Ri, Rm], [N, Ro, Rm], and [N, O] after the ReLU."""

    input: Tensor
    middle: Tensor
    output: Tensor


@dataclasses.dataclass(frozen=True, eq=False)
class LayerGradients:
    """One layer's gradients, times the learning rate.

    `input`, `middle` and `output` are those of each stage's results, shaped as in `LayerReals`;
    `weights` and `bias` are summed over the batch; `inputs` [N, I] is that of the layer's input,
    masked by the ReLU that made it.
    """

    input: Tensor
    middle: Tensor
    output: Tensor
    inputs: Tensor
    weights: Weights
    bias: Tensor


@dataclasses.dataclass(eq=False)
class TwinLayer:
    """One layer of a twin, float64: its weights by stage, its bias, and their velocities."""

    routing: ClosRouting
    shape: ClosShape
    relu: bool
    weights: list[Tensor]
    bias: Tensor
    velocities: list[Tensor]
    bias_velocity: Tensor


class FloatTwin:
    """A Clos net in float64 that trains by SGD, with every intermediate in sight.

    Attributes
    ----------
    layers
        Per layer its shape, weights, bias and their velocities.
    """

    def __init__(
        self,
        shapes: Sequence[ClosShape],
        relus: Sequence[bool],
        weights: Sequence[Weights],
        biases: Sequence[Tensor],
    ) -> None:
        """Take copies of the weights, as float64.

        Raises
        ------
        ShapeError
            If there are not as many of each as layers, or a tensor does not fit its layer.
        """
        given = [ClosShape.of(shape) for shape in items("shapes", shapes)]
        count = len(given)
        shapes, relus = given, items("relus", relus, count)
        weights = [items("weights", stages, 3) for stages in items("weights", weights, count)]
        biases = items("biases", biases, count)
        for shape, stages, bias in zip(shapes, weights, biases, strict=True):
            sizes = (*weight_sizes(shape), (shape.out_features,))
            for name, one, size in zip((*STAGES, "bias"), (*stages, bias), sizes, strict=True):
                if tuple(tensor(name, one).shape) != size or one.is_complex():
                    raise ShapeError(
                        f"{name} must be real {list(size)} for layer {shape}, "
                        f"not {one.dtype} {list(one.shape)}"
                    )
        self.layers = [
            TwinLayer(
                ClosRouting.of(shape),
                shape,
                relu,
                [_copy(weight) for weight in stages],
                _copy(bias),
                [torch.zeros_like(_copy(weight)) for weight in stages],
                torch.zeros_like(_copy(bias)),
            )
            for shape, relu, stages, bias in zip(shapes, relus, weights, biases, strict=True)
        ]

    @classmethod
    def of_model(cls, model: nn.Module) -> "FloatTwin":
        """Return the twin of a float model that `quantise` takes, if a torus can train it."""
        chain = clos_chain(model, training=True)
        return cls(
            [item.layer.shape for item in chain],
            [item.relu for item in chain],
            [
                (item.layer.input_weight, item.layer.middle_weight, item.layer.output_weight)
                for item in chain
            ],
            [
                torch.zeros(item.layer.out_features) if item.layer.bias is None else item.layer.bias
                for item in chain
            ],
        )

    @classmethod
    def of_state(cls, form: TrainingFormat, state: TrainingState) -> "FloatTwin":
        """Return the twin of the stored words: what they stand for, velocities included."""
        instance("state", state, TrainingState)
        instance("form", form, TrainingFormat)
        twin = cls(
            form.shapes,
            [layer.relu for layer in form.layers],
            [layer.masters for layer in state.layers],
            [layer.bias for layer in state.layers],
        )
        for index, (layer, words) in enumerate(zip(twin.layers, state.layers, strict=True)):
            fractions = form.layers[index].master_fraction_bits
            accumulators = form.product_fraction_bits(index)
            for stage in range(3):
                layer.weights[stage] = from_words(words.masters[stage], fractions[stage])
                layer.velocities[stage] = from_words(words.velocities[stage], accumulators[stage])
            layer.bias = from_words(words.bias, form.bias_fraction_bits(index))
            layer.bias_velocity = from_words(
                words.bias_velocity, form.layers[index].gradient_fraction_bits[2]
            )
        return twin

    def forward(self, x: Tensor) -> list[LayerReals]:
        """Compute reals [N, I] and return every layer's results."""
        if not self.layers:
            raise ModelError("the twin must have at least one layer, not none")
        check_plain(x)
        check_features(x, self.layers[0].shape.in_features)
        x = x.to(torch.float64)
        found: list[LayerReals] = []
        for layer in self.layers:
            h1 = layer.routing.sums(0, layer.weights[0], x)
            h2 = layer.routing.sums(1, layer.weights[1], h1)
            x = layer.routing.sums(2, layer.weights[2], h2) + layer.bias
            if layer.relu:
                x = x.clamp(min=0)
            found.append(LayerReals(h1, h2, x))
        return found

    def gradients(
        self, x: Tensor, reals: Sequence[LayerReals], gradient: Tensor
    ) -> list[LayerGradients]:
        """Carry the gradient [N, O] of the outputs, times the learning rate, back.

        As on a device, a ReLU of the last layer is the caller's: see
        `golden.training.losses.mask_relu`.
        """
        found: list[LayerGradients] = []
        for index in reversed(range(len(self.layers))):
            layer, words = self.layers[index], reals[index]
            inputs = reals[index - 1].output if index > 0 else x.to(torch.float64)
            d2 = layer.routing.transposed(2, layer.weights[2], gradient)
            d1 = layer.routing.transposed(1, layer.weights[1], d2)
            dx = layer.routing.transposed(0, layer.weights[0], d1)
            if index > 0 and self.layers[index - 1].relu:
                dx = torch.where(inputs > 0, dx, 0)
            products = (
                layer.routing.products(0, inputs, d1).sum(0),
                layer.routing.products(1, words.input, d2).sum(0),
                layer.routing.products(2, words.middle, gradient).sum(0),
            )
            found.append(LayerGradients(d1, d2, gradient, dx, products, gradient.sum(0)))
            gradient = dx
        return found[::-1]

    def update(
        self,
        gradients: Sequence[LayerGradients],
        momentum: float = 0.0,
        frozen: Collection[int] = (),
    ) -> None:
        """Descend: velocity = momentum * velocity + gradient; weight -= velocity.

        Raises
        ------
        ModelError
            If a weight is no longer finite.
        """
        for index, (layer, found) in enumerate(zip(self.layers, gradients, strict=True)):
            if index in frozen:
                continue
            for stage in range(3):
                velocity = momentum * layer.velocities[stage] + found.weights[stage]
                layer.velocities[stage] = velocity
                layer.weights[stage] = layer.weights[stage] - velocity
            layer.bias_velocity = momentum * layer.bias_velocity + found.bias
            layer.bias = layer.bias - layer.bias_velocity
            if not all(bool(torch.isfinite(weight).all()) for weight in layer.weights):
                raise ModelError(
                    f"layer {index}: weights must be finite, but the learning rate is too large"
                )


def _copy(values: Tensor) -> Tensor:
    return values.detach().to("cpu", torch.float64, copy=True)
