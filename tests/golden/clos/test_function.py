"""The products of a Clos layer and of its gradient: equal to the definition in every transform."""

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad

from golden import ClosLinear, ClosShape
from golden.clos.forms import transposing_pays
from tests.support.clos_definition import einsum_form

SHAPES = [(12, 20, 3, 4, 5), (13, 11, 4, 3, 2), (6, 5, 1, 2, 1), (7, 4, 7, 1, 4)]
FORMS = ["rows", "columns", "padded columns", "matrix"]
OWN = ["rows", "columns"]  # Of which the gradient is written out.


@pytest.fixture(params=OWN)
def form(request, monkeypatch):
    monkeypatch.setattr("golden.clos.function.fastest_form", lambda *size: request.param)
    return request.param


def make(numbers, recompute=False, bias=True):
    torch.manual_seed(0)
    shape = ClosShape(*numbers)
    layer = ClosLinear.of_shape(shape, bias, dtype=torch.float64, recompute=recompute)
    if bias:
        nn.init.normal_(layer.bias)
    return layer


def values(*size):
    torch.manual_seed(len(size))
    return torch.randn(*size, dtype=torch.float64)


def assert_same_gradients(layer, x, back):
    wanted = torch.autograd.grad(einsum_form(layer, x), (x, *layer.parameters()), back)
    found = torch.autograd.grad(layer(x), (x, *layer.parameters()), back)
    torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("samples", [0, 1, 2, 15])
@pytest.mark.parametrize("numbers", SHAPES)
@pytest.mark.parametrize("name", FORMS)
def test_results_and_gradients_are_those_of_the_definition(
    name, numbers, samples, recompute, monkeypatch
):
    monkeypatch.setattr("golden.clos.function.fastest_form", lambda *size: name)
    layer = make(numbers, recompute)
    x = values(samples, numbers[0]).requires_grad_()
    torch.testing.assert_close(layer(x), einsum_form(layer, x), rtol=1e-12, atol=1e-12)
    with torch.no_grad():
        torch.testing.assert_close(layer(x), einsum_form(layer, x), rtol=1e-12, atol=1e-12)
    assert_same_gradients(layer, x, values(samples, numbers[1]))


@pytest.mark.parametrize("numbers, turned", [
    ((64, 48, 8, 3, 6), [True, True]),  # Rows of 8 and of 8.
    ((64, 36, 8, 8, 6), [False, True]), ((36, 48, 6, 8, 6), [False, False]),
    ((60, 44, 7, 3, 5), [False, False, True, True]),  # Groups of 9 and 8, and of 9 and 8.
])
def test_products_of_many_samples_may_be_transposed(numbers, turned, monkeypatch):
    found = []

    def pays(left, right):
        found.append(transposing_pays(left, right))
        return found[-1]

    monkeypatch.setattr("golden.clos.gradients.transposing_pays", pays)
    layer = make(numbers)
    x, back = values(300, numbers[0]).requires_grad_(), values(numbers[1], 300).T
    assert_same_gradients(layer, x, back)
    assert sorted(found) == sorted(turned)
    weight = layer.input_weight
    assert torch.autograd.grad(layer(x), weight, back)[0].stride() == weight.stride()


@pytest.mark.parametrize("samples", [1, 4])
@pytest.mark.parametrize("numbers", SHAPES[:2])
def test_memory_of_inputs_and_of_what_comes_back_may_have_any_order(form, numbers, samples):
    layer = make(numbers)
    whole = values(2 * samples, 2 * numbers[0])
    rows = (
        whole[::2, ::2],
        values(numbers[0], samples).T,
        values(1, numbers[0]).expand(samples, -1),
        values(samples, 1).expand(-1, numbers[0]),
        whole[:samples, : numbers[0]],
    )
    backs = values(numbers[1], samples).T, values(1, 1).expand(samples, numbers[1])
    for x in rows:
        for back in backs:
            torch.testing.assert_close(layer(x), einsum_form(layer, x))
            assert_same_gradients(layer, x.detach().requires_grad_(), back)


@pytest.mark.parametrize("needed", range(1, 16))
def test_only_what_is_needed_is_computed(form, needed):
    layer = make(SHAPES[1], bias=False)
    x = values(3, 13)
    every = [x, *layer.parameters()]
    for index, tensor in enumerate(every):
        tensor.requires_grad_(bool(needed >> index & 1))
    wanted = [tensor for tensor in every if tensor.requires_grad]
    torch.testing.assert_close(
        torch.autograd.grad(layer(x).square().sum(), wanted),
        torch.autograd.grad(einsum_form(layer, x).square().sum(), wanted),
    )


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("numbers", [(4, 6, 2, 2, 3), (5, 3, 2, 2, 2)])
@pytest.mark.parametrize("samples", [1, 2])
def test_first_and_second_derivatives_are_right(form, numbers, samples, recompute):
    layer = make(numbers, recompute)
    names = list(dict(layer.named_parameters()))

    def call(x, *parameters):
        return torch.func.functional_call(layer, dict(zip(names, parameters, strict=True)), x)

    given = values(samples, numbers[0]).requires_grad_(), *layer.parameters()
    assert "Products" in type(call(*given).grad_fn.next_functions[0][0]).__name__
    assert torch.autograd.gradcheck(call, given)
    assert torch.autograd.gradgradcheck(call, given)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # Of PyTorch's own jacfwd.
def test_transforms_of_torch_func_and_forward_mode_agree(form):
    layer = make(SHAPES[1])
    x = values(3, 13)
    matrix = layer.to_dense().detach()
    for jacobian in (torch.func.jacrev, torch.func.jacfwd):
        torch.testing.assert_close(jacobian(layer)(x[0]), matrix)

    def loss(parameters, row):
        return torch.func.functional_call(layer, parameters, row).square().sum()

    parameters = {name: p.detach() for name, p in layer.named_parameters()}
    each = torch.vmap(torch.func.grad(loss), in_dims=(None, 0))(parameters, x)
    for index, row in enumerate(x):
        wanted = torch.autograd.grad(layer(row).square().sum(), list(layer.parameters()))
        torch.testing.assert_close([of[index] for of in each.values()], list(wanted))
    hessian = torch.func.hessian(lambda row: layer(row).square().sum())(x[0])
    torch.testing.assert_close(hessian, 2 * matrix.T @ matrix)
    with forward_ad.dual_level():
        dual = layer(forward_ad.make_dual(x, x.flip(0)))
        found = forward_ad.unpack_dual(dual).tangent
    torch.testing.assert_close(found, x.flip(0) @ matrix.T)


@pytest.mark.parametrize("numbers", SHAPES[:2])
@pytest.mark.parametrize("samples", [1, 3])
def test_results_may_be_changed_in_place(form, numbers, samples):
    layer = make(numbers, bias=False)
    x = values(samples, numbers[0]).requires_grad_()
    found = torch.autograd.grad(layer(x).relu_().sum(), x)
    torch.testing.assert_close(found, torch.autograd.grad(einsum_form(layer, x).relu().sum(), x))


def kept(layer, x):
    found = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: found.append(t) or t, lambda t: t):
        layer(x)
    own = {id(p) for p in layer.parameters()}
    return sum(tensor.numel() for tensor in found if id(tensor) not in own)


@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize("numbers", SHAPES[:2])
def test_recomputing_keeps_the_inputs_alone(form, numbers, autocast):
    inputs, _, ri, rm, ro = numbers
    x = values(6, inputs).float().requires_grad_()
    plain, recomputing = (make(numbers, recompute).float() for recompute in (False, True))
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        cast = plain.shape.parameters if autocast else 0  # The weights in bfloat16.
        assert kept(plain, x) - cast == 6 * (inputs + rm * (ri + ro))
        assert kept(recomputing, x) - cast == 6 * inputs
        assert recomputing(x).dtype == nn.Linear(inputs, 3)(x).dtype


def test_a_step_takes_nine_products_and_copies_nothing_by_columns():
    layer = ClosLinear(64, 64, (8, 8, 8), bias=False)
    x, back = torch.randn(32, 64, requires_grad=True), torch.randn(32, 64)
    with torch.autograd.profiler.profile() as profile:
        torch.autograd.grad(layer(x), (x, *layer.parameters()), back)
    calls = {event.key: event.count for event in profile.key_averages()}
    assert calls["aten::bmm"] == 9
    assert not set(calls) & {"aten::copy_", "aten::clone", "aten::contiguous", "aten::cat"}


def test_parameters_of_other_classes_and_vmapped_weights_are_served():
    class Own(torch.Tensor):
        pass

    layer = make(SHAPES[0])
    x = values(2, 12)
    torch.testing.assert_close(layer(x.as_subclass(Own)).as_subclass(torch.Tensor), layer(x))
    stacked = {name: torch.stack([p, 2 * p]) for name, p in layer.named_parameters()}
    both = torch.vmap(lambda parameters: torch.func.functional_call(layer, parameters, x))(stacked)
    torch.testing.assert_close(both[0], layer(x))
