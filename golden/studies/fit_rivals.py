"""Layers in the place of a dense one, with as many weights: Clos or low rank, fitted or new."""

import torch
from torch import Tensor, nn

from golden.clos.fit_inputs import check_inputs, moments_of
from golden.clos.fit_problem import linalg
from golden.clos.layer import ClosLinear
from golden.clos.shape import ClosShape
from golden.layers import LowRankLinear
from golden.layers.algebra import svd

__all__ = ["KINDS", "output_distance", "replaced"]

KINDS = ("Clos", "low rank", "Clos, by inputs", "low rank, by inputs")
"""Of fits: near in the weights, or in the outputs for a calibration batch."""


def replaced(layer: nn.Linear, kind: str, reduction: float, inputs: Tensor) -> nn.Module:
    """Return a layer of this kind, one of `KINDS` or "Clos, new", near `layer`."""
    sizes = layer.in_features, layer.out_features
    if kind.startswith("Clos"):
        return ClosLinear.from_dense(
            layer,
            ClosShape.from_budget(*sizes, reduction=reduction),
            initialise="new" if kind.endswith("new") else "fit",
            inputs=inputs if kind.endswith("inputs") else None,
            generator=torch.Generator().manual_seed(0),
        )
    rank = LowRankLinear.from_budget(*sizes, reduction=reduction).rank
    if kind.endswith("inputs"):
        return _low_rank_by_inputs(layer, rank, inputs)
    return LowRankLinear.from_dense(layer, rank)


@torch.no_grad()
def output_distance(layer: nn.Module, dense: nn.Linear, inputs: Tensor) -> float:
    """Return the norm of the outputs' difference, relative to that of their deviations."""
    wanted = dense(inputs)
    return float((layer(inputs) - wanted).norm() / (wanted - wanted.mean(dim=0)).norm())


@torch.no_grad()
def _low_rank_by_inputs(layer: nn.Linear, rank: int, inputs: Tensor) -> LowRankLinear:
    """Return the layer of this rank whose outputs are nearest for such inputs.

    It is U U^T W, with U the first left singular vectors of W times a root of the covariance.
    """
    batch = check_inputs(inputs, layer.in_features)
    mean = batch.mean(dim=0)
    root = linalg.cholesky(moments_of(batch - mean))
    weight = layer.weight.double()
    u = svd(weight @ root)[0][:, :rank]
    new = LowRankLinear.from_dense(layer, rank)
    new.input_weight.copy_(u.T @ weight)
    new.output_weight.copy_(u)
    if new.bias is not None:
        new.bias.add_((weight - u @ (u.T @ weight)) @ mean)
    return new
