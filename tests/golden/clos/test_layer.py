"""ClosLinear and ClosNet: every form of the layer agrees, and it is a drop-in for nn.Linear."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from golden import ClosLinear, ClosNet, ClosShape, ShapeError
from tests.support.clos_definition import einsum_form
from tests.support.golden_strategies import clos_shapes


def make_layer(shape, seed=0, bias=True):
    torch.manual_seed(seed)
    inputs, outputs, *routers = shape.as_tuple()
    layer = ClosLinear(inputs, outputs, tuple(routers), bias=bias, dtype=torch.float64)
    if bias:
        nn.init.normal_(layer.bias)
    return layer


def by_loops(layer, x):
    """Follow one sample through the routers, one multiplication at a time."""
    shape = layer.shape
    middle = range(shape.middle_routers)
    w1, w2, w3 = layer.input_weight, layer.middle_weight, layer.output_weight
    h1 = [
        [sum(x[i] * w1[i, m] for i in range(start, stop)) for m in middle]
        for start, stop in shape.input_blocks
    ]
    y = []
    for o, (start, stop) in enumerate(shape.output_blocks):
        h2 = [sum(h1[r][m] * w2[m, r, o] for r in range(shape.input_routers)) for m in middle]
        y += [sum(h2[m] * w3[j, m] for m in middle) + layer.bias[j] for j in range(start, stop)]
    return torch.stack(y)


@settings(deadline=None, max_examples=60)
@given(clos_shapes(), st.integers(0, 5), st.integers(0, 1000))
def test_all_forms_agree(shape, samples, seed):
    layer = make_layer(shape, seed)
    x = torch.randn(samples, shape.in_features, dtype=torch.float64)
    y = layer(x)
    assert y.shape == (samples, shape.out_features)
    torch.testing.assert_close(y, einsum_form(layer, x))
    torch.testing.assert_close(y, nn.functional.linear(x, layer.to_dense(), layer.bias))


@pytest.mark.parametrize("numbers", [(7, 5, 3, 2, 2), (4, 4, 2, 2, 2), (3, 2, 3, 4, 1)])
def test_forward_agrees_with_plain_loops(numbers):
    layer = make_layer(ClosShape(*numbers))
    x = torch.randn(2, numbers[0], dtype=torch.float64)
    torch.testing.assert_close(layer(x), torch.stack([by_loops(layer, row) for row in x]))


@pytest.mark.parametrize("numbers", [(7, 5, 3, 2, 2), (6, 4, 3, 2, 2), (1, 1, 1, 1, 1)])
def test_gradients_are_right_and_agree_between_forms(numbers):
    layer = make_layer(ClosShape(*numbers))
    x = torch.randn(3, numbers[0], dtype=torch.float64, requires_grad=True)
    weights = list(layer.parameters())
    assert torch.autograd.gradcheck(
        lambda x, *w: torch.func.functional_call(
            layer, dict(zip(dict(layer.named_parameters()), w, strict=True)), x
        ),
        (x, *weights),
    )
    seed_gradient = torch.randn(3, numbers[1], dtype=torch.float64)
    forms = (
        layer(x),
        einsum_form(layer, x),
        nn.functional.linear(x, layer.to_dense(), layer.bias),
    )
    first, *others = (
        torch.autograd.grad((form * seed_gradient).sum(), [x, *weights]) for form in forms
    )
    for other in others:
        torch.testing.assert_close(other, first)


@pytest.mark.parametrize("batch", [(), (1,), (2, 3), (2, 1, 4), (0,), (2, 0)])
def test_leading_dimensions_are_those_of_linear(batch):
    layer = make_layer(ClosShape(7, 5, 3, 2, 2))
    x = torch.randn(*batch, 7, dtype=torch.float64)
    expected = nn.functional.linear(x, layer.to_dense(), layer.bias)
    torch.testing.assert_close(layer(x), expected)
    h1, h2, y = layer.stages(x)
    assert (h1.shape, h2.shape, y.shape) == ((*batch, 3, 2), (*batch, 2, 2), (*batch, 5))


def test_stages_are_the_routers_outputs():
    layer = make_layer(ClosShape(7, 5, 3, 2, 2))
    x = torch.randn(4, 7, dtype=torch.float64)
    h1, h2, _ = layer.stages(x)
    for r, (start, stop) in enumerate(layer.shape.input_blocks):
        torch.testing.assert_close(h1[:, r], x[:, start:stop] @ layer.input_weight[start:stop])
    for m in range(2):
        torch.testing.assert_close(h2[:, :, m], h1[:, :, m] @ layer.middle_weight[m])


def test_no_stage_copies_its_operands_where_the_routers_are_equal():
    layer = ClosLinear(64, 64, (8, 8, 8), bias=False)
    x = torch.randn(32, 64)
    with torch.no_grad(), torch.autograd.profiler.profile() as profile:
        layer(x)
    names = {event.key for event in profile.key_averages()}
    assert "aten::bmm" in names
    assert not names & {"aten::copy_", "aten::clone", "aten::contiguous", "aten::cat"}


@pytest.mark.parametrize("bias", [True, False])
def test_c13_parameters_are_exactly_the_connections(bias):
    layer = ClosLinear(33, 17, (5, 3, 4), bias=bias)
    assert sum(p.numel() for p in layer.parameters()) == layer.shape.parameters + 17 * bias
    assert layer.path_diversity == 3
    assert (layer.in_features, layer.out_features, layer.routers) == (33, 17, (5, 3, 4))


def test_repr_reads_like_linear():
    text = "ClosLinear(in_features=33, out_features=17, routers=(5, 3, 4), bias=False)"
    assert repr(ClosLinear(33, 17, (5, 3, 4), bias=False)) == text


def test_state_dict_goes_round():
    source, target = (
        make_layer(ClosShape(7, 5, 3, 2, 2), 1),
        make_layer(ClosShape(7, 5, 3, 2, 2), 2),
    )
    x = torch.randn(4, 7, dtype=torch.float64)
    assert not source(x).equal(target(x))
    target.load_state_dict(source.state_dict())
    assert source(x).equal(target(x))
    assert list(source.state_dict()) == ["input_weight", "middle_weight", "output_weight", "bias"]


def test_initial_weights_are_xavier_by_router_and_keep_the_variance():
    torch.manual_seed(0)
    layer = ClosLinear(1000, 900, (30, 32, 30))
    for start, stop in layer.shape.input_blocks:
        bound = math.sqrt(6 / (stop - start + 32))
        largest = layer.input_weight[start:stop].abs().max()
        assert 0.95 * bound < largest <= bound
    bound = math.sqrt(6 / 60)
    assert 0.99 * bound < layer.middle_weight.abs().max() <= bound
    assert layer.bias.equal(torch.zeros(900))
    y = layer(torch.randn(200, 1000))
    assert 0.8 < y.std() < 1.25


def test_initial_weights_follow_the_generator():
    def make(seed):
        return ClosNet([ClosShape(7, 5, 3, 2, 2)], generator=torch.Generator().manual_seed(seed))

    x = torch.ones(1, 7)
    assert make(1)(x).equal(make(1)(x))
    assert not make(1)(x).equal(make(2)(x))


def test_net_has_relu_between_layers_only():
    shapes = [ClosShape(7, 6, 3, 2, 2), ClosShape(6, 5, 2, 3, 5), ClosShape(5, 4, 1, 2, 2)]
    torch.manual_seed(0)
    net = ClosNet(shapes).double()
    x = torch.randn(9, 7, dtype=torch.float64)
    first, second, third = net.layers
    expected = third(torch.relu(second(torch.relu(first(x)))))
    assert net(x).equal(expected)
    assert (expected < 0).any()
    assert net.shapes == tuple(shapes)


def test_layer_refuses_other_inputs_and_routers():
    layer = ClosLinear(7, 5, (3, 2, 2))
    with pytest.raises(ShapeError, match=r"input must have shape \[\.\.\., 7\].*not \[2, 6\]"):
        layer(torch.ones(2, 6))
    with pytest.raises(ShapeError, match=r"not \[\]"):
        layer(torch.tensor(1.0))
    with pytest.raises(ShapeError, match=r"routers must be three numbers \(Ri, Rm, Ro\), not"):
        ClosLinear(7, 5, (3, 2))
    with pytest.raises(ShapeError, match="input_routers must be at most in_features"):
        ClosLinear(7, 5, (8, 2, 2))


def test_net_refuses_layers_that_do_not_fit():
    with pytest.raises(ShapeError, match="at least one layer"):
        ClosNet([])
    with pytest.raises(ShapeError, match=r"layer 1 .*in_features must be 6.*layer 0.*not 5"):
        ClosNet([ClosShape(7, 6, 3, 2, 2), ClosShape(5, 4, 1, 2, 2)])
