"""A net whose dense layers are replaced by the Clos layers nearest to them."""

import dataclasses
from typing import cast

import torch
from torch import nn

from golden.arguments import real_number, seed_number
from golden.clos.layer import ClosLinear
from golden.clos.net import ClosNet
from golden.clos.shape import ClosShape
from golden.convert.distance import relative_distance
from golden.errors import ModelError, ShapeError
from golden.models.activation import Activation
from golden.models.chain import ChainNet
from golden.models.layers import AnyLayer
from golden.models.net import chain_net
from golden.models.read import read_chain

__all__ = ["Projected", "ProjectedLayer", "project_dense"]


@dataclasses.dataclass(frozen=True)
class ProjectedLayer:
    """What became of a dense layer.

    Parameters
    ----------
    position
        Of the layer in the model.
    in_features, out_features
        Its size.
    shape
        Of the Clos layer in its place; None where it stays dense, as no Clos layer has so few
        weights.
    error
        Distance of the two matrices, relative to the dense one: a ratio of Frobenius norms. 0 where
        it stays dense.
    """

    position: str
    in_features: int
    out_features: int
    shape: ClosShape | None
    error: float


@dataclasses.dataclass(frozen=True, eq=False)
class Projected:
    """A net before and after.

    Parameters
    ----------
    before
        The model as layers and activations alone; what it computes is the same.
    after
        The same with Clos layers.
    layers
        Of each dense layer, in order.
    """

    before: ClosNet | ChainNet
    after: ClosNet | ChainNet
    layers: tuple[ProjectedLayer, ...]


def project_dense(model: nn.Module, reduction: float, *, seed: int = 0) -> Projected:
    """Replace the dense layers of a chain by Clos layers, by `ClosLinear.from_dense`.

    A layer of I inputs and O outputs gets the shape `ClosShape.from_budget` chooses, with at most
    I O / `reduction` weights. Where there is no such shape, the layer stays dense.

    Parameters
    ----------
    model
        What `golden.models.read.read_chain` takes. It stays as it is.
    reduction
        Weights of a dense layer for each one of its Clos layer, above 1.
    seed
        Of the fits, which draw the directions that a matrix lacks.

    Raises
    ------
    ModelError, ShapeError
        If the model is none that is read, no layer can be replaced, or a number is out of range.
    """
    reduction = real_number("reduction", reduction, error=ModelError)
    if not 1 < reduction < float("inf"):
        raise ModelError(f"reduction must be above 1 and finite, not {reduction:g}")
    generator = torch.Generator().manual_seed(seed_number(seed, error=ModelError))
    before = chain_net(model)
    found: list[ProjectedLayer] = []
    layers: list[AnyLayer] = []
    activations: list[Activation] = []
    for item, held in zip(read_chain(model), before.layers, strict=True):
        layer = cast(AnyLayer, held)
        activations.append(item.activation)
        if not isinstance(layer, ClosLinear):
            layer, projected = _replaced(item.position, layer, reduction, generator)
            found.append(projected)
        layers.append(layer)
    if not any(one.shape for one in found):
        raise ModelError(_why_none(found, reduction))
    return Projected(before, chain_net(ChainNet(layers, activations)), tuple(found))


def _replaced(
    position: str, layer: nn.Linear, reduction: float, generator: torch.Generator
) -> tuple[AnyLayer, ProjectedLayer]:
    inputs, outputs = layer.in_features, layer.out_features
    try:
        shape = ClosShape.from_budget(inputs, outputs, reduction=reduction)
    except ShapeError:
        return layer, ProjectedLayer(position, inputs, outputs, None, 0.0)
    made = ClosLinear.from_dense(layer, shape, generator=generator)
    error = relative_distance(made.to_dense().detach(), layer.weight.detach())
    return made, ProjectedLayer(position, inputs, outputs, shape, error)


def _why_none(layers: list[ProjectedLayer], reduction: float) -> str:
    if not layers:
        return "reduction needs a model with a dense layer, but all its layers are Clos layers"
    most = 0.0
    for one in layers:
        dense = ClosShape.from_budget(one.in_features, one.out_features, reduction=1e-9)
        most = max(most, dense.middle_routers / dense.density)
    if most <= 1:
        return (
            "reduction must be left out: the dense layers are so small that no Clos layer has "
            f"fewer weights, so none is replaced with {reduction:g}"
        )
    return (
        f"reduction must be above 1 and at most {most:.4g}, so that one of the dense layers is "
        f"replaced, not {reduction:g}"
    )
