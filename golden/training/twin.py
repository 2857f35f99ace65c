"""The float twin of fixed-point training: the same step in float64, nothing rounded.

It is the reference that the rounding of `FixedTrainingNet` is measured against, and plain SGD for
profiling ranges.
"""

import dataclasses
from collections.abc import Collection, Sequence

import torch
from torch import Tensor, nn

from golden.arguments import instance, items, tensor
from golden.errors import ModelError, ShapeError
from golden.fixed.format import TrainingFormat
from golden.fixed.state import TrainingState, Weights
from golden.fixed.visits import weight_sizes, weight_stages
from golden.fixed.words import from_words
from golden.layers.dense import DenseShape, LayerShape, layer_shape, with_cuts
from golden.layers.routing import Routing, routing_of
from golden.layers.weights import shape_of, weights_of
from golden.models.layers import AnyLayer
from golden.models.read import read_chain
from golden.tensors.inputs import check_features, check_plain

__all__ = ["DenseCuts", "FloatTwin", "LayerGradients", "LayerReals", "TwinLayer", "cut_shapes"]

DenseCuts = Sequence[Sequence[int]]
"""For every dense layer of a model, in order, the cuts of its `DenseShape`."""


@dataclasses.dataclass(frozen=True, eq=False)
class LayerReals:
    """One layer's results by stage, float64; those of its last stage are after the ReLU.

    [N, Ri, Rm], [N, Ro, Rm] and [N, O] of a Clos layer; of a dense one [N, O], and [N, groups, O]
    before, if its sums are cut.
    """

    results: tuple[Tensor, ...]

    @property
    def output(self) -> Tensor:
        """[N, O]."""
        return self.results[-1]


@dataclasses.dataclass(frozen=True, eq=False)
class LayerGradients:
    """One layer's gradients, times the learning rate.

    `results` are those of the results of each stage that has weights: [N, Ri, Rm], [N, Ro, Rm] and
    [N, O] of a Clos layer, [N, O] of a dense one. `weights` and `bias` are summed over the batch;
    `inputs` [N, I] is that of the layer's input, masked by the ReLU that made it.
    """

    results: tuple[Tensor, ...]
    inputs: Tensor
    weights: Weights
    bias: Tensor


@dataclasses.dataclass(eq=False)
class TwinLayer:
    """One layer of a twin, float64: its weights by stage, its bias, and their velocities."""

    routing: Routing
    shape: LayerShape
    relu: bool
    weights: list[Tensor]
    bias: Tensor
    velocities: list[Tensor]
    bias_velocity: Tensor

    def run(self, x: Tensor) -> LayerReals:
        """Compute reals [N, I]."""
        results: list[Tensor] = []
        for stage, weight in enumerate(self.weights):
            results.append(self.routing.sums(stage, weight, results[-1] if results else x))
        if isinstance(self.shape, DenseShape) and self.shape.cuts:
            (weight,) = self.weights
            partial = [x[:, one:end] @ weight[:, one:end].mT for one, end in self.shape.groups]
            results.insert(0, torch.stack(partial, dim=1))
        output = results[-1] + self.bias
        results[-1] = output.clamp(min=0) if self.relu else output
        return LayerReals(tuple(results))


class FloatTwin:
    """A net in float64 that trains by SGD, with every intermediate in sight.

    Attributes
    ----------
    layers
        Per layer its shape, weights, bias and their velocities.
    """

    def __init__(
        self,
        shapes: Sequence[LayerShape],
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
        given = [layer_shape(shape) for shape in items("shapes", shapes)]
        count = len(given)
        shapes, relus = given, items("relus", relus, count)
        weights = [
            items("weights", stages, len(weight_sizes(shape)))
            for stages, shape in zip(items("weights", weights, count), given, strict=True)
        ]
        biases = items("biases", biases, count)
        for shape, stages, bias in zip(shapes, weights, biases, strict=True):
            sizes = (*weight_sizes(shape), (shape.out_features,))
            names = (*weight_stages(shape), "bias")
            for name, one, size in zip(names, (*stages, bias), sizes, strict=True):
                if tuple(tensor(name, one).shape) != size or one.is_complex():
                    raise ShapeError(
                        f"{name} must be real {list(size)} for layer {shape}, "
                        f"not {one.dtype} {list(one.shape)}"
                    )
        self.layers = [
            TwinLayer(
                routing_of(shape),
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
    def of_model(cls, model: nn.Module, dense_cuts: DenseCuts | None = None) -> "FloatTwin":
        """Return the twin of a float model that a torus can train.

        `dense_cuts` are as for `golden.propose_format`.
        """
        chain = read_chain(model, training=True)
        tensors = [weights_of(item.layer) for item in chain]
        return cls(
            cut_shapes([item.layer for item in chain], dense_cuts),
            [item.relu for item in chain],
            [weights for weights, _ in tensors],
            [bias for _, bias in tensors],
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
            for stage in range(len(layer.weights)):
                layer.weights[stage] = from_words(words.masters[stage], fractions[stage])
                layer.velocities[stage] = from_words(words.velocities[stage], accumulators[stage])
            layer.bias = from_words(words.bias, form.bias_fraction_bits(index))
            layer.bias_velocity = from_words(
                words.bias_velocity, form.layers[index].gradient_fraction_bits[-1]
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
            found.append(layer.run(x))
            x = found[-1].output
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
            layer, bias = self.layers[index], gradient.sum(0)
            inputs = reals[index - 1].output if index > 0 else x.to(torch.float64)
            # A stage without weights adds: the gradient of a sum is that of all that is added.
            stage_inputs = (inputs, *reals[index].results)
            results: list[Tensor] = []
            products: list[Tensor] = []
            for stage in reversed(range(len(layer.weights))):
                results.insert(0, gradient)
                product = layer.routing.products(stage, stage_inputs[stage], gradient)
                products.insert(0, product.sum(0))
                gradient = layer.routing.transposed(stage, layer.weights[stage], gradient)
            if index > 0 and self.layers[index - 1].relu:
                gradient = torch.where(inputs > 0, gradient, 0)
            found.append(LayerGradients(tuple(results), gradient, tuple(products), bias))
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
            for stage in range(len(layer.weights)):
                velocity = momentum * layer.velocities[stage] + found.weights[stage]
                layer.velocities[stage] = velocity
                layer.weights[stage] = layer.weights[stage] - velocity
            layer.bias_velocity = momentum * layer.bias_velocity + found.bias
            layer.bias = layer.bias - layer.bias_velocity
            if not all(bool(torch.isfinite(weight).all()) for weight in layer.weights):
                raise ModelError(
                    f"layer {index}: weights must be finite, but the learning rate is too large"
                )


def cut_shapes(
    layers: Sequence[AnyLayer], dense_cuts: DenseCuts | None
) -> tuple[LayerShape, ...]:
    """Return the shapes of layers; of the dense ones with the cuts that are next in turn.

    Raises
    ------
    ShapeError
        If there are cuts for another number of dense layers, or they do not fit one.
    """
    shapes = tuple(map(shape_of, layers))
    if dense_cuts is None:
        return shapes
    dense = sum(isinstance(shape, DenseShape) for shape in shapes)
    name = "dense_cuts (one for each dense layer)"
    return with_cuts(shapes, items(name, dense_cuts, dense))


def _copy(values: Tensor) -> Tensor:
    return values.detach().to("cpu", torch.float64, copy=True)
