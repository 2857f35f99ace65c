"""Classifiers of one hidden layer, sparse in different ways, by their number of parameters."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import nn

from golden.clos.initialise import sparse_xavier_
from golden.clos.layer import ClosLinear
from golden.clos.shape import ClosShape
from golden.errors import ModelError, ShapeError
from golden.layers import LowRankLinear, SparseCascade, live_channels

__all__ = ["KINDS", "Sizes", "classifier", "dense_layer", "dense_parameters", "parameters_of"]


class Sizes(NamedTuple):
    """Neurons of the widest network: inputs, hidden ones and classes."""

    inputs: int
    hidden: int
    classes: int


def dense_parameters(sizes: Sizes) -> int:
    """Weights and biases of the dense network."""
    return (sizes.inputs + 1) * sizes.hidden + (sizes.hidden + 1) * sizes.classes


def parameters_of(model: nn.Module) -> int:
    """Numbers that a network learns."""
    return sum(parameter.numel() for parameter in model.parameters())


def classifier(kind: str, sizes: Sizes, budget: int, seed: int) -> nn.Sequential:
    """Make the largest network of this kind with at most `budget` parameters, biases included.

    All have one hidden layer with ReLU, and differ in the matrix before it; the one after it is
    dense and small. All start from the sparse Xavier initialisation (NeuroFabric, eq. 2), which for
    a dense matrix is Xavier's, and from biases of 0.

    Parameters
    ----------
    kind
        One of `KINDS`.
    sizes
        Of the network; "narrow" ones have fewer hidden neurons.
    budget
        Most parameters.
    seed
        Of weights and connections.

    Raises
    ------
    ModelError
        If the kind is unknown, or has no network so small.
    """
    if kind not in KINDS:
        raise ModelError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
    generator = torch.Generator().manual_seed(seed)
    hidden = sizes.hidden
    if kind == "narrow":
        hidden = min((budget - sizes.classes) // (sizes.inputs + 1 + sizes.classes), hidden)
    weights = budget - hidden - (hidden + 1) * sizes.classes
    try:
        if hidden < 1 or weights < 1:
            raise ShapeError("nothing is left for it")
        first = KINDS[kind](sizes.inputs, hidden, weights, generator)
    except ShapeError as error:
        raise ModelError(
            f"budget {budget} has no room for the first layer of a {kind} network of {sizes.inputs}"
            f" inputs: {error}"
        ) from error
    return nn.Sequential(first, nn.ReLU(), dense_layer(hidden, sizes.classes, generator))


def dense_layer(inputs: int, outputs: int, generator: torch.Generator) -> nn.Linear:
    """Make a dense layer with Xavier's weights and a bias of 0."""
    layer = nn.Linear(inputs, outputs)
    sparse_xavier_(layer.weight, inputs + outputs, generator)
    nn.init.zeros_(layer.bias)
    return layer


def _all_weights(inputs: int, outputs: int, weights: int, generator: torch.Generator) -> nn.Module:
    if weights < inputs * outputs:
        raise ShapeError(f"it has {inputs * outputs} weights, more than {weights}")
    return dense_layer(inputs, outputs, generator)


def _low_rank(inputs: int, outputs: int, weights: int, generator: torch.Generator) -> nn.Module:
    reduction = inputs * outputs / weights
    layer = LowRankLinear.from_budget(inputs, outputs, reduction=reduction)
    layer.reset_parameters(generator)
    return layer


def _pruned(inputs: int, outputs: int, weights: int, generator: torch.Generator) -> nn.Module:
    """Every neuron with as many random inputs, and every input with a neuron."""
    degree = min(weights // outputs, inputs)
    if degree * outputs < inputs:
        raise ShapeError(f"{weights} connections do not reach from all inputs to all neurons")
    channels = live_channels(inputs, outputs, degree / inputs, generator)
    mask = torch.zeros(outputs, inputs, dtype=torch.bool).scatter_(1, channels, True)
    layer = SparseCascade([mask])
    layer.reset_parameters(generator)
    return layer


def _clos(inputs: int, outputs: int, weights: int, generator: torch.Generator) -> nn.Module:
    shape = ClosShape.from_budget(inputs, outputs, reduction=inputs * outputs / weights)
    layer = ClosLinear.of_shape(shape)
    layer.reset_parameters(generator)
    return layer


KINDS: Mapping[str, Callable[[int, int, int, torch.Generator], nn.Module]] = MappingProxyType(
    {
        "dense": _all_weights,
        "narrow": _all_weights,
        "low-rank": _low_rank,
        "pruned": _pruned,
        "Clos": _clos,
    }
)
"""How the first layer of each kind is made, from inputs, outputs, most weights and a generator."""
