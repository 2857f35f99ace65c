"""Analyses that train: controllability and reconstruction."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.analysis import (
    Controllability,
    initial_weights,
    jacobian_rank,
    reconstruct,
    train_controllability,
)
from golden.analysis.reconstruction import EXACT
from golden.errors import AnalysisError
from golden.topologies import parse_topology, with_diagonal
from tests.support.topology_strategies import topologies

SEEDS = st.integers(0, 2**31)


@settings(max_examples=25, deadline=None)
@given(topologies(width=4), SEEDS)
def test_n14_control_keeps_its_bounds(topology, seed):
    """Lemmas VI.1 to VI.3 and eq. 27, 28, at any start, for outputs."""
    model = Controllability(topology, seed)
    control = model().detach()
    assert control.shape == (topology.in_features, topology.in_features, topology.out_features)
    assert (control >= 0).all()
    assert (control + control.transpose(0, 1) <= 1 + 1e-5).all()
    assert (control.diagonal() == 0).all()  # The ratio of an input to itself.
    reached = topology.adjacency[0]
    for stage in topology.adjacency[1:]:
        reached = (stage.float() @ reached.float()) > 0
    for output, inputs in enumerate(reached):
        assert control[..., output].sum() <= max(int(inputs.sum()) - 1, 0) + 1e-4
        assert (control[~inputs, :, output] == 0).all()
        assert (control[:, ~inputs, output] == 0).all()
    assert control.sum() <= model.capacity + 1e-3
    assert model.capacity <= topology.parameters


@settings(max_examples=6, deadline=None)
@given(topologies(stages=1, width=4, options=False), SEEDS)
def test_n14_one_layer_controls_its_own_ratios(topology, seed):
    """Eq. 28 for one layer: a neuron of k trained edges sets k - 1 ratios of them."""
    control = Controllability(topology, seed)().detach()
    for output, edges in enumerate(topology.masks[0]):
        wanted = max(int(edges.sum()) - 1, 0)
        # Where a start puts more than 1 on one pair, eq. 9 takes some away.
        assert control[..., output].sum() <= wanted + 1e-5
    trained = train_controllability(topology, 80, (seed,))
    assert float(trained.totals) == pytest.approx(trained.capacity, abs=0.05)


def test_n14_control_is_split_among_outgoing_edges():
    """Eq. 14: one neuron's ratio goes to two outputs, 1 in all."""
    control = Controllability(parse_topology("low-rank:2,2,1"), 3)().detach()
    assert control.sum() == pytest.approx(1, abs=1e-5)
    assert control.sum((0, 1)).min() > 0


def test_n15_loss_is_that_of_equation_20():
    model = Controllability(parse_topology("clos:4,6,2,2,2"), 1)
    control = model().detach()
    by_hand = sum((3 - float(control[..., k].sum())) ** 2 for k in range(6))
    assert float(model.loss(control)) == pytest.approx(by_hand, rel=1e-5)


def test_n15_training_lowers_the_loss_and_repeats():
    topology = parse_topology("torus:3,3,2")
    first, last, again = (train_controllability(topology, steps, (4,)) for steps in (1, 40, 40))
    assert last.losses < 0.8 * first.losses
    assert torch.equal(last.k_matrices, again.k_matrices)
    other = train_controllability(topology, 40, (5,))
    assert not torch.equal(last.k_matrices, other.k_matrices)


@pytest.mark.parametrize("text", [
    "clos:8,8,2,3,2", "butterfly:8,4", "hypercube:8,2", "torus:4,2,2",
])  # fmt: skip
@pytest.mark.parametrize("skip", ["", "+skip"])
def test_n16_control_and_magnitudes_make_the_rank(text, skip):
    """The ratios that outputs control, and their magnitudes, are what the Jacobian spans."""
    control = train_controllability(parse_topology(text + skip), 60, (0,))
    rank = jacobian_rank(with_diagonal(parse_topology(text + skip))).rank
    assert float(control.totals) == pytest.approx(rank - 8, abs=0.5)


@pytest.mark.slow
def test_n16_verdicts_of_fig_5():
    """Mean of K: high, high, low, high (0.94, 0.95, 0.56, 0.88); the torus has most spread."""
    texts = "hypercube:32,6", "clos:32,32,8,9,8", "butterfly:32,18", "torus:8,4,7"
    found = [train_controllability(parse_topology(text), 60) for text in texts]
    totals = [round(float(control.totals)) for control in found]
    assert totals == [960, 976, 576, 896]
    hypercube, clos, butterfly, torus = found
    assert butterfly.mean < 0.6 < 0.85 < torus.mean < hypercube.mean < clos.mean
    assert torus.spread > 1.5 * max(hypercube.spread, clos.spread, butterfly.spread)
    assert clos.spread < hypercube.spread


def test_bad_controllability():
    topology = parse_topology("clos:4,4,2,2,2")
    with pytest.raises(AnalysisError, match="iterations must be at least 1"):
        train_controllability(topology, 0)
    with pytest.raises(AnalysisError, match="inputs squared times edges must be at most 20000000"):
        train_controllability(parse_topology("low-rank:300,10,10"))


@pytest.mark.parametrize(("text", "least"), [
    ("low-rank:4,4,1", 7), ("low-rank:4,4,2", 10), ("clos:6,6,2,2,2", 23),
])  # fmt: skip
def test_n11_l1_makes_about_as_many_elements_exact_as_the_rank(text, least):
    """NeuroFabric's L0 count: at most the rank, but for hits by chance."""
    topology = parse_topology(text)
    rank = jacobian_rank(topology).rank
    found = reconstruct(topology, "l1", 1200, range(4))
    pairs = topology.in_features * topology.out_features
    assert least <= int(found.exact.max()) <= rank + max(2, round(4 * EXACT * pairs))
    assert rank <= topology.parameters
    squared = reconstruct(topology, "l2", 300, range(4))
    assert (squared.exact < found.exact).all()


def test_n7_l2_reaches_the_best_of_low_rank():
    """Eckart and Young: the sum of the squares of the singular values that are left out."""
    found = reconstruct(parse_topology("low-rank:6,5,2"), "l2", 1500, (0, 1, 2))
    for seed, error in enumerate(found.errors):
        target = torch.randn(5, 6, generator=torch.Generator().manual_seed(seed))
        left = torch.linalg.svdvals(target)[2:].square().sum() / 30
        assert float(error) == pytest.approx(float(left), rel=1e-3)


def test_n7_one_dense_stage_fits_exactly_and_one_sparse_stage_its_edges():
    dense = reconstruct(parse_topology("regular:5-4,4"), "l2", 600)
    assert dense.errors < 1e-6
    assert dense.exact == 20
    sparse = reconstruct(parse_topology("regular:5-4,2"), "l1", 600)
    assert 10 <= int(sparse.exact) <= 11


def test_n7_seeds_are_trained_as_each_alone():
    topology = parse_topology("clos:5,4,2,2,2+skip")
    together = reconstruct(topology, "l2", 20, (3, 8))
    alone = [reconstruct(topology, "l2", 20, (seed,)) for seed in (3, 8)]
    torch.testing.assert_close(together.errors, torch.cat([one.errors for one in alone]))


def test_n5_initial_weights_are_sparse_xavier():
    topology = parse_topology("random-regular:400-100,20")
    (weights,) = initial_weights(topology, torch.Generator().manual_seed(0), 3)
    bound = (6 / (20 + 80)) ** 0.5
    assert weights.shape == (3, 8000)
    assert 0.99 * bound < float(weights.abs().max()) <= bound
    assert float(weights.var()) == pytest.approx(bound**2 / 3, rel=0.03)


def test_bad_reconstruction():
    topology = parse_topology("clos:4,4,2,2,2")
    with pytest.raises(AnalysisError, match="loss must be l1 or l2, not 'l0'"):
        reconstruct(topology, "l0")
    with pytest.raises(AnalysisError, match="iterations must be at least 1 and seeds at least one"):
        reconstruct(topology, seeds=())
