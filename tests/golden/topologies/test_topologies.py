"""The topologies' definitions, line by line of the papers; sizes and degrees that make none."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from golden import ClosLinear, ClosShape, ShapeError
from golden.errors import TopologyError
from golden.layers import SparseCascade
from golden.topologies import (
    Topology,
    butterfly,
    clos,
    fibonacci_mask,
    hypercube,
    long_short_mask,
    parallel_butterfly,
    parse_topology,
    radix,
    random_edge_mask,
    random_regular_mask,
    random_rotating_mask,
    regular_mask,
    revived,
    torus,
    usage,
    with_diagonal,
    with_skip,
)
from golden.topologies.matching import shared_matching
from tests.support.golden_strategies import clos_shapes
from tests.support.topology_strategies import topologies


def product(topology):
    """The number of paths between every pair: the product of the stages."""
    paths = np.eye(topology.in_features, dtype=int)
    for stage in topology.adjacency:
        paths = stage.numpy().astype(int) @ paths
    return paths


def places(mask):
    """The outputs of input 0."""
    return mask[:, 0].nonzero().flatten().tolist()


def is_rotating(mask):
    return all(
        torch.equal(mask[:, i], mask[:, 0].roll(i)) for i in range(mask.shape[1])
    )


# NeuroFabric and ClosNets


@pytest.mark.parametrize(
    ("text", "edges"),
    [
        ("hypercube:32,6", 1152),
        ("clos:32,32,8,9,8", 1152),
        ("butterfly:32,18", 1152),
        ("torus:8,4,7", 1120),
    ],
)
def test_n16_edges_of_fig_5(text, edges):
    topology = parse_topology(text)
    assert (topology.edges, topology.parameters, topology.out_features) == (edges, edges, 32)
    assert topology.name == text


@given(clos_shapes(largest=20))
def test_c1_c2_clos_masks_multiply_to_the_path_diversity(shape):
    topology = clos(shape)
    assert topology.parameters == shape.parameters
    assert topology.density == shape.density
    assert (product(topology) == shape.path_diversity).all()


@given(clos_shapes(largest=12))
def test_c3_clos_masks_are_the_wiring_of_the_layer(shape):
    """One input alone changes those neurons that the masks say, at every stage."""
    layer = ClosLinear(shape.in_features, shape.out_features, shape.as_tuple()[2:], bias=False)
    for weight in layer.parameters():
        torch.nn.init.ones_(weight)
    for x in torch.eye(shape.in_features):
        reached = x > 0
        for mask, values in zip(clos(shape).masks, layer.stages(x), strict=True):
            reached = (mask & reached).any(1)
            assert torch.equal(values.flatten() != 0, reached)


def test_n3_butterfly_strides_cycle():
    masks = butterfly(8, 5).masks
    for mask, stride in zip(masks, (1, 2, 4, 1, 2), strict=True):
        assert places(mask) == [0, stride]
        assert [mask[:, 5].nonzero().flatten().tolist()] == [sorted([5, 5 ^ stride])]
    assert (product(butterfly(16, 4)) == 1).all()


def test_n3_hypercube_neighbours_differ_in_one_bit():
    mask = hypercube(16, 1).masks[0]
    for i, j in itertools.product(range(16), repeat=2):
        assert mask[j, i] == ((i ^ j).bit_count() <= 1)


def test_n3_torus_neighbours_go_around():
    mask = torus(8, 4, 1).masks[0]
    assert places(mask) == [0, 1, 3, 4, 28]
    assert mask.sum(0).unique().tolist() == [5]
    assert torus(2, 3, 1).masks[0].sum(0).unique().tolist() == [4]
    assert torus(1, 2, 1).masks[0].sum(0).unique().tolist() == [2]


def test_n21_parallel_butterfly_sums_butterflies():
    generator = torch.Generator().manual_seed(1)
    single, double = butterfly(8, 4), parallel_butterfly(8, 4, 2)
    assert double.widths == (8, 16, 16, 16, 8)
    assert double.parameters == 2 * single.parameters
    assert (product(double) == 2 * product(single)).all()
    weights = [torch.randn(2, 16, generator=generator) for _ in range(4)]
    one, two = (single.matrices([stage[part] for stage in weights]) for part in (0, 1))
    apart = [torch.block_diag(a, b) for a, b in zip(one, two, strict=True)]
    apart[0], apart[-1] = torch.cat([one[0], two[0]]), torch.cat([one[-1], two[-1]], 1)
    for stage, mask in zip(apart, double.masks, strict=True):
        assert torch.equal(stage != 0, mask)
    assert parallel_butterfly(8, 4, 1).widths == single.widths


def test_n22_low_rank_is_two_dense_stages():
    topology = parse_topology("low-rank:7,5,3")
    assert (topology.widths, topology.parameters) == ((7, 3, 5), 36)
    assert (product(topology) == 3).all()


@given(st.lists(st.integers(2, 4), min_size=1, max_size=3))
def test_radix_has_one_path_for_every_pair(radices):
    n = int(np.prod(radices))
    assert (product(radix(n, radices)) == 1).all()
    assert (product(radix(n, [*radices, *radices])) == n).all()


def test_radix_of_two_reaches_where_a_butterfly_does():
    assert places(radix(12, [3, 4]).masks[1]) == [0, 3, 6, 9]


@given(topologies(options=False))
def test_n17_skip_makes_one_edge_of_every_neuron_constant(topology):
    skipped = with_skip(topology)
    for mask, constant, before in zip(
        skipped.masks, skipped.constants, topology.masks, strict=True
    ):
        assert torch.equal(mask | (constant != 0), before)
        assert torch.equal((constant == 1).sum(1), before.any(1).long())
    assert skipped.edges == topology.edges


def test_n17_skip_is_the_identity_where_there_is_one():
    for text in ("butterfly:8,3", "hypercube:8,2", "torus:3,3,2"):
        for constant in with_skip(parse_topology(text)).constants:
            assert torch.equal(constant, torch.eye(len(constant)))
    for constant in with_skip(parallel_butterfly(8, 3, 2)).constants:
        rows = torch.arange(len(constant))
        assert (constant[rows, rows % constant.shape[1]] == 1).all()


def test_n17_skip_is_balanced_elsewhere():
    for shape in (ClosShape(32, 32, 8, 9, 8), ClosShape(33, 17, 5, 3, 4)):
        for constant in with_skip(clos(shape)).constants:
            least = -(-constant.shape[0] // constant.shape[1])
            assert constant.sum(0).max() <= max(least, 2)


def test_matching_shares_inputs_as_evenly_as_can_be():
    mask = torch.tensor([[1, 1, 0], [1, 0, 0], [1, 0, 0], [0, 1, 1]]).bool()
    chosen = shared_matching(mask)
    assert bool(mask[torch.arange(4), chosen].all())
    assert chosen.bincount().max() == 2


@given(topologies())
def test_n18_diagonal_layer_has_one_edge_an_output(topology):
    appended = with_diagonal(topology)
    assert appended.parameters == topology.parameters + topology.out_features
    assert (product(appended) == product(topology)).all()


# Sparse Neural Network Topologies

SIZES = st.tuples(st.integers(1, 30), st.integers(1, 30)).flatmap(
    lambda size: st.tuples(st.just(size[0]), st.just(size[1]), st.integers(1, size[1]))
)
FIXED = {"regular": regular_mask, "long-short": long_short_mask, "fibonacci": fibonacci_mask}
RANDOM = {"rotating": random_rotating_mask, "regular": random_regular_mask}


@pytest.mark.parametrize("kind", FIXED)
@given(size=SIZES)
def test_t5_t6_t7_rotating_masks_have_k_ones_an_input(kind, size):
    n, m, degree = size
    mask = FIXED[kind](n, m, degree)
    assert mask.shape == (m, n)
    assert (mask.sum(0) == degree).all()
    assert is_rotating(mask)


@pytest.mark.parametrize("kind", RANDOM)
@given(size=SIZES, seed=st.integers(0, 2**31))
def test_t3_t4_random_masks_have_k_ones_an_input(kind, size, seed):
    n, m, degree = size
    mask = RANDOM[kind](n, m, degree, torch.Generator().manual_seed(seed))
    again = RANDOM[kind](n, m, degree, torch.Generator().manual_seed(seed))
    assert mask.shape == (m, n)
    assert torch.equal(mask, again)
    assert (mask.sum(0) == degree).all()
    assert kind == "regular" or is_rotating(mask)


def test_t4_expander_draws_every_input_by_itself():
    mask = random_regular_mask(200, 50, 5, torch.Generator().manual_seed(3))
    assert not is_rotating(mask)
    assert len(mask.sum(1).unique()) > 3  # Not regular at the outputs.


@pytest.mark.parametrize("degree", [0.5, 3, 20])
def test_t2_random_edges_have_the_mean_degree(degree):
    n, m = 400, 100
    mask = random_edge_mask(n, m, degree, torch.Generator().manual_seed(2))
    spread = (n * degree * (1 - degree / m)) ** 0.5
    assert abs(int(mask.sum()) - n * degree) < 5 * spread


def test_t5_regular_is_a_run_of_ones():
    assert places(regular_mask(6, 6, 3)) == [0, 1, 2]
    assert regular_mask(6, 6, 3)[:, 5].nonzero().flatten().tolist() == [0, 1, 5]


def test_t6_long_short_is_half_near_and_half_even():
    assert places(long_short_mask(20, 20, 8)) == [0, 1, 2, 3, 4, 8, 12, 16]
    assert places(long_short_mask(20, 20, 1)) == [0]


def test_t7_fibonacci_places():
    assert places(fibonacci_mask(20, 20, 7)) == [0, 1, 2, 3, 5, 8, 13]
    assert places(fibonacci_mask(20, 20, 1)) == [0]
    # 0 1 2 3 5 8 13 21, times 10 / 21: 0 0 0 1 2 3 6 10 mod 10.
    assert places(fibonacci_mask(10, 10, 8)) == [0, 1, 2, 3, 4, 5, 6, 7]


# Live connections


@given(topologies(width=6), st.integers(0, 2**31))
def test_s3_revived_connections_are_all_alive(topology, seed):
    alive = revived(topology, seed)
    up = torch.ones(alive.in_features, dtype=torch.bool)
    down = torch.ones(alive.out_features, dtype=torch.bool)
    for stage in alive.adjacency:
        up = (stage & up).any(1)
        assert up.all()
    for stage in alive.adjacency[::-1]:
        down = (stage.T & down).any(1)
        assert down.all()
    assert alive.edges >= topology.edges


def test_s3_revived_keeps_the_number_of_edges_where_it_can():
    topology = parse_topology("random-edge:64-64-64,4,3+alive")
    generator = torch.Generator().manual_seed(3)
    before = sum(int(random_edge_mask(64, 64, 4, generator).sum()) for _ in range(2))
    assert topology.parameters == before


# The type and the text


def test_matrices_hold_weights_and_constants():
    topology = with_skip(butterfly(4, 2))
    weights = [torch.arange(1.0, 5.0).expand(3, 4), -torch.arange(1.0, 5.0).expand(3, 4)]
    first, second = topology.matrices(weights)
    assert first.shape == (3, 4, 4)
    assert first[1].tolist() == [[1, 1, 0, 0], [2, 1, 0, 0], [0, 0, 1, 3], [0, 0, 4, 1]]
    assert second[2].tolist() == [[1, 0, -1, 0], [0, 1, 0, -2], [-3, 0, 1, 0], [0, -4, 0, 1]]
    with pytest.raises(TopologyError, match=r"weights must have sizes \[4, 4\], not \[4\]"):
        topology.matrices(weights[:1])


@pytest.mark.parametrize("text", [
    "clos:9,7,3,2,2+skip+diagonal", "parallel-butterfly:8,3,2+skip", "fibonacci:9-8,4",
])  # fmt: skip
def test_matrices_are_those_of_a_layer_of_the_topology(text):
    topology = parse_topology(text)
    layer = SparseCascade(topology.masks, topology.constants, bias=False)
    weights = [stage.weight.detach() for stage in layer.parts]
    product = torch.eye(topology.in_features)
    for matrix in topology.matrices(weights):
        product = matrix @ product
    torch.testing.assert_close(layer.to_dense().detach(), product)


@pytest.mark.parametrize("text", [
    "clos:33,17,5,3,4", "butterfly:8,3", "parallel-butterfly:8,3,2", "hypercube:8,2",
    "torus:3,4,2", "low-rank:8,9,2", "radix:12,3-4", "random-edge:30-20,15,0",
    "random-rotating:30-20-10,5-3,7", "random-regular:30-20-10,5,7", "regular:30-20-10,5",
    "long-short:30-20,5", "fibonacci:30-20,5",
])  # fmt: skip
@pytest.mark.parametrize("options", ["", "+skip", "+diagonal", "+alive+skip+diagonal"])
def test_names_are_texts_that_are_read_back(text, options):
    topology, again = parse_topology(text + options), parse_topology(f" {text} {options}")
    assert topology.name == again.name == text + options
    for mask, constant, same, same_constant in zip(
        topology.masks, topology.constants, again.masks, again.constants, strict=True
    ):
        assert torch.equal(mask, same)
        assert torch.equal(constant, same_constant)


def test_usage_names_every_kind():
    texts = dict(usage())
    assert texts["radix"] == "radix:n,radices"
    assert texts["random-edge"] == "random-edge:widths,degrees,seed=0"
    assert len(texts) == 13


@pytest.mark.parametrize(("text", "message"), [
    ("mesh:4", "topology must be one of clos, butterfly, .* not 'mesh'"),
    ("butterfly:8,3+bias", "option must be one of alive, skip, diagonal, not 'bias'"),
    ("butterfly:8,3+skip+skip", "option skip must be given once, not 2x"),
    ("butterfly:8", "butterfly must have the values butterfly:n,layers, not '8'"),
    ("butterfly:8,3,1", "butterfly must have the values"),
    ("butterfly:8,three", "layers must be a whole number, not 'three'"),
    ("butterfly:12,3", "n must be a power of two of at least 2, not 12"),
    ("butterfly:8,0", "layers must be a whole number of at least 1, not 0"),
    ("hypercube:1,3", "n must be a power of two"),
    ("parallel-butterfly:8,1,2", "layers must be a whole number of at least 2, not 1"),
    ("parallel-butterfly:8,3,0", "parallel must be a whole number of at least 1, not 0"),
    ("torus:0,3,1", "rows must be a whole number of at least 1, not 0"),
    ("torus:1,1,1", "rows times cols must be at least 2"),
    ("low-rank:4,4,0", "rank must be a whole number of at least 1, not 0"),
    ("radix:12,3-5", "must divide n = 12, but 5 x 3 = 15 does not"),
    ("radix:12,1", "radix 0 must be a whole number of at least 2, not 1"),
    ("regular:8", "regular must have the values regular:widths,degrees"),
    ("regular:8,3", r"widths must be those of at least two layers, not \[8\]"),
    ("regular:8-8-8,3-2-1", "one for each of the 2 stages, not 3 numbers"),
    ("regular:8-8,9", "degree must be 1 to 8, the outputs of the stage, not 9"),
    ("regular:8-0,1", "widths must be a whole number of at least 1, not 0"),
    ("random-edge:8-8,0", "degree must be above 0 and at most 8"),
    ("random-edge:8-8,x", "degrees must be numbers joined by hyphens, not 'x'"),
    ("regular:3-9,2", "every output must be reached by an input, but 5 of 9 are not: 4, 5, 6, 7"),
    ("random-edge:4-4,2,18446744073709551616", r"seed must be 0 to 2\*\*63 - 1, not 1844674"),
    ("random-rotating:4-4,2,-1", "seed must be 0 .* not -1"),
    ("clos:1000000,1000000,1,1000,1", "all stages together must be at most 268435456, not 2001"),
    ("butterfly:4,1000000000", "at most 268435456, not 16000000000"),
    ("butterfly:2,67000000", "at most 16384 stages, not 67000000"),
    ("fibonacci:1-100000000,9000", "at most 8192 of Fibonacci numbers, not 9000"),
    ("butterfly:" + 4000 * "9" + ",1", "n must be a whole number of 64 bits, not 9+[.]{3}9+$"),
    ("regular:8-8,2+" + 9999 * "x", "not 'x+[.]{3}x+'$"),
    ("parallel-butterfly:1024,8,40", "at most 268435456, not 10150215680"),
    ("hypercube:1048576,2", "at most 268435456, not 2199023255552"),
    ("torus:1000,1000,1", "at most 268435456, not 1000000000000"),
    ("low-rank:100000000,100000000,2", "at most 268435456, not 400000000"),
    ("radix:1048576,2", "at most 268435456, not 1099511627776"),
    ("fibonacci:100000-100000,3", "at most 268435456, not 10000000000"),
    ("regular:2-40,2", "37 of 40 are not: 3, 4, 5, 6, 7, 8, 9, 10, ..."),
])  # fmt: skip
def test_bad_texts(text, message):
    with pytest.raises(TopologyError, match=message):
        parse_topology(text)


def test_bad_clos_shape():
    with pytest.raises(ShapeError, match="input_routers must be at most in_features"):
        parse_topology("clos:4,4,5,2,2")


@pytest.mark.parametrize(("masks", "constants", "message"), [
    ((), (), "masks must hold at least one stage"),
    ((torch.ones(2, 3),), (), r"mask 0 must be bool \[out, in\] .* not torch.float32 \[2, 3\]"),
    ((torch.ones(2, 0).bool(),), (), "with neither empty"),
    ((torch.ones(2, 3).bool(), torch.ones(2, 3).bool()), (), "mask 1 must have 2 columns"),
    ((torch.ones(2, 3).bool(),), (torch.ones(3, 2),), r"constant 0 must be .* \[2, 3\]"),
    ((torch.ones(2, 3).bool(),), (torch.zeros(2, 3).long(),), "must be floating-point"),
    ((torch.ones(2, 3).bool(),), (torch.zeros(2, 3),) * 2, "each of the 1 stages, not 2"),
    ((torch.ones(2, 3).bool(),), (torch.eye(2, 3),), "stage 0 from 0 to 0 must be either"),
])  # fmt: skip
def test_bad_masks(masks, constants, message):
    with pytest.raises(TopologyError, match=message):
        Topology("made", masks, constants)
