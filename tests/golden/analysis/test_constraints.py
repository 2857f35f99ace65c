"""How many constraints topologies solve, by rank and by colouring, each against a simpler count."""

import pytest
import torch
from hypothesis import given, settings

from golden.analysis import (
    colouring_bound,
    constraint_counts,
    exact_colouring,
    greedy_colouring,
    jacobian,
    jacobian_rank,
    live_edges,
    matching_bound,
    path_counts,
    paths,
    requirements,
    spectral_gap,
)
from golden.analysis.connectivity import to_outputs
from golden.errors import AnalysisError
from golden.studies.heuristics_study import compare
from golden.topologies import parse_topology
from tests.support.topology_references import FEW, SEEDS, draw_weights, multiply
from tests.support.topology_strategies import topologies


@FEW
@given(topologies(), SEEDS)
def test_jacobian_is_that_of_autograd(topology, seed):
    weights = draw_weights(topology, seed)
    columns = torch.autograd.functional.jacobian(
        lambda *stages: multiply(topology, stages).flatten(), tuple(weights)
    )
    torch.testing.assert_close(jacobian(topology, weights), torch.cat(columns, 1))


def rank_by_fractions(topology, seed):
    """The Jacobian's rank at a point of integers modulo a prime: exact, by elimination."""
    prime = 2**31 - 1
    generator = torch.Generator().manual_seed(seed)
    weights = [
        torch.randint(1, 1000, (int(mask.sum()),), generator=generator).double()
        for mask in topology.masks
    ]
    rows = [[int(value) % prime for value in row] for row in jacobian(topology, weights)]
    rank = 0
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((row for row in range(rank, len(rows)) if rows[row][column]), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        inverse = pow(rows[rank][column], -1, prime)
        for row in range(rank + 1, len(rows)):
            factor = rows[row][column] * inverse % prime
            if factor:
                pairs = zip(rows[row], rows[rank], strict=True)
                rows[row] = [(a - factor * b) % prime for a, b in pairs]
        rank += 1
    return rank


@FEW
@given(topologies(width=4), SEEDS)
def test_n12_heuristics_against_the_rank_of_the_jacobian(topology, seed):
    """The matching is an upper bound of the rank; one layer's rank is its edges."""
    rank = jacobian_rank(topology, seed).rank
    assert rank == rank_by_fractions(topology, seed)
    assert rank <= matching_bound(topology) <= min(colouring_bound(topology), topology.parameters)
    live = sum(
        int((mask & stage).sum())
        for mask, stage in zip(topology.masks, live_edges(topology), strict=True)
    )
    assert rank <= live
    if topology.depth == 1:
        assert rank == live


@settings(max_examples=25, deadline=None)
@given(topologies(width=3, reachable=True), SEEDS)
def test_n27_colourings_against_each_other_and_the_rank(topology, seed):
    drawn = greedy_colouring(topology, seed, starts=2)
    check_colouring(topology, drawn)
    most = exact_colouring(topology)
    assert len(drawn) <= most <= min(matching_bound(topology), colouring_bound(topology))


def check_colouring(topology, drawn):
    """Rules 1 to 4 of the poster, one path after another."""
    coloured, before, solved = set(), [], set()
    for line in drawn.tolist():
        edges = {
            (stage, line[stage + 1], line[stage])
            for stage, mask in enumerate(topology.masks)
            if mask[line[stage + 1], line[stage]]
        }
        assert edges - coloured
        assert (line[0], line[-1]) not in solved
        for other in before:
            common = [layer for layer in range(len(line)) if line[layer] == other[layer]]
            assert not common or common == list(range(common[0], common[-1] + 1))
        coloured |= edges
        solved.add((line[0], line[-1]))
        before.append(line)


@settings(max_examples=15, deadline=None)
@given(topologies(stages=2, width=2))
def test_n27_exact_colouring_is_that_of_all_orders(topology):
    lines = paths(topology)
    best = 0

    def search(drawn):
        nonlocal best
        best = max(best, len(drawn))
        for line in range(len(lines)):
            if line not in drawn:
                try:
                    check_colouring(topology, lines[[*drawn, line]])
                except AssertionError:
                    continue
                search([*drawn, line])

    search([])
    assert exact_colouring(topology) == best


def test_n27_the_posters_example():
    """Of two inputs, one neuron and two outputs: 4 edges, 3 of 4 constraints."""
    topology = parse_topology("low-rank:2,2,1")
    assert topology.parameters == matching_bound(topology) == 4
    assert exact_colouring(topology) == len(greedy_colouring(topology)) == 3
    assert jacobian_rank(topology).rank == 3


def test_n28_paths_use_skip_edges_without_colouring_them():
    topology = parse_topology("clos:4,4,2,2,2+skip")
    assert topology.parameters == 12
    assert exact_colouring(topology) == jacobian_rank(topology).rank == 12


def test_n27_colouring_can_exceed_the_rank():
    """The poster's rules are no lower bound: three edges to a neuron, yet no rank 3 more."""
    topology = parse_topology("low-rank:4,4,3")
    assert (exact_colouring(topology), jacobian_rank(topology).rank) == (16, 15)


def test_n19_a_butterfly_wastes_half_of_its_edges():
    plain = jacobian_rank(parse_topology("butterfly:16,7"))
    skipped = jacobian_rank(parse_topology("butterfly:16,7+skip+diagonal"))
    assert (plain.parameters, plain.rank) == (224, 128)
    assert (skipped.parameters, skipped.rank) == (128, 128)
    assert skipped.efficiency == 1
    assert plain.gap > 1e6


@pytest.mark.parametrize("text", ["clos:8,8,2,3,2", "hypercube:8,2", "butterfly:8,4"])
def test_n17_skip_and_diagonal_keep_the_rank(text):
    plain, both = (jacobian_rank(parse_topology(text + end)) for end in ("", "+skip+diagonal"))
    assert plain.rank == both.rank


def test_n18_the_diagonal_layer_sets_the_magnitudes():
    skip = parse_topology("clos:8,8,2,2,2+skip")
    both = parse_topology("clos:8,8,2,2,2+skip+diagonal")
    assert jacobian_rank(both).rank == jacobian_rank(skip).rank + 8


@pytest.mark.parametrize(("texts", "missing"), [
    ("parallel-butterfly:16,5,1 parallel-butterfly:16,5,2 parallel-butterfly:16,5,3", set()),
    ("clos:16,16,4,2,4 clos:16,16,4,3,4 clos:16,16,4,4,4", {"full_bandwidth"}),
    ("butterfly:16,4 butterfly:16,5 butterfly:16,7", {"constant_depth"}),
    ("hypercube:16,4 hypercube:16,5", {"constant_depth", "even"}),
    ("torus:4,4,4 torus:4,4,5", {"constant_depth", "even"}),
    ("low-rank:16,16,4 low-rank:16,16,6", {"full_bandwidth", "skip"}),
])  # fmt: skip
def test_n22_decision_table(texts, missing):
    found = requirements([parse_topology(text) for text in texts.split()])
    assert {name for name, met in vars(found).items() if not met} == missing
    assert found.all == (not missing)


def test_n22_a_family_has_members():
    with pytest.raises(AnalysisError, match="family must hold at least two topologies, not 1"):
        requirements([parse_topology("butterfly:4,2")])


def test_n27_study_counts_every_graph():
    found = compare(graphs=3, seed=4)
    totals = {sum(counts.values()) for counts in found.values()}
    assert len(found) == 3
    assert len(totals) == 1
    assert 3 <= totals.pop() <= 6
    assert min(found["matching - rank"]) >= 0
    assert min(found["best colouring - greedy colouring"]) >= 0


def test_n13_ratio_and_magnitude_constraints():
    assert constraint_counts(5, 3) == (12, 3)
    assert sum(constraint_counts(7, 4)) == 28
    z, relu = torch.tensor([-2.0, -0.5, 0.5, 3.0]), torch.nn.functional.relu
    assert torch.equal(relu(2.5 * z), 2.5 * relu(z))
    assert not torch.equal(relu(-2.5 * z), -2.5 * relu(z))


def test_what_is_too_large_is_refused():
    topology = parse_topology("low-rank:200,200,20")
    with pytest.raises(AnalysisError, match="trained edges times pairs must be at most 100000000"):
        matching_bound(topology)
    with pytest.raises(AnalysisError, match="must be at most 10000000, not 320000000"):
        jacobian_rank(topology)
    with pytest.raises(AnalysisError, match="paths must be at most 80 for the exact colouring"):
        exact_colouring(topology)
    wide = parse_topology("low-rank:10000,9000,1")
    for judge, ends in ((path_counts, "inputs"), (live_edges, "inputs"), (to_outputs, "outputs")):
        with pytest.raises(AnalysisError, match=f"neurons of a layer times {ends} must be at most"):
            judge(wide)
    with pytest.raises(AnalysisError, match="neurons must be at most 4000"):
        spectral_gap(torch.ones(4001, 1).bool())
