"""Graph algorithms of SciPy and NetworkX on tensors."""

# pyright: basic, reportArgumentType=false
# SciPy and NetworkX have no types of their own; what is inferred from their code is too narrow.

import contextlib
import itertools
import os
from collections.abc import Generator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from golden.errors import AnalysisError
from golden.system.extras import needs

with needs("experiments"):
    import networkx as nx
    from networkx.algorithms import isomorphism
    from scipy import optimize, sparse
    from scipy.sparse import csgraph

__all__ = ["count_automorphisms", "maximum_flow", "maximum_matching", "solve_choice"]


def maximum_flow(starts: Tensor, ends: Tensor, source: int, sink: int) -> int:
    """Return the maximum flow from `source` to `sink` along arcs of capacity 1, given by int64."""
    nodes = 1 + int(max(starts.max(), ends.max()))
    ones = np.ones(len(starts), dtype=np.int32)
    graph = sparse.csr_array((ones, (starts.numpy(), ends.numpy())), shape=(nodes, nodes))
    return int(csgraph.maximum_flow(graph, source, sink).flow_value)


def maximum_matching(adjacent: Tensor) -> int:
    """Return the size of a maximum matching between rows and columns of bool [rows, columns]."""
    graph = sparse.csr_array(adjacent.numpy())
    return int((csgraph.maximum_bipartite_matching(graph, perm_type="column") >= 0).sum())


def solve_choice(
    gain: NDArray[np.float64],
    whole: NDArray[np.bool_],
    upper: NDArray[np.float64],
    rows: Sequence[Mapping[int, float]],
    limits: Sequence[float],
) -> NDArray[np.float64]:
    """Maximise gain @ x with rows @ x <= limits, 0 <= x <= upper, x whole where `whole` says so.

    A row maps the numbers of variables to their factors.

    Raises
    ------
    AnalysisError
        If HiGHS does not prove an optimum within its node limit.
    """
    matrix = sparse.lil_array((len(rows), len(gain)))
    for index, row in enumerate(rows):
        for column, value in row.items():
            matrix[index, column] = value
    with _silent():
        found = optimize.milp(
            -gain,
            integrality=whole.astype(np.int8),
            bounds=optimize.Bounds(0, upper),
            constraints=optimize.LinearConstraint(sparse.csr_array(matrix), -np.inf, limits),
            options={"node_limit": 1000},
        )
    if found.status != 0:
        raise AnalysisError("the best choice must be found in 1000 nodes of HiGHS, and was not")
    return found.x


def count_automorphisms(
    kinds: Mapping[tuple[int, int], tuple[int, ...]],
    edges: Sequence[tuple[tuple[int, int], tuple[int, int]]],
    limit: int,
) -> int:
    """Count the permutations of nodes of the same kind that keep all edges.

    Raises
    ------
    AnalysisError
        If there are more than `limit`.
    """
    graph = nx.DiGraph()
    for node, kind in kinds.items():
        graph.add_node(node, kind=kind)
    graph.add_edges_from(edges)
    matcher = isomorphism.DiGraphMatcher(
        graph, graph, node_match=lambda a, b: a["kind"] == b["kind"]
    )
    count = sum(1 for _ in itertools.islice(matcher.isomorphisms_iter(), limit + 1))
    if count > limit:
        raise AnalysisError(f"symmetries to be counted one by one must be at most {limit}")
    return count


@contextlib.contextmanager
def _silent() -> Generator[None]:
    """Keep what HiGHS writes past Python out of a command's output."""
    kept = os.dup(1)
    try:
        with open(os.devnull, "w") as nothing:
            os.dup2(nothing.fileno(), 1)
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
