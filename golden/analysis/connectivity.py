"""Which inputs reach which outputs, by how many paths and how many independent ones."""

import dataclasses
import itertools

import numpy as np
import torch
from torch import Tensor

from golden.analysis.graphs import maximum_flow
from golden.arguments import instance
from golden.errors import AnalysisError
from golden.topologies import Topology

__all__ = [
    "ClosNetProperties",
    "bandwidth",
    "closnet_properties",
    "depth_to_full_connectivity",
    "from_inputs",
    "independent_paths",
    "live_edges",
    "path_counts",
    "to_outputs",
]

_EXACT = 2**53  # Up to here float64 counts.
_MOST_PAIRS = 1 << 26  # Neurons of a layer times those of an end: 8 bytes each.


def from_inputs(topology: Topology) -> list[Tensor]:
    """For every layer, bool [neurons, I]: which inputs reach which neurons.

    Raises
    ------
    AnalysisError
        If the neurons of a layer times the inputs are more than 2^26.
    """
    topology = instance("topology", topology, Topology, error=AnalysisError)
    _check_pairs(topology, "inputs", topology.in_features)
    found = [torch.eye(topology.in_features, dtype=torch.bool)]
    for stage in topology.adjacency:
        found.append((stage.float() @ found[-1].float()) > 0)
    return found


def to_outputs(topology: Topology) -> list[Tensor]:
    """For every layer, bool [O, neurons]: which outputs are reached from which neurons.

    Raises
    ------
    AnalysisError
        If the neurons of a layer times the outputs are more than 2^26.
    """
    topology = instance("topology", topology, Topology, error=AnalysisError)
    _check_pairs(topology, "outputs", topology.out_features)
    found = [torch.eye(topology.out_features, dtype=torch.bool)]
    for stage in reversed(topology.adjacency):
        found.append((found[-1].float() @ stage.float()) > 0)
    return found[::-1]


def path_counts(topology: Topology) -> Tensor:
    """Count the paths of every pair, int64 [O, I]: the product of the masks. ClosNets, eq. 1.

    Raises
    ------
    AnalysisError
        If a pair has 2**53 paths or more, or as `from_inputs`.
    """
    topology = instance("topology", topology, Topology, error=AnalysisError)
    _check_pairs(topology, "inputs", topology.in_features)
    counts = torch.eye(topology.in_features, dtype=torch.float64)
    for stage in topology.adjacency:
        counts = stage.double() @ counts
        if counts.max() >= _EXACT:
            raise AnalysisError(f"{topology.name}: paths of a pair must be fewer than 2**53")
    return counts.long()


def live_edges(topology: Topology) -> tuple[Tensor, ...]:
    """Per stage bool [out, in]: the edges on a path from an input to an output.

    The Power of Sparsity in CNNs, section 5.1. Errors as `from_inputs` and `to_outputs`.
    """
    topology = instance("topology", topology, Topology, error=AnalysisError)
    fed = [reached.any(1) for reached in from_inputs(topology)]
    heard = [reached.any(0) for reached in to_outputs(topology)]
    return tuple(
        stage & fed[layer][None, :] & heard[layer + 1][:, None]
        for layer, stage in enumerate(topology.adjacency)
    )


def depth_to_full_connectivity(topology: Topology) -> int | None:
    """How many of the first stages join every input to every neuron; None if all do not.

    ClosNets, section I: log2 n for a butterfly and a hypercube, rows / 2 + cols / 2 for a torus.
    Errors as `from_inputs`.
    """
    topology = instance("topology", topology, Topology, error=AnalysisError)
    reached = from_inputs(topology)
    return next((depth for depth, part in enumerate(reached) if depth and bool(part.all())), None)


def bandwidth(topology: Topology) -> int:
    """The fewest neurons on live edges that any layer has, at most: NeuroFabric, section I.

    For a Clos layer min(I, Ri Rm, Rm Ro, O). It bounds `independent_paths`, which is exact. Errors
    as `live_edges`.
    """
    topology = instance("topology", topology, Topology, error=AnalysisError)
    live = live_edges(topology)
    layers = [int(live[0].any(0).sum()), int(live[-1].any(1).sum())]
    layers += [int((a.any(1) & b.any(0)).sum()) for a, b in itertools.pairwise(live)]
    return min(layers)


def independent_paths(topology: Topology) -> int:
    """The most paths that share no neuron: the rank of W for almost all weights (Lindstrom).

    The number of independent signals that pass, whatever the widths. Constant edges count as any
    other, which their equal values can make untrue.
    """
    topology = instance("topology", topology, Topology, error=AnalysisError)
    offsets = list(itertools.accumulate(topology.widths, initial=0))
    neurons = offsets[-1]
    source, sink = 2 * neurons, 2 * neurons + 1
    # Every neuron is an arc from its entry v to its exit v + neurons, so that one path takes it.
    starts, ends = [torch.arange(neurons)], [torch.arange(neurons) + neurons]
    for layer, stage in enumerate(topology.adjacency):
        out, back = stage.nonzero().T
        starts.append(back + offsets[layer] + neurons)
        ends.append(out + offsets[layer + 1])
    first, last = torch.arange(topology.in_features), torch.arange(topology.out_features)
    starts += [torch.full_like(first, source), last + offsets[-2] + neurons]
    ends += [first, torch.full_like(last, sink)]
    return maximum_flow(torch.cat(starts), torch.cat(ends), source, sink)


@dataclasses.dataclass(frozen=True)
class ClosNetProperties:
    """The properties that ClosNets, section I, wants of a topology; hardware is the fifth.

    Parameters
    ----------
    fully_connected
        Whether every output is reached from every input.
    depth
        Stages; the fewer the better.
    fewest_paths, most_paths
        Path diversity of the pairs; it is uniform where they are equal.
    dense_routers
        Whether all stages are unions of complete bipartite blocks whose sizes differ by one at
        most. Such blocks are small dense layers, whose weights need no stored indices.
    """

    fully_connected: bool
    depth: int
    fewest_paths: int
    most_paths: int
    dense_routers: bool

    @property
    def uniform(self) -> bool:
        """Whether all pairs have equally many paths."""
        return self.fewest_paths == self.most_paths


def closnet_properties(topology: Topology) -> ClosNetProperties:
    """Measure the properties of ClosNets, section I; errors as `path_counts`."""
    topology = instance("topology", topology, Topology, error=AnalysisError)
    counts = path_counts(topology)
    return ClosNetProperties(
        fully_connected=bool((counts > 0).all()),
        depth=topology.depth,
        fewest_paths=int(counts.min()),
        most_paths=int(counts.max()),
        dense_routers=all(_is_blocks(stage) for stage in topology.adjacency),
    )


def _check_pairs(topology: Topology, what: str, ends: int) -> None:
    pairs = max(topology.widths) * ends
    if pairs > _MOST_PAIRS:
        raise AnalysisError(
            f"{topology.name}: neurons of a layer times {what} must be at most {_MOST_PAIRS}, "
            f"not {pairs}"
        )


def _is_blocks(stage: Tensor) -> bool:
    """Whether outputs that share an input share all, in blocks that differ by one at most."""
    kinds, sizes = np.unique(stage.numpy(), axis=0, return_counts=True)
    if (kinds.sum(0) != 1).any():
        return False
    return bool(np.ptp(sizes) <= 1) and bool(np.ptp(kinds.sum(1)) <= 1)
