"""Depth, bandwidth and the wanted properties of topologies (ClosNets, section I)."""

import numpy as np
import pytest
from hypothesis import given

from golden.analysis import (
    bandwidth,
    closnet_properties,
    depth_to_full_connectivity,
    independent_paths,
)
from golden.topologies import clos, parse_topology
from tests.support.golden_strategies import clos_shapes
from tests.support.topology_references import FEW, SEEDS, draw_weights, multiply
from tests.support.topology_strategies import topologies


@pytest.mark.parametrize(("text", "depth"), [
    ("butterfly:32,9", 5), ("hypercube:32,9", 5), ("torus:8,4,9", 6), ("torus:6,6,9", 6),
    ("torus:5,7,9", 5), ("radix:24,2-3-4", 3), ("clos:16,16,4,4,4", 2), ("low-rank:9,9,3", 1),
    ("torus:8,4,5", None), ("butterfly:32,4", None),
])  # fmt: skip
def test_c6_depth_to_full_connectivity(text, depth):
    assert depth_to_full_connectivity(parse_topology(text)) == depth


@FEW
@given(clos_shapes(largest=16))
def test_c5_clos_has_the_wanted_properties(shape):
    found = closnet_properties(clos(shape))
    assert found.fully_connected
    assert found.uniform
    assert (found.depth, found.most_paths) == (3, shape.middle_routers)
    assert found.dense_routers


def test_c5_others_lack_some():
    butterfly = closnet_properties(parse_topology("butterfly:16,4"))
    assert (butterfly.fully_connected, butterfly.uniform, butterfly.depth) == (True, True, 4)
    hypercube = closnet_properties(parse_topology("hypercube:16,4"))
    assert (hypercube.uniform, hypercube.dense_routers) == (False, False)
    # From i to i: stay, go there and back while staying twice, or walk round in 4 edges.
    assert (hypercube.fewest_paths, hypercube.most_paths) == (24, 1 + 6 * 4 + 40)
    assert not closnet_properties(parse_topology("torus:4,4,2")).fully_connected


@FEW
@given(clos_shapes(largest=16))
def test_n2_bandwidth_of_clos(shape):
    inputs, outputs, ri, rm, ro = shape.as_tuple()
    topology = clos(shape)
    assert bandwidth(topology) == min(inputs, ri * rm, rm * ro, outputs)
    assert independent_paths(topology) <= bandwidth(topology)


@FEW
@given(topologies(options=False), SEEDS)
def test_n2_independent_paths_are_the_rank_of_w(topology, seed):
    product = multiply(topology, draw_weights(topology, seed)).numpy()
    rank = int(np.linalg.matrix_rank(product)) if product.any() else 0
    assert independent_paths(topology) == rank
    assert bandwidth(topology) >= rank
