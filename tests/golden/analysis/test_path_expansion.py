"""Paths through topologies, and the products of masks and weights that count and weigh them."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from golden.analysis import live_edges, path_counts, path_expansion, paths, solve_edge
from golden.errors import AnalysisError
from golden.topologies import Topology, parse_topology
from tests.support.topology_references import FEW, SEEDS, draw_weights, listed_paths, multiply
from tests.support.topology_strategies import topologies


@FEW
@given(topologies())
def test_c2_mask_products_count_paths(topology):
    counts = np.zeros((topology.out_features, topology.in_features), dtype=int)
    lines = listed_paths(topology)
    for line in lines:
        counts[line[-1], line[0]] += 1
    assert (path_counts(topology).numpy() == counts).all()
    assert {tuple(line) for line in paths(topology).tolist()} == lines
    on_paths = {(layer, *pair) for line in lines for layer, pair in
                enumerate(itertools.pairwise(line))}  # fmt: skip
    live = live_edges(topology)
    assert {
        (layer, source, out)
        for layer, stage in enumerate(live)
        for out, source in stage.nonzero().tolist()
    } == on_paths


@FEW
@given(topologies(), SEEDS)
def test_n9_path_expansion_is_the_matrix_product(topology, seed):
    weights = draw_weights(topology, seed)
    torch.testing.assert_close(path_expansion(topology, weights), multiply(topology, weights))


@FEW
@given(topologies(), SEEDS, st.data())
def test_n10_one_edge_solves_one_constraint(topology, seed, data):
    weights = draw_weights(topology, seed)
    lines = paths(topology)
    trained = [
        (stage, (int(line[stage + 1]), int(line[stage])), (int(line[-1]), int(line[0])))
        for line in lines
        for stage, mask in enumerate(topology.masks)
        if mask[line[stage + 1], line[stage]]
    ]
    if not trained:
        return
    stage, edge, pair = data.draw(st.sampled_from(trained))
    value = solve_edge(topology, weights, stage, edge, pair, 1.25)
    index = topology.masks[stage].nonzero().tolist().index(list(edge))
    weights[stage][index] = value
    assert multiply(topology, weights)[pair] == pytest.approx(1.25, rel=1e-6)


def test_n10_an_edge_that_is_on_no_path_solves_nothing():
    topology = Topology("two lines", (torch.eye(2).bool(), torch.eye(2).bool()))
    with pytest.raises(AnalysisError, match="stage 1 from 0 to 0 must be on a path from input 1"):
        solve_edge(topology, draw_weights(topology, 0), 1, (0, 0), (1, 1), 1.0)
    with pytest.raises(AnalysisError, match="two lines: stage must be 0 to 1, not 2"):
        solve_edge(topology, draw_weights(topology, 0), 2, (0, 0), (0, 0), 1.0)


def test_too_many_paths_are_refused():
    topology = parse_topology("low-rank:60,60,60")
    with pytest.raises(AnalysisError, match="paths must be at most 200000 to be listed, not 21600"):
        paths(topology)
    dense = Topology("deep", (torch.ones(16, 16).bool(),) * 15)
    with pytest.raises(AnalysisError, match=r"deep: paths of a pair must be fewer than 2\*\*53"):
        path_counts(dense)
