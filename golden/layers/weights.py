"""The shape and the weights of a layer, sparse or dense."""

import torch
from torch import Tensor, nn

from golden.clos.layer import ClosLinear
from golden.layers.dense import DenseShape, LayerShape

__all__ = ["shape_of", "weights_of"]


def shape_of(layer: ClosLinear | nn.Linear) -> LayerShape:
    """Return the shape of a layer; a dense one has no cuts, which a torus makes."""
    if isinstance(layer, ClosLinear):
        return layer.shape
    return DenseShape(layer.in_features, layer.out_features)


def weights_of(layer: ClosLinear | nn.Linear) -> tuple[tuple[Tensor, ...], Tensor]:
    """Return the weights of each stage of a layer, and its bias [O], zeros if it has none."""
    bias: Tensor | None = layer.bias
    if bias is None:
        bias = torch.zeros(layer.out_features)
    if isinstance(layer, ClosLinear):
        return (layer.input_weight, layer.middle_weight, layer.output_weight), bias
    return (layer.weight,), bias
