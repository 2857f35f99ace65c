"""Spectra of topologies, against NetworkX and closed forms."""

import math

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given

from golden.analysis import algebraic_connectivity, network_connectivity, spectral_gap
from golden.topologies import Topology, regular_mask
from tests.support.topology_references import FEW, as_graph
from tests.support.topology_strategies import topologies


@FEW
@given(topologies(stages=1, width=6))
def test_t12_spectra_are_those_of_networkx(topology):
    stage = topology.adjacency[0]
    graph = as_graph(Topology("stage", (stage,))).to_undirected()
    laplacian = nx.laplacian_matrix(graph).toarray().astype(float)
    assert algebraic_connectivity(stage) == pytest.approx(
        max(np.linalg.eigvalsh(laplacian)[1], 0), abs=1e-9
    )
    assert (algebraic_connectivity(stage) > 1e-9) == nx.is_connected(graph)
    whole = as_graph(topology).to_undirected()
    second = np.linalg.eigvalsh(nx.laplacian_matrix(whole).toarray().astype(float))[1]
    assert network_connectivity(topology) == pytest.approx(max(second, 0), abs=1e-9)
    if nx.is_connected(graph):
        # The normalised Laplacian of a bipartite graph has the eigenvalues 1 +- sigma.
        normal = np.linalg.eigvalsh(nx.normalized_laplacian_matrix(graph).toarray())
        sigma = sorted(1 - normal, reverse=True)[: min(stage.shape)]
        gap = 1 - sigma[1] if len(sigma) > 1 else 1
        assert spectral_gap(stage) == pytest.approx(gap, abs=1e-9)
    else:
        assert spectral_gap(stage) == pytest.approx(0, abs=1e-9)


def test_t12_complete_and_circulant_graphs():
    assert algebraic_connectivity(torch.ones(5, 7).bool()) == pytest.approx(5)
    assert spectral_gap(torch.ones(5, 7).bool()) == pytest.approx(1)
    # Two ones, rotated: a ring of 2 n neurons.
    ring = 2 - 2 * math.cos(2 * math.pi / 20)
    assert algebraic_connectivity(regular_mask(10, 10, 2)) == pytest.approx(ring)
    assert spectral_gap(regular_mask(10, 10, 2)) == pytest.approx(1 - math.cos(math.pi / 10))
