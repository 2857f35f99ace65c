"""How many elements of W paths can be drawn for: the colouring of NeuroFabric's poster.

A path from input i to output o solves the pair (o, i) (rule 1). It can be drawn only if at least
one trained edge on it has no colour yet (2), and colours all of its trained edges (3); any two
drawn paths share one connected piece, one neuron or nothing (4). Constant edges take no colour. The
order matters, and what counts is the most pairs that any order solves: an NP-hard question.
"""

import itertools

import numpy as np
import torch
from torch import Tensor

from golden.analysis.connectivity import path_counts, to_outputs
from golden.analysis.graphs import solve_choice
from golden.analysis.path_expansion import paths
from golden.arguments import instance, seed_number, whole_number
from golden.errors import AnalysisError
from golden.topologies import Topology

__all__ = ["colouring_bound", "exact_colouring", "greedy_colouring"]

_EXACT_PATHS = 80
_MOST_PAIRS = 2000
_TRIES = 16  # Random paths that are looked at for one pair.


def colouring_bound(topology: Topology) -> int:
    """Return an upper bound on the pairs that can be solved: trained edges, and joined pairs."""
    topology = instance("topology", topology, Topology, error=AnalysisError)
    return min(topology.parameters, int((path_counts(topology) > 0).sum()))


def exact_colouring(topology: Topology) -> int:
    """Return the most pairs that any order of drawing solves, by a mixed-integer program.

    Raises
    ------
    AnalysisError
        If there are more than 80 paths, or the program is not solved in 1000 nodes.
    """
    topology = instance("topology", topology, Topology, error=AnalysisError)
    total = int(path_counts(topology).sum())
    if total > _EXACT_PATHS:
        raise AnalysisError(
            f"{topology.name}: paths must be at most {_EXACT_PATHS} for the exact colouring, "
            f"not {total}"
        )
    if not total:
        return 0
    found = paths(topology)
    edges = _trained_edges(topology, found)
    # Variables: x, whether a path is drawn; t, when; y, whether it is the first one on an edge.
    firsts = [(path, int(edge)) for path, row in enumerate(edges) for edge in row[row >= 0]]
    count, latest = len(found), min(total, topology.parameters)
    rows: list[dict[int, float]] = []
    limits: list[float] = []

    def at_most(limit: float, row: dict[int, float]) -> None:
        rows.append(row)
        limits.append(limit)

    of_pair: dict[tuple[int, int], list[int]] = {}
    of_edge: dict[int, list[tuple[int, int]]] = {}
    own: list[list[int]] = [[] for _ in range(count)]
    for path, line in enumerate(found):
        of_pair.setdefault((int(line[0]), int(line[-1])), []).append(path)
    for index, (path, edge) in enumerate(firsts):
        of_edge.setdefault(edge, []).append((path, 2 * count + index))
        own[path].append(2 * count + index)
    for together in of_pair.values():
        at_most(1, dict.fromkeys(together, 1.0))
    for path in range(count):
        at_most(0, {path: 1.0} | dict.fromkeys(own[path], -1.0))
    for sharing in of_edge.values():
        at_most(1, {first: 1.0 for _, first in sharing})
        for (path, first), (other, _) in itertools.permutations(sharing, 2):
            # Where `path` is first on an edge of `other`, it is drawn earlier.
            row = {count + path: 1.0, count + other: -1.0, first: latest + 1.0}
            row[other] = latest + 1.0
            at_most(2 * latest + 1, row)
        for path, first in sharing:
            at_most(0, {first: 1.0, path: -1.0})
    for one, other in itertools.combinations(range(count), 2):
        if not _compatible(found[one], found[other : other + 1])[0]:
            at_most(1, {one: 1.0, other: 1.0})
    variables = 2 * count + len(firsts)
    gain = np.zeros(variables)
    gain[:count] = 1
    whole = np.ones(variables, dtype=np.bool_)
    whole[count : 2 * count] = False
    upper = np.ones(variables)
    upper[count : 2 * count] = latest
    best = solve_choice(gain, whole, upper, rows, limits)
    return round(float(best[:count].sum()))


def greedy_colouring(topology: Topology, seed: int = 0, starts: int = 4) -> Tensor:
    """Draw paths in random order, int64 [paths, depth + 1]: as many pairs are solved at least.

    For every pair, of 16 random paths the one that colours fewest edges; the best of `starts`
    orders. The paths are in the order of drawing.

    Raises
    ------
    AnalysisError
        If there are more than 2000 pairs.
    """
    topology = instance("topology", topology, Topology, error=AnalysisError)
    pairs = topology.in_features * topology.out_features
    if pairs > _MOST_PAIRS:
        raise AnalysisError(
            f"{topology.name}: pairs must be at most {_MOST_PAIRS} for a colouring, not {pairs}"
        )
    generator = torch.Generator().manual_seed(seed_number(seed, error=AnalysisError))
    best = torch.zeros(0, topology.depth + 1, dtype=torch.long)
    for _ in range(whole_number("starts", starts, 1, error=AnalysisError)):
        drawn = _draw_all(topology, generator)
        best = drawn if len(drawn) > len(best) else best
    return best


def _draw_all(topology: Topology, generator: torch.Generator) -> Tensor:
    pairs = (path_counts(topology) > 0).nonzero()
    heard = to_outputs(topology)
    free = [mask.clone() for mask in topology.masks]
    drawn = torch.zeros(len(pairs), topology.depth + 1, dtype=torch.long)
    count = 0
    for out, source in pairs[torch.randperm(len(pairs), generator=generator)]:
        tried = _random_paths(topology, heard, int(out), int(source), generator)
        new = torch.stack(
            [stage[tried[:, layer + 1], tried[:, layer]] for layer, stage in enumerate(free)], 1
        ).sum(1)
        for index in new.argsort():
            if int(new[index]) and bool(_compatible(tried[index], drawn[:count]).all()):
                drawn[count] = tried[index]
                for layer, stage in enumerate(free):
                    stage[tried[index, layer + 1], tried[index, layer]] = False
                count += 1
                break
    return drawn[:count]


def _random_paths(
    topology: Topology, heard: list[Tensor], out: int, source: int, generator: torch.Generator
) -> Tensor:
    """Random walks from `source` that keep `out` in reach, [tries, depth + 1]."""
    walk = torch.full((_TRIES, 1), source)
    for layer, stage in enumerate(topology.adjacency):
        ahead = (stage.T & heard[layer + 1][out])[walk[:, -1]].float()
        walk = torch.cat([walk, torch.multinomial(ahead, 1, generator=generator)], 1)
    return walk


def _compatible(path: Tensor, others: Tensor) -> Tensor:
    """Whether a path meets each of the others in one connected piece at most: rule 4."""
    same = others == path
    return same[:, 0].long() + (same[:, 1:] & ~same[:, :-1]).sum(1) <= 1


def _trained_edges(topology: Topology, found: Tensor) -> Tensor:
    """The trained edges' numbers along every path, int64 [paths, depth]; -1 for a constant."""
    columns: list[Tensor] = []
    before = 0
    for stage, mask in enumerate(topology.masks):
        number = torch.full(mask.shape, -1)
        number[mask] = torch.arange(int(mask.sum())) + before
        before += int(mask.sum())
        columns.append(number[found[:, stage + 1], found[:, stage]])
    return torch.stack(columns, 1)
