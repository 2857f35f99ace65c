"""Analyses of topologies by counting and linear algebra, each against a simpler computation."""

import itertools
import math

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from golden import ClosShape
from golden.analysis import (
    algebraic_connectivity,
    bandwidth,
    cascade_pays,
    closnet_properties,
    colouring_bound,
    constraint_counts,
    count_symmetries,
    dense_symmetries,
    depth_to_full_connectivity,
    epoch_cost,
    exact_colouring,
    greedy_colouring,
    independent_paths,
    jacobian,
    jacobian_rank,
    live_edges,
    matching_bound,
    network_connectivity,
    path_counts,
    path_expansion,
    paths,
    renamed,
    requirements,
    solve_edge,
    spectral_gap,
)
from golden.analysis.connectivity import to_outputs
from golden.errors import AnalysisError
from golden.studies.heuristics_study import compare
from golden.topologies import Topology, clos, parse_topology, regular_mask, with_skip
from tests.support.golden_strategies import clos_shapes
from tests.support.topology_strategies import topologies

FEW = settings(max_examples=40, deadline=None)
SEEDS = st.integers(0, 2**31)


def draw_weights(topology, seed):
    generator = torch.Generator().manual_seed(seed)
    counts = (int(mask.sum()) for mask in topology.masks)
    return [torch.randn(count, generator=generator, dtype=torch.float64) for count in counts]


def multiply(topology, weights):
    product = torch.eye(topology.in_features, dtype=torch.float64)
    for matrix in topology.matrices(weights):
        product = matrix @ product
    return product


def as_graph(topology):
    graph = nx.DiGraph()
    for layer, stage in enumerate(topology.adjacency):
        for out, source in stage.nonzero().tolist():
            graph.add_edge((layer, source), (layer + 1, out))
    for layer, width in enumerate(topology.widths):
        graph.add_nodes_from((layer, neuron) for neuron in range(width))
    return graph


def listed_paths(topology):
    """By NetworkX, as sets of lines."""
    graph, depth = as_graph(topology), topology.depth
    return {
        tuple(neuron for _, neuron in path)
        for i in range(topology.in_features)
        for o in range(topology.out_features)
        for path in nx.all_simple_paths(graph, (0, i), (depth, o))
    }


# Paths


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


# ClosNets, section I


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


# Constraints


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


# Spectra


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


# Cost and symmetry


def test_c8_time_falls_with_the_batch_until_arithmetic_bounds_it():
    machine = {"bytes_per_second": 1e9, "operations_per_second": 1e10}
    costs = [epoch_cost(10_000, 4096, 2**power, **machine) for power in range(13)]
    assert [cost.weight_bytes for cost in costs[:2]] == [4096 * 40_000, 2048 * 40_000]
    assert {cost.operations for cost in costs} == {10_000 * 4096}
    for cost, larger in itertools.pairwise(costs):
        if larger.memory_bound:
            assert cost.seconds == 2 * larger.seconds
    assert [cost.memory_bound for cost in costs] == [power < 6 for power in range(13)]
    assert costs[6].seconds == costs[12].seconds
    assert epoch_cost(10, 7, 3, **machine).weight_bytes == 3 * 40
    with pytest.raises(AnalysisError, match="batch must be above 0 and finite, not 0"):
        epoch_cost(10, 7, 0, **machine)


def test_n1_a_cascade_pays_if_depth_times_density_is_below_1():
    clos_layer = ClosShape(256, 256, 16, 16, 16)
    density = clos_layer.parameters / 3 / 256**2
    assert cascade_pays(3, density)
    assert not cascade_pays(4, 0.25)


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
