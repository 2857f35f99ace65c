"""The walk of a recurrent layer in compiled code, against the same in PyTorch's own operations."""

import pytest
import torch

from golden import ClosLinear
from golden.layers import ClosGRU, ClosLSTM
from golden.recurrent.cells import CELLS
from golden.recurrent.function import WalkCall, fast_walk
from golden.recurrent.operator import compiled_walk
from tests.support.compiled_layers import compiled_layers, counted

SIZES = {"even": (16, 16), "remainders": (13, 7), "large": (128, 128)}
NAMES = {
    cell: ["map_forward", f"{cell}_forward", f"{cell}_backward", "map_backward", "map_backward"]
    for cell in CELLS
}


def make(cell, sizes, times, samples, bias=True, all_cells=False):
    torch.manual_seed(0)
    inputs, hidden = SIZES[sizes]
    outputs = CELLS[cell].gates * hidden
    maps = [
        ClosLinear.from_budget(size, outputs, reduction=1.2, bias=bias) for size in (inputs, hidden)
    ]
    for one in maps:
        if bias:
            torch.nn.init.normal_(one.bias)
    x = torch.randn(times, samples, inputs, requires_grad=True)
    states = [torch.randn(samples, hidden, requires_grad=True) for _ in range(CELLS[cell].states)]
    call = WalkCall(cell, (maps[0].shape, maps[1].shape), all_cells)
    tensors = [*maps[0].weights, maps[0].bias, *maps[1].weights, maps[1].bias, *states]
    return call, x, tensors


def double(one):
    return None if one is None else one.detach().double().requires_grad_()


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    "sizes, times, samples, bias, all_cells",
    [
        ("even", 3, 1, True, False),
        ("even", 5, 20, False, True),  # Three steps in a part.
        ("even", 70, 17, True, True),  # Three chunks of steps, the last one shorter.
        ("remainders", 4, 3, True, True),
        ("remainders", 9, 100, True, False),  # A step in two parts.
        ("large", 3, 2, True, True),
    ],
)
def test_outputs_and_gradients_are_those_of_the_plain_walk_in_float64(
    cell, sizes, times, samples, bias, all_cells
):
    call, x, tensors = make(cell, sizes, times, samples, bias, all_cells)
    wide_x, wide = double(x), [double(one) for one in tensors]
    wanted = call.plain(wide_x, tuple(wide))
    backs = [torch.randn_like(one).float() for one in wanted]
    gradients = torch.autograd.grad(
        wanted, [one for one in (wide_x, *wide) if one is not None], [b.double() for b in backs]
    )
    given = [one for one in (x, *tensors) if one is not None]
    for computed in (fast_walk, compiled_walk):
        with counted() as calls:
            outputs = computed(call, x, *tensors)
            found = torch.autograd.grad(outputs, given, backs)
        assert set(calls) == set(NAMES[cell])
        for one, want in zip((*outputs, *found), (*wanted, *gradients), strict=True):
            scale = float(want.detach().abs().max())  # Of what was added up.
            torch.testing.assert_close(one.double(), want, rtol=1e-4, atol=1e-5 * max(scale, 1))
    with counted() as calls, torch.no_grad():
        torch.testing.assert_close(fast_walk(call, x, *tensors), outputs)
    assert set(calls) == set(NAMES[cell][:2])


@pytest.mark.parametrize("forward, backward", [(True, False), (False, True)])
@pytest.mark.parametrize("samples", [3, 20])
@pytest.mark.parametrize("cell", CELLS)
def test_it_may_be_switched_between_the_passes(cell, samples, forward, backward):
    call, x, tensors = make(cell, "large", 4, samples)
    found = []
    for passes in ((forward, backward), (False, False)):
        with compiled_layers(used=passes[0]):
            outputs = fast_walk(call, x, *tensors)
        with compiled_layers(used=passes[1]):
            found.append(torch.autograd.grad(outputs[0].square().sum(), [x, *tensors]))
    torch.testing.assert_close(*found, rtol=1e-3, atol=1e-3)


def test_second_derivatives_are_right():
    call, x, tensors = make("lstm", "remainders", 2, 2)
    found = []
    with compiled_layers():
        for outputs in (fast_walk(call, x, *tensors), call.plain(x, tuple(tensors))):
            (first,) = torch.autograd.grad(outputs[0].square().sum(), x, create_graph=True)
            found.append(torch.autograd.grad(first.square().sum(), [x, *tensors[:7]]))
    torch.testing.assert_close(*found, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("value", [float("nan"), 3e4, -3e4])
@pytest.mark.parametrize("kind", [ClosLSTM, ClosGRU])
def test_values_that_are_none_and_large_ones_are_as_before(kind, value):
    torch.manual_seed(0)
    layer, x = kind(16, 16, reduction=1.2), torch.randn(3, 2, 16)
    x[0, 0, 3] = value
    with compiled_layers(), torch.no_grad():
        found = layer(x)[0]
    with compiled_layers(used=False), torch.no_grad():
        wanted = layer(x)[0]
    torch.testing.assert_close(found, wanted, equal_nan=True, rtol=1e-4, atol=1e-5)


def test_many_samples_other_types_and_threads_are_computed_as_before(monkeypatch):
    layer = ClosLSTM(16, 16, reduction=1.2)
    with counted() as calls, torch.no_grad():
        layer(torch.randn(2, 200, 16))
        with torch.autocast("cpu", torch.bfloat16):
            layer(torch.randn(2, 3, 16))
        monkeypatch.setattr("golden.recurrent.compiled._ONE_THREAD", 10)
        monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
        layer(torch.randn(2, 3, 16))
        layer.double()(torch.randn(2, 3, 16).double())
    assert set(calls) <= {"clos_columns", "clos_forward"}
    assert not calls
