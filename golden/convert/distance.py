"""How far a layer is from the dense one that it was fitted to."""

from collections.abc import Iterable
from typing import Any, cast

import torch
from torch import Tensor, nn

__all__ = ["output_distance", "relative_distance", "weight_distance"]


def relative_distance(found: Tensor, wanted: Tensor) -> float:
    """Return the Frobenius norm of the difference, divided by that of `wanted` if it is not 0."""
    return _relative([(found, wanted)])


@torch.no_grad()
def weight_distance(new: nn.Module, dense: nn.Module) -> float:
    """Return the distance of all weights that a layer stands for, relative to the dense ones."""
    whole = cast(Any, new).to_dense()
    if isinstance(whole, Tensor):
        return relative_distance(whole, cast(Tensor, dense.weight))
    wanted = dict(dense.named_parameters())
    found: dict[str, Tensor] = dict(whole.named_parameters())
    return _relative((found[name], wanted[name]) for name in found if "bias" not in name)


@torch.no_grad()
def output_distance(new: nn.Module, dense: nn.Linear, inputs: Tensor) -> float:
    """Return the distance of what both layers compute from `inputs` [N, I], biases included.

    It is relative to what the dense weights compute, without a bias.
    """
    given = inputs.double()
    wanted = given @ dense.weight.double().T
    found = given @ cast(Any, new).to_dense().double().flatten(1).T
    before, after = cast(Tensor | None, dense.bias), cast(Tensor | None, new.bias)
    if before is not None and after is not None:
        found += after.double() - before.double()
    return relative_distance(found, wanted)


def _relative(pairs: Iterable[tuple[Tensor, Tensor]]) -> float:
    apart = size = 0.0
    for found, wanted in pairs:
        exact = wanted.detach().double()
        apart += float((found.detach().double() - exact).square().sum())
        size += float(exact.square().sum())
    return apart**0.5 / (size**0.5 or 1.0)
