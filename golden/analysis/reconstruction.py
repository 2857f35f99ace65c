"""How well a topology's product of sparse matrices fits a random one: NeuroFabric, section V."""

import dataclasses
import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor

from golden.analysis.starts import check_starts
from golden.arguments import check_generator, instance, shown, whole_number
from golden.clos.initialise import sparse_xavier_
from golden.errors import AnalysisError
from golden.topologies import Topology

__all__ = ["EXACT", "Reconstruction", "initial_weights", "reconstruct"]

EXACT = 1e-2
"""An element counts as exact if it is nearer to its target than this; targets are N(0, 1)."""

_RATE = 0.03


@dataclasses.dataclass(frozen=True, eq=False)
class Reconstruction:
    """What training reached, once per seed.

    Parameters
    ----------
    loss
        "l1" or "l2".
    errors
        [seeds]: the mean over all elements of |error| for l1, of error^2 for l2. W = 0 has 0.80
        and 1.
    exact
        [seeds]: elements of W with |error| below `EXACT`. At most the rank of the Jacobian in
        theory; by chance about 0.8 % of the elements that are not fitted at all count too.
    """

    loss: str
    errors: Tensor
    exact: Tensor


def initial_weights(topology: Topology, generator: torch.Generator, copies: int) -> list[Tensor]:
    """Draw sparse Xavier weights, per stage [copies, edges], as a `SparseCascade` draws them."""
    topology = instance("topology", topology, Topology, error=AnalysisError)
    check_generator(generator)
    copies = whole_number("copies", copies, 0, 1 << 20, error=AnalysisError)
    found: list[Tensor] = []
    for mask in topology.masks:
        weight = torch.empty(copies, int(mask.sum()))
        if weight.numel():
            fans = float(mask.sum()) * (1 / len(mask) + 1 / mask.shape[1])
            sparse_xavier_(weight, fans, generator)
        found.append(weight)
    return found


def reconstruct(
    topology: Topology, loss: str = "l2", iterations: int = 2000, seeds: Sequence[int] = (0,)
) -> Reconstruction:
    """Fit W to a Gaussian random matrix, one per seed: NeuroFabric, eq. 3, and V-A for l1.

    All seeds are trained at once, by Adam; the learning rate falls to 0 as a cosine, so that l1
    comes to rest at exact elements.

    Parameters
    ----------
    topology
        What is fitted; what `with_skip` makes constant stays.
    loss
        "l2" (mean squared error) or "l1" (mean absolute error).
    iterations
        Steps of Adam, at least 1.
    seeds
        Each decides a matrix and a start.

    Raises
    ------
    AnalysisError
        For another loss, fewer than 1 iterations or no seed.
    """
    topology = instance("topology", topology, Topology, error=AnalysisError)
    if not isinstance(cast(object, loss), str) or loss not in ("l1", "l2"):
        raise AnalysisError(f"loss must be l1 or l2, not {shown(loss)}")
    iterations, seeds = check_starts(iterations, seeds)
    starts: list[list[Tensor]] = []
    targets: list[Tensor] = []
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        size = topology.out_features, topology.in_features
        targets.append(torch.randn(size, generator=generator))
        starts.append(initial_weights(topology, generator, 1))
    target = torch.stack(targets)
    weights = [torch.cat(stage).requires_grad_() for stage in zip(*starts, strict=True)]
    optimiser = torch.optim.Adam(weights, lr=_RATE)
    for step in range(iterations):
        for group in optimiser.param_groups:
            group["lr"] = _RATE * (1 + math.cos(math.pi * step / iterations)) / 2
        optimiser.zero_grad()
        error = _product(topology, weights) - target
        value = error.abs() if loss == "l1" else error.square()
        # The seeds are summed, so that each has the gradient that it has alone.
        value.mean((1, 2)).sum().backward()  # pyright: ignore[reportUnknownMemberType]
        optimiser.step()  # pyright: ignore[reportUnknownMemberType]
    with torch.no_grad():
        error = (_product(topology, weights) - target).abs()
    return Reconstruction(
        loss,
        (error if loss == "l1" else error.square()).mean((1, 2)),
        (error < EXACT).sum((1, 2)),
    )


def _product(topology: Topology, weights: Sequence[Tensor]) -> Tensor:
    """W for every copy, [copies, O, I]."""
    first, *others = topology.matrices(weights)
    for matrix in others:
        first = matrix @ first
    return first
