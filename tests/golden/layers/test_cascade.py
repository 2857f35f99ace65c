"""SparseCascade and LowRankLinear: every form agrees, and only the weights that exist are held."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from golden import ShapeError
from golden.layers import LowRankLinear, SparseCascade, SparseStage
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


@pytest.mark.parametrize("density, calls", [(0.01, "by_gather"), (0.3, "by_matrix")])
def test_form_follows_the_density(density, calls, monkeypatch):
    torch.manual_seed(0)
    stage = SparseStage(torch.rand(64, 64) < density)
    seen = []
    for name in ("by_gather", "by_matrix"):
        monkeypatch.setattr(stage, name, lambda x, name=name: seen.append(name) or x)
    stage(torch.ones(64, 4))
    assert seen == [calls]


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


def test_state_goes_round_to_a_layer_of_other_connections():
    torch.manual_seed(0)
    source = SparseCascade([full(4, 5)], dtype=torch.float64)
    eye = torch.eye(4, 5, dtype=torch.bool)
    target = SparseCascade([eye], [~eye * 2.0], dtype=torch.float64)
    target.load_state_dict(source.state_dict())
    x = torch.randn(3, 5, dtype=torch.float64)
    assert target(x).equal(source(x))
    with pytest.raises(RuntimeError, match="bias"):
        target.load_state_dict(SparseCascade([full(3, 5)]).state_dict())


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
