"""Single paths: listing them, and W as the sum over them. NeuroFabric, section V-A."""

from collections.abc import Sequence

import torch
from torch import Tensor

from golden.analysis.connectivity import path_counts, to_outputs
from golden.arguments import instance, items, real_number, whole_number
from golden.errors import AnalysisError
from golden.topologies import Topology

__all__ = ["paths", "path_expansion", "solve_edge"]

_MOST_PATHS = 200_000  # Of all pairs together; more are not listed.


def paths(topology: Topology) -> Tensor:
    """List all paths from inputs to outputs, int64 [paths, depth + 1]: a neuron of every layer.

    They are sorted by input, then by the neurons that follow.

    Raises
    ------
    AnalysisError
        If there are more than 200 000.
    """
    topology = instance("topology", topology, Topology, error=AnalysisError)
    total = int(path_counts(topology).sum())
    if total > _MOST_PATHS:
        raise AnalysisError(
            f"{topology.name}: paths must be at most {_MOST_PATHS} to be listed, not {total}"
        )
    heard = [reached.any(0) for reached in to_outputs(topology)]
    found = torch.arange(topology.in_features)[heard[0], None]
    for layer, stage in enumerate(topology.adjacency):
        ahead = stage.T & heard[layer + 1]
        path, neuron = ahead[found[:, -1]].nonzero().T
        found = torch.cat([found[path], neuron[:, None]], 1)
    return found


def path_expansion(topology: Topology, weights: Sequence[Tensor]) -> Tensor:
    """Sum over all paths of the product of their edges, [O, I]: NeuroFabric, eq. 5.

    `weights` are those of `Topology.matrices`, without leading dimensions. The same as the product
    of the matrices, in another way.

    Raises
    ------
    AnalysisError
        As `paths`.
    """
    topology = instance("topology", topology, Topology, error=AnalysisError)
    found = paths(topology)
    product = _along(topology.matrices(weights), found).prod(1)
    expanded = product.new_zeros(topology.out_features * topology.in_features)
    pair = found[:, -1] * topology.in_features + found[:, 0]
    return expanded.index_add(0, pair, product).view(topology.out_features, topology.in_features)


def solve_edge(
    topology: Topology,
    weights: Sequence[Tensor],
    stage: int,
    edge: tuple[int, int],
    pair: tuple[int, int],
    wanted: float,
) -> Tensor:
    """Return the weight of one edge with which W takes the wanted value at one pair.

    NeuroFabric, eq. 6: the wanted value less the paths that do not take the edge, over the sum of
    those that do, the edge left out.

    Parameters
    ----------
    topology, weights
        As for `path_expansion`.
    stage, edge
        The edge (out, in) of that stage.
    pair
        (output, input) of W.
    wanted
        The value for W[pair].

    Raises
    ------
    AnalysisError
        If there is no such stage, no path of the pair takes the edge, or the paths that do cancel
        without it; or as `paths`.
    """
    topology = instance("topology", topology, Topology, error=AnalysisError)
    stage = whole_number("stage", stage, error=AnalysisError)
    edge, pair = _two("edge", edge), _two("pair", pair)
    wanted = real_number("wanted", wanted, error=AnalysisError)
    if not 0 <= stage < topology.depth:
        last = topology.depth - 1
        raise AnalysisError(f"{topology.name}: stage must be 0 to {last}, not {stage}")
    found = paths(topology)
    found = found[(found[:, -1] == pair[0]) & (found[:, 0] == pair[1])]
    through = (found[:, stage + 1] == edge[0]) & (found[:, stage] == edge[1])
    along = _along(topology.matrices(weights), found)
    others = along[~through].prod(1).sum()
    without = torch.cat([along[:, :stage], along[:, stage + 1 :]], 1)[through].prod(1).sum()
    if float(without) == 0:
        raise AnalysisError(
            f"{topology.name}: the edge of stage {stage} from {edge[1]} to {edge[0]} must be on a "
            f"path from input {pair[1]} to output {pair[0]} whose other edges are not 0"
        )
    return (wanted - others) / without


def _two(name: str, value: object) -> tuple[int, int]:
    first, second = (
        whole_number(name, one, 0, error=AnalysisError)
        for one in items(name, value, 2, error=AnalysisError)
    )
    return first, second


def _along(matrices: Sequence[Tensor], found: Tensor) -> Tensor:
    """The edges' values along every path, [paths, depth]."""
    return torch.stack(
        [matrix[found[:, stage + 1], found[:, stage]] for stage, matrix in enumerate(matrices)], 1
    )
