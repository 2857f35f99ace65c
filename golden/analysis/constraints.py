"""How many elements of W a topology can set: matching, rank of the Jacobian, plain counts."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from golden.analysis.connectivity import from_inputs, to_outputs
from golden.analysis.graphs import maximum_matching
from golden.arguments import instance, seed_number, whole_number
from golden.errors import AnalysisError
from golden.topologies import Topology

__all__ = ["JacobianRank", "constraint_counts", "jacobian", "jacobian_rank", "matching_bound"]

_LARGEST_MATCHING = 100_000_000  # Edges times pairs: bytes of memory.
_LARGEST_JACOBIAN = 10_000_000  # Elements, of 8 bytes; the decomposition takes about 20 s.


def constraint_counts(in_features: int, out_features: int) -> tuple[int, int]:
    """Ratio and magnitude constraints of a whole W, (I - 1) O and O: NeuroFabric, section VI-A.

    An output's ratios are set by its neuron's weights, its magnitude by their scale. That holds
    where f(c x) = c f(x): for linear neurons, and for ReLU if c > 0.
    """
    inputs = whole_number("in_features", in_features, 1, error=AnalysisError)
    outputs = whole_number("out_features", out_features, 1, error=AnalysisError)
    return (inputs - 1) * outputs, outputs


def matching_bound(topology: Topology) -> int:
    """Match trained edges to elements of W, each to one: NeuroFabric, section V-A.

    An edge is adjacent to the pairs that have a path through it. Constant edges do not count. An
    upper bound of `jacobian_rank`: a minor that is not 0 is such a matching.

    Raises
    ------
    AnalysisError
        If edges times pairs are more than 10^8.
    """
    topology = instance("topology", topology, Topology, error=AnalysisError)
    pairs = topology.in_features * topology.out_features
    _check_size(topology, "trained edges times pairs", topology.parameters * pairs,
                _LARGEST_MATCHING)  # fmt: skip
    before, after = from_inputs(topology), to_outputs(topology)
    adjacent = [torch.zeros(0, pairs, dtype=torch.bool)]
    for stage, mask in enumerate(topology.masks):
        out, source = mask.nonzero().T
        both = after[stage + 1].T[out][:, :, None] & before[stage][source][:, None, :]
        adjacent.append(both.flatten(1))
    return maximum_matching(torch.cat(adjacent))


def jacobian(topology: Topology, weights: Sequence[Tensor]) -> Tensor:
    """Return d vec(W) / d weights, [O I, trained edges], by rows of W.

    `weights` are those of `Topology.matrices`, without leading dimensions.
    """
    topology = instance("topology", topology, Topology, error=AnalysisError)
    matrices = topology.matrices(weights)
    before = [torch.eye(topology.in_features).to(matrices[0])]
    after = [torch.eye(topology.out_features).to(matrices[0])]
    for first, last in zip(matrices[:-1], matrices[:0:-1], strict=True):
        before.append(first @ before[-1])
        after.append(after[-1] @ last)
    columns: list[Tensor] = []
    for mask, left, right in zip(topology.masks, reversed(after), before, strict=True):
        out, source = mask.nonzero().T
        columns.append(torch.einsum("oe,ei->oie", left[:, out], right[source]).flatten(0, 1))
    return torch.cat(columns, 1)


@dataclasses.dataclass(frozen=True)
class JacobianRank:
    """The rank of the Jacobian at a random point, and how clear it is.

    Parameters
    ----------
    rank
        The dimension of what the topology can represent: how many elements of W training can at
        best set.
    parameters
        Trained edges.
    gap
        The smallest singular value that counts over the largest that does not; infinite if there
        is none. Much above 1, the rank is beyond doubt.
    """

    rank: int
    parameters: int
    gap: float

    @property
    def efficiency(self) -> float:
        """Part of the trained edges that count, 0 to 1."""
        return self.rank / self.parameters if self.parameters else 0.0


def jacobian_rank(topology: Topology, seed: int = 0) -> JacobianRank:
    """Return the rank of d vec(W) / d weights at a random point, almost surely its highest.

    Raises
    ------
    AnalysisError
        If the Jacobian has more than 10^7 elements.
    """
    topology = instance("topology", topology, Topology, error=AnalysisError)
    pairs = topology.in_features * topology.out_features
    size = pairs * topology.parameters
    _check_size(topology, "trained edges times pairs", size, _LARGEST_JACOBIAN)
    if not topology.parameters:
        return JacobianRank(0, 0, float("inf"))
    generator = torch.Generator().manual_seed(seed_number(seed, error=AnalysisError))
    weights: list[Tensor] = []
    for mask in topology.masks:
        count = int(mask.sum())
        sign = torch.randint(2, (count,), generator=generator).double() * 2 - 1
        weights.append(sign * (0.5 + torch.rand(count, generator=generator, dtype=torch.float64)))
    found = jacobian(topology, weights)
    found = found / found.square().sum(0).sqrt().clamp_min(1e-300)
    values = np.linalg.svd(found.numpy(), compute_uv=False)
    limit = values[0] * max(found.shape) * np.finfo(np.float64).eps
    rank = int((values > limit).sum())
    left = float(values[rank]) if rank < len(values) else 0.0
    gap = float(values[rank - 1]) / left if rank and left else float("inf")
    return JacobianRank(rank, topology.parameters, gap)


def _check_size(topology: Topology, what: str, size: int, limit: int) -> None:
    if size > limit:
        raise AnalysisError(f"{topology.name}: {what} must be at most {limit}, not {size}")
