"""SparseCascade and LowRankLinear: every form agrees, and only the weights that exist are held."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from golden import ShapeError
from golden.layers import LowRankLinear, SparseCascade, SparseStage
from golden.layers.sparse import fastest_form
from golden.layers.sparse_product import sparse_product, wiring_of
from golden.topologies import parse_topology


def full(outputs, inputs):
    return torch.ones(outputs, inputs, dtype=torch.bool)


@st.composite
def cascades(draw):
    """A cascade in which every output is reached, with some constants, and its seed."""
    sizes = draw(st.lists(st.integers(1, 9), min_size=2, max_size=5))
    seed = draw(st.integers(0, 10_000))
    torch.manual_seed(seed)
    masks, constants = [], []
    for inputs, outputs in zip(sizes, sizes[1:], strict=False):
        mask = torch.rand(outputs, inputs) < draw(st.sampled_from([0.1, 0.5, 1.0]))
        lonely = ~mask.any(dim=1)
        mask[lonely, torch.randint(inputs, (int(lonely.sum()),))] = True
        constant = (torch.rand(outputs, inputs) < 0.2) * ~mask * torch.randn(outputs, inputs)
        masks.append(mask)
        constants.append(constant)
    return SparseCascade(
        masks, constants, bias=draw(st.booleans()), dtype=torch.float64,
        initialisation=draw(st.sampled_from(["sparse-xavier", "per-neuron-fan"])),
    ), masks, constants


@settings(deadline=None, max_examples=60)
@given(cascades(), st.integers(0, 4))
def test_n1_all_forms_of_a_cascade_agree(case, samples):
    layer, masks, constants = case
    if layer.bias is not None:
        nn.init.normal_(layer.bias)
    x = torch.randn(samples, layer.in_features, dtype=torch.float64)
    product = torch.eye(layer.in_features, dtype=torch.float64)
    for stage, mask, constant in zip(layer.stages, masks, constants, strict=True):
        matrix = constant.double()
        matrix[mask] = stage.weight.detach()
        product = matrix @ product
        columns = torch.randn(stage.in_features, samples, dtype=torch.float64)
        torch.testing.assert_close(stage.by_gather(columns), matrix @ columns)
        torch.testing.assert_close(stage.by_matrix(columns), matrix @ columns)
        assert stage.mask.equal(mask)
    torch.testing.assert_close(layer.to_dense(), product)
    torch.testing.assert_close(layer(x), nn.functional.linear(x, product, layer.bias))
    wanted = sum(int(mask.sum()) for mask in masks)
    assert sum(p.numel() for s in layer.stages for p in s.parameters()) == wanted


def test_n1_gradients_of_both_forms_are_right():
    torch.manual_seed(0)
    mask = torch.rand(5, 7) < 0.4
    constants = ~mask * (torch.rand(5, 7) < 0.3) * 1.0
    stage = SparseStage(mask, constants, dtype=torch.float64)
    x = torch.randn(7, 3, dtype=torch.float64, requires_grad=True)

    def run(form):
        def call(weight, x):
            names = {"weight": weight}
            with torch.nn.utils.stateless._reparametrize_module(stage, names):
                return form(x)
        return call

    weight = stage.weight.detach().clone().requires_grad_()
    for form in (stage.by_gather, stage.by_matrix):
        assert torch.autograd.gradcheck(run(form), (weight, x))


@pytest.mark.parametrize(
    "density, samples, grad, calls",
    [
        (0.01, 64, False, "by_gather"),
        (0.01, 512, True, "by_gather"),
        (0.01, 1, True, "by_matrix"),  # So small that the calls cost more than the products.
        (0.9, 512, False, "by_matrix"),
        (0.9, 512, True, "by_matrix"),
    ],
)
def test_form_follows_density_samples_and_gradients(density, samples, grad, calls, monkeypatch):
    torch.manual_seed(0)
    stage = SparseStage(torch.rand(64, 64) < density)
    seen = []
    for name in ("by_gather", "by_matrix"):
        monkeypatch.setattr(stage, name, lambda x, name=name: seen.append(name) or x)
    with torch.set_grad_enabled(grad):
        stage(torch.ones(64, samples))
    assert seen == [calls]


@pytest.mark.parametrize("training", [False, True])
def test_the_matrix_pays_from_some_density_on_and_below_some_size(training):
    for size in (64, 256, 1024):
        for samples in (0, 1, 4, 16, 64, 512):
            forms = [
                fastest_form(size, size, size * degree, samples, training)
                for degree in range(1, size + 1)
            ]
            changes = [i for i in range(1, size) if forms[i] != forms[i - 1]]
            assert len(changes) <= 1
            assert forms[-1] == "matrix" or samples < 512
            assert forms[0] == "gather" or size < 1024


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # Of PyTorch's own rules.
def test_sparse_products_have_derivatives_of_every_order():
    torch.manual_seed(0)
    edges = (torch.rand(5, 7) < 0.4).nonzero().T.contiguous()
    wiring = wiring_of(edges, 5, 7)
    values = torch.randn(edges.shape[1], dtype=torch.float64, requires_grad=True)

    def product(*factors):
        return sparse_product(wiring, *factors)

    for samples in (1, 3, 6):
        x = torch.randn(7, samples, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(product, (values, x))
        assert torch.autograd.gradgradcheck(product, (values, x))
        tangents = torch.randn_like(values), torch.randn_like(x)
        found = torch.func.jvp(product, (values, x), tangents)[1]
        wanted = sparse_product(wiring, tangents[0], x) + sparse_product(
            wiring, values, tangents[1]
        )
        torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("batched", ["values", "columns", "both"])
def test_sparse_products_are_mapped_over_either_factor(batched):
    torch.manual_seed(0)
    edges = (torch.rand(5, 7) < 0.4).nonzero().T.contiguous()
    wiring = wiring_of(edges, 5, 7)
    values, x = torch.randn(2, edges.shape[1]), torch.randn(2, 7, 3)
    dims = (None if batched == "columns" else 0, None if batched == "values" else 0)
    given = values[0] if dims[0] is None else values, x[0] if dims[1] is None else x
    found = torch.vmap(lambda *factors: sparse_product(wiring, *factors), dims)(*given)
    for index in range(2):
        one = (each if dim is None else each[index] for each, dim in zip(given, dims, strict=True))
        torch.testing.assert_close(found[index], sparse_product(wiring, *one))


def test_connections_are_sorted_again_only_where_they_changed():
    stage, x = SparseStage(torch.eye(64).bool()), torch.randn(64, 3)
    stage.by_gather(x)
    first = stage._wired["edges"]
    assert torch.equal(stage.by_gather(x), stage.by_matrix(x))
    assert stage._wired["edges"] is first
    other = SparseStage(torch.eye(64).roll(1, 0).bool())
    stage.load_state_dict(other.state_dict())  # In place.
    torch.testing.assert_close(stage.by_gather(x), other.by_matrix(x))
    assert copy.deepcopy(stage)._wired == {}


def test_n17_n18_skip_connections_are_constant_and_the_diagonal_layer_is_a_mask():
    eye = torch.eye(4, dtype=torch.bool)
    layer = SparseCascade([~eye, eye], [eye * 1.0, eye * 0.0], bias=False)
    with torch.no_grad():
        layer.stages[0].weight.zero_()
        layer.stages[1].weight.copy_(torch.tensor([1.0, 2.0, 3.0, 4.0]))
    assert layer.to_dense().equal(torch.diag(torch.tensor([1.0, 2.0, 3.0, 4.0])))
    assert [name for name, _ in layer.named_parameters()] == ["stages.0.weight", "stages.1.weight"]
    assert layer.density == 1.0


def test_n2_bandwidth_is_the_narrowest_layer():
    assert SparseCascade([full(3, 8), full(9, 3)]).bandwidth == 3
    assert SparseCascade([full(9, 8)]).bandwidth == 8


def test_t1_learning_changes_no_connection_that_does_not_exist():
    torch.manual_seed(0)
    mask = torch.rand(6, 8) < 0.5
    mask[:, 0] = True
    layer = SparseCascade([mask])
    optimiser = torch.optim.AdamW(layer.parameters(), lr=0.1, weight_decay=0.1)
    for _ in range(5):
        optimiser.zero_grad()
        layer(torch.randn(4, 8)).square().sum().backward()
        optimiser.step()
    assert bool((layer.to_dense()[~mask] == 0).all())


def test_state_goes_round_to_a_layer_of_as_many_connections():
    torch.manual_seed(0)
    eye = torch.eye(4, 5, dtype=torch.bool)
    source = SparseCascade([eye.roll(1, 0)], [eye * 3.0], dtype=torch.float64)
    target = SparseCascade([eye], [eye.roll(1, 1) * 2.0], dtype=torch.float64)
    target.load_state_dict(source.state_dict())
    x = torch.randn(3, 5, dtype=torch.float64)
    assert target(x).equal(source(x))
    target.reset_parameters()  # The connections stay those that were loaded.
    assert target.stages[0].mask.equal(eye.roll(1, 0))


@pytest.mark.parametrize("assign", [False, True])
@pytest.mark.parametrize("strict", [False, True])
def test_a_state_of_another_degree_is_refused_and_changes_nothing(assign, strict):
    layer = SparseCascade([torch.eye(5).bool()])
    weight, before = layer.stages[0].weight, layer.to_dense()
    weight.requires_grad_(False)
    state = SparseCascade([full(5, 5)]).state_dict()
    with pytest.raises(RuntimeError, match=r"stages.0.edges of the state are 25 connections.* 5: "):
        layer.load_state_dict(state, strict=strict, assign=assign)
    assert layer.stages[0].weight is weight and not weight.requires_grad
    assert layer.to_dense().equal(before)


@pytest.mark.parametrize("initialisation", ["sparse-xavier", "per-neuron-fan"])
def test_a_layer_made_without_memory_gets_it_later(initialisation):
    torch.manual_seed(0)
    mask, constants = torch.eye(6).bool(), torch.eye(6).roll(1, 0)
    given = {"constants": [constants], "initialisation": initialisation}
    with FakeTensorMode():
        assert SparseCascade([mask], **given)(torch.ones(3, 6)).shape == (3, 6)
    with torch.device("meta"):
        inside = SparseCascade([mask], **given)
        with pytest.raises(ShapeError, match="mask must hold numbers, not be on the meta device"):
            SparseCascade([torch.ones(3, 3).bool()])
    for layer in (inside, SparseCascade([mask], **given, device="meta")):
        assert layer.stages[0].edges.is_meta and layer.stages[0].weight.is_meta
        layer.to_empty(device="cpu").reset_parameters()
        stage = layer.stages[0]
        assert stage.mask.equal(mask) and (stage.to_dense() * ~mask).equal(constants)
    whole = SparseCascade([mask], **given)
    layer = SparseCascade([mask], **given, device="meta")
    layer.load_state_dict(whole.state_dict(), assign=True)
    assert layer.to_dense().equal(whole.to_dense())
    with FakeTensorMode():
        with pytest.raises(ShapeError, match="mask must hold numbers, not be a fake tensor"):
            SparseCascade([torch.ones(3, 3).bool()])


def test_cascade_refuses_what_makes_no_network():
    for masks, message in [
        ([], "at least one stage"),
        ([torch.ones(2, 2)], "stage 0: mask must be bool .*not torch.float32"),
        ([full(0, 2)], "neither empty"),
        ([full(3, 2), full(2, 2)], "stage 1: mask must have 3 columns"),
        ([torch.eye(4, 3, dtype=torch.bool)], "reached by an input, but these are not: 3"),
    ]:
        with pytest.raises(ShapeError, match=message):
            SparseCascade(masks)
    with pytest.raises(ShapeError, match="constants must have one tensor for each of the 1 masks"):
        SparseCascade([full(2, 2)], [])
    with pytest.raises(ShapeError, match="from 0 to 0 must be either trained or constant"):
        SparseCascade([full(2, 2)], [torch.eye(2)])
    with pytest.raises(ShapeError, match=r"shape \[2, 2\], not \[3, 3\]"):
        SparseCascade([full(2, 2)], [torch.eye(3)])
    with pytest.raises(ShapeError, match=r"input must have shape \[\.\.\., 2\], not \[2, 3\]"):
        SparseCascade([full(2, 2)])(torch.ones(2, 3))


def test_low_rank_forms_agree_and_gradients_are_right():
    torch.manual_seed(0)
    layer = LowRankLinear(6, 5, 2, dtype=torch.float64)
    x = torch.randn(2, 3, 6, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(layer(x), nn.functional.linear(x, layer.to_dense(), layer.bias))
    assert torch.autograd.gradcheck(layer, (x,))
    assert sum(p.numel() for p in layer.parameters()) == 2 * (6 + 5) + 5


@pytest.mark.parametrize("size", [(9, 4), (4, 9)])
def test_low_rank_from_dense_is_the_nearest_of_its_rank(size):
    torch.manual_seed(0)
    dense = nn.Linear(*size, dtype=torch.float64)
    layer = LowRankLinear.from_dense(dense, 3)
    singular = torch.linalg.svdvals(dense.weight)
    error = torch.linalg.norm(layer.to_dense() - dense.weight)
    torch.testing.assert_close(error, singular[3])
    whole = LowRankLinear.from_dense(dense, 4)
    x = torch.randn(2, size[0], dtype=torch.float64)
    torch.testing.assert_close(whole(x), dense(x))


def test_low_rank_budget_and_refusals():
    layer = LowRankLinear.from_budget(784, 256, reduction=5.5)
    assert layer.rank == 35
    assert layer.rank * (784 + 256) <= 784 * 256 / 5.5 < (layer.rank + 1) * (784 + 256)
    for reduction in (0, 193.0, float("nan")):
        with pytest.raises(ShapeError, match="reduction must be above 0 and at most 193"):
            LowRankLinear.from_budget(784, 256, reduction=reduction)
    with pytest.raises(ShapeError, match="rank must be 1 to 4.*not 5"):
        LowRankLinear(4, 6, 5)
    with pytest.raises(ShapeError, match="out_features must be a whole number .*, not 0"):
        LowRankLinear(4, 0, 1)
    with pytest.raises(ShapeError, match="input must have shape"):
        LowRankLinear(4, 6, 2)(torch.ones(5))


@pytest.mark.parametrize(
    "text",
    ["parallel-butterfly:8,3,2+skip+diagonal", "hypercube:8,3+skip", "clos:8,8,2,3,4"],
)
def test_n17_n18_n21_any_topology_becomes_a_layer(text):
    topology = parse_topology(text)
    layer = SparseCascade(topology.masks, topology.constants, dtype=torch.float64)
    weights = [stage.weight for stage in layer.stages]
    expected = torch.eye(8, dtype=torch.float64)
    for matrix in topology.matrices(weights):
        expected = matrix @ expected
    torch.testing.assert_close(layer.to_dense(), expected)
    assert sum(weight.numel() for weight in weights) == topology.parameters
