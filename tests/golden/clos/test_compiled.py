"""A Clos layer in compiled code: equal to the definition, and used for what it can do alone."""

import dataclasses
import itertools
import platform
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from golden import ClosLinear, ClosShape
from golden.clos.compiled import MOST_ROWS
from golden.operators.library import CODE, loaded
from golden.system.cpp import built
from tests.support.clos_definition import einsum_form
from tests.support.compiled_layers import compiled_layers, counted

SHAPES = [
    (12, 20, 3, 4, 5), (13, 11, 4, 3, 2), (6, 5, 1, 2, 1), (7, 4, 7, 1, 4), (1, 1, 1, 1, 1),
    (67, 83, 5, 39, 3), (40, 33, 37, 70, 33), (130, 9, 2, 17, 9), (9, 150, 9, 66, 2),
]  # Rows of less than a vector, of one, and of more than four with a rest.
SAMPLES = (1, 2, 3, 4, 7, MOST_ROWS, 16, 37, 130)  # By rows; by columns in one part, and in three.
TOLERANCE = {"rtol": 1e-4, "atol": 2e-5}  # Sums of some hundred products in float32.


def values(*size):
    torch.manual_seed(len(size))
    return torch.randn(*size)


def make(numbers, recompute=False, bias=True):
    torch.manual_seed(0)
    layer = ClosLinear.of_shape(ClosShape(*numbers), bias, recompute=recompute)
    if bias:
        nn.init.normal_(layer.bias)
    return layer


def assert_like_definition(layer, x, back):
    exact = ClosLinear.of_shape(layer.shape, layer.bias is not None, dtype=torch.float64)
    exact.load_state_dict(layer.state_dict())
    wide = x.detach().double().requires_grad_()
    wanted = einsum_form(exact, wide)
    y = layer(x)
    torch.testing.assert_close(y, wanted.float(), **TOLERANCE)
    found = torch.autograd.grad(y, (x, *layer.parameters()), back)
    gradients = torch.autograd.grad(wanted, (wide, *exact.parameters()), back.double())
    for one, other in zip(found, gradients, strict=True):
        torch.testing.assert_close(one, other.float(), **TOLERANCE)


def marches():
    """Kinds of processors that this one can run, each with vectors of another width."""
    if platform.machine() != "x86_64" or not Path("/proc/cpuinfo").exists():
        return [()]
    flags = Path("/proc/cpuinfo").read_text().split()
    newer = [("-march=x86-64-v3",)] if {"avx2", "fma", "bmi2"} <= set(flags) else []
    return [(), ("-march=x86-64",), *newer]


@pytest.fixture(params=[
    pytest.param(flags, id="".join(flags) or "native", marks=[pytest.mark.slow] if flags else [])
    for flags in marches()
])
def operators(request):
    return loaded(built(dataclasses.replace(CODE, flags=request.param)))


@pytest.mark.parametrize("numbers", SHAPES, ids=str)
def test_results_and_gradients_are_those_of_the_definition(operators, numbers, monkeypatch):
    monkeypatch.setattr("golden.clos.compiled.fastest_form", lambda *size: "columns")
    for samples, recompute in itertools.product(SAMPLES, (False, True)):
        layer = make(numbers, recompute)
        x = values(samples, numbers[0]).requires_grad_()
        with compiled_layers(operators):
            assert_like_definition(layer, x, values(samples, numbers[1]))
            assert "compiled" in type(
                make(numbers, bias=False)(x).grad_fn
            )._forward_cls.__module__
            with torch.no_grad():
                torch.testing.assert_close(layer(x), einsum_form(layer, x), **TOLERANCE)


def test_the_matrix_is_that_of_to_dense():
    layer = make(SHAPES[5], bias=False)
    with counted() as calls, torch.no_grad():
        for part in torch.eye(67).split(MOST_ROWS):
            start = int(part[0].argmax())
            wanted = layer.to_dense()[:, start : start + len(part)].T
            torch.testing.assert_close(layer(part), wanted, **TOLERANCE)
    assert calls == ["clos_forward"] * 5


@pytest.mark.parametrize("samples, names", [
    (3, ["clos_forward", "clos_backward"]), (70, ["clos_columns", "clos_columns_backward"]),
])
@pytest.mark.parametrize("needed", range(1, 16))
def test_only_what_is_needed_is_computed(needed, samples, names):
    layer = make(SHAPES[1], bias=False)
    x = values(samples, 13)
    every = [x, *layer.parameters()]
    for index, tensor in enumerate(every):
        tensor.requires_grad_(bool(needed >> index & 1))
    wanted = [tensor for tensor in every if tensor.requires_grad]
    with counted() as calls:
        found = torch.autograd.grad(layer(x).square().sum(), wanted)
    assert calls == names
    expected = torch.autograd.grad(einsum_form(layer, x).square().sum(), wanted)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-3)


def test_a_gradient_of_any_order_in_memory_and_one_that_is_differentiated_again():
    layer, x = make(SHAPES[0]), values(4, 12).requires_grad_()
    with counted() as calls:
        for back in (values(20, 4).T, values(1, 1).expand(4, 20)):
            assert_like_definition(layer, x, back)
        assert calls == ["clos_forward", "clos_backward"] * 2
        del calls[:]
        for many in (values(12, 70).T, values(70, 12), values(140, 24)[::2, ::2]):
            for back in (values(20, 70).T, values(70, 20), values(1, 1).expand(70, 20)):
                assert_like_definition(layer, many.detach().requires_grad_(), back)
        assert calls == ["clos_columns", "clos_columns_backward"] * 9
        (first,) = torch.autograd.grad(layer(x).pow(3).sum(), x, create_graph=True)
        found = torch.autograd.grad(first.square().sum(), (x, *layer.weights))
    (first,) = torch.autograd.grad(einsum_form(layer, x).pow(3).sum(), x, create_graph=True)
    wanted = torch.autograd.grad(first.square().sum(), (x, *layer.weights))
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-2)


def kept(layer, x):
    found = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: found.append(t) or t, lambda t: t):
        layer(x)
    own = {id(p) for p in layer.parameters()}
    return sum(tensor.numel() for tensor in found if id(tensor) not in own)


def test_what_is_kept_is_what_other_forms_keep_and_may_be_put_elsewhere():
    inputs, _, ri, rm, ro = SHAPES[1]
    x, back = values(6, inputs).requires_grad_(), values(6, 11)
    with counted() as calls:
        assert kept(make(SHAPES[1]), x) == 6 * (inputs + rm * (ri + ro))
        assert kept(make(SHAPES[1], recompute=True), x) == 6 * inputs
        del calls[:]
        with torch.autograd.graph.saved_tensors_hooks(torch.clone, torch.clone):
            assert_like_definition(make(SHAPES[1]), x, back)
        assert calls == ["clos_forward"]  # The gradients are not of what was given to it.
        del calls[:]
        assert_like_definition(make(SHAPES[1], recompute=True), x, back)
    assert calls == ["clos_forward", "clos_hidden", "clos_backward"]


def in_float64(layer, x):
    return layer.double()(x.double())


def under_autocast(layer, x):
    with torch.autocast("cpu", torch.bfloat16):
        return layer(x)


def under_a_mode(layer, x):
    with FlopCounterMode(display=False) as mode:
        y = layer(x)
    assert mode.get_total_flops() == 2 * len(x) * layer.shape.parameters
    return y


class Own(torch.Tensor):
    """A class that sees each operation."""


ELSEWHERE = {
    "float64": in_float64,
    "autocast": under_autocast,
    "a mode": under_a_mode,
    "vmap": lambda layer, x: torch.vmap(layer)(x),
    "a class of its own": lambda layer, x: layer(x.as_subclass(Own)).as_subclass(torch.Tensor),
    "strided": lambda layer, x: layer(x.repeat_interleave(2, 1)[:, ::2]),
    "negated": lambda layer, x: layer(torch.ops.aten._neg_view(-x)),
    "forward mode": lambda layer, x: torch.func.jvp(layer, (x,), (x,))[0],
    "traced": lambda layer, x: torch.jit.trace(layer, x, check_trace=False)(x),
    "compiled": lambda layer, x: torch.compile(layer, backend="eager")(x),
}


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_it_does_not_serve_is_computed_as_before(name):
    layer, x = make(SHAPES[0], bias=False), values(2, 12)
    wanted = einsum_form(layer, x).detach()
    with counted() as calls:
        found = ELSEWHERE[name](layer, x).detach()
    assert calls == []
    rough = {"rtol": 0.05, "atol": 0.05} if name == "autocast" else TOLERANCE
    torch.testing.assert_close(found.float(), wanted, **rough)


def test_large_layers_are_left_to_the_products_of_several_threads(monkeypatch):
    monkeypatch.setattr("golden.clos.compiled._ONE_THREAD", 2 * ClosShape(*SHAPES[0]).parameters)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    with counted() as calls, torch.no_grad():
        make(SHAPES[0])(values(3, 12))
        assert calls == []
        make(SHAPES[0])(values(2, 12))
    assert calls == ["clos_forward"]


def test_a_layer_of_more_weights_than_the_matrix_is_multiplied_out_as_before():
    layer = make((6, 5, 2, 20, 2))
    with counted() as calls, torch.no_grad():
        torch.testing.assert_close(layer(values(500, 6)), einsum_form(layer, values(500, 6)))
    assert calls == []


def test_nothing_is_read_of_no_samples_or_of_memory_that_was_given_up():
    layer = make(SHAPES[0])
    with counted() as calls:
        assert layer(values(0, 12)).shape == (0, 20)
        assert layer.to("meta")(torch.empty(2, 12, device="meta")).is_meta
    assert calls == []
