"""Renamings of hidden neurons, and how many keep a topology's masks."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings

from golden.analysis import count_symmetries, dense_symmetries, path_counts, renamed
from golden.errors import AnalysisError
from golden.topologies import Topology, parse_topology, with_skip
from tests.support.topology_references import FEW, SEEDS, draw_weights
from tests.support.topology_strategies import topologies


@FEW
@given(topologies(options=False), SEEDS)
def test_s7_renaming_hidden_neurons_leaves_the_output(topology, seed):
    """The proof of Lemma 1, with a ReLU after every hidden layer."""
    generator = torch.Generator().manual_seed(seed)
    stages = topology.matrices(draw_weights(topology, seed))
    orders = [torch.randperm(len(stage), generator=generator) for stage in stages[:-1]]
    x = torch.randn(topology.in_features, 5, generator=generator, dtype=torch.float64)

    def run(matrices):
        y = x
        for matrix in matrices[:-1]:
            y = (matrix @ y).relu()
        return matrices[-1] @ y

    changed = renamed(stages, orders)
    torch.testing.assert_close(run(changed), run(stages))
    masks = Topology("renamed", tuple(renamed(topology.masks, orders)))
    assert (path_counts(masks) == path_counts(topology)).all()


@settings(max_examples=25, deadline=None)
@given(topologies(stages=3, width=3, options=False))
def test_s7_symmetries_are_the_renamings_that_keep_the_masks(topology):
    orders = itertools.product(
        *(itertools.permutations(range(width)) for width in topology.widths[1:-1])
    )
    kept = 0
    for order in orders:
        changed = renamed(topology.masks, [torch.tensor(one) for one in order])
        kept += all(torch.equal(a, b) for a, b in zip(changed, topology.masks, strict=True))
    assert count_symmetries(topology) == kept


def test_s7_dense_networks_have_all_renamings_and_sparse_ones_few():
    dense = Topology("dense", (torch.ones(4, 3).bool(), torch.ones(3, 4).bool(),
                               torch.ones(2, 3).bool()))  # fmt: skip
    assert count_symmetries(dense) == dense_symmetries([4, 3]) == 24 * 6
    assert count_symmetries(parse_topology("butterfly:8,3")) == 1
    assert count_symmetries(with_skip(parse_topology("clos:4,4,2,2,2"))) == 2
    assert count_symmetries(parse_topology("low-rank:3,3,9")) == math.factorial(9)
    lines = Topology("lines", (torch.ones(7, 1).bool(), torch.eye(7).bool(),
                               torch.ones(1, 7).bool()))  # fmt: skip
    with pytest.raises(AnalysisError, match="counted one by one must be at most 1000"):
        count_symmetries(lines)
    with pytest.raises(AnalysisError, match=r"permutations of the hidden layers, of sizes \[4, 3"):
        renamed(dense.masks, [torch.arange(4), torch.tensor([0, 0, 1])])
