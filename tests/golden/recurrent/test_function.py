"""The walk as one operation of autograd, against the same in PyTorch's own operations."""

import pytest
import torch

from golden import ClosLinear
from golden.recurrent.cells import CELLS
from golden.recurrent.forms import walk
from golden.recurrent.function import WalkCall, fast_walk
from golden.recurrent.operator import _walked, compiled_walk

HIDDEN = {"even": (16, 16), "remainders": (13, 7), "padded": (128, 128)}


def make(cell, sizes, times, samples, bias=True, all_cells=False):
    torch.manual_seed(0)
    inputs, hidden = HIDDEN[sizes]
    outputs = CELLS[cell].gates * hidden
    maps = [
        ClosLinear.from_budget(size, outputs, reduction=1.2, bias=bias, dtype=torch.float64)
        for size in (inputs, hidden)
    ]
    for one in maps:
        if bias:
            torch.nn.init.normal_(one.bias)
    x = torch.randn(times, samples, inputs, dtype=torch.float64, requires_grad=True)
    states = [
        torch.randn(samples, hidden, dtype=torch.float64, requires_grad=True)
        for _ in range(CELLS[cell].states)
    ]
    call = WalkCall(cell, (maps[0].shape, maps[1].shape), all_cells)
    tensors = [*maps[0].weights, maps[0].bias, *maps[1].weights, maps[1].bias, *states]
    return call, x, tensors


def given(x, tensors):
    return [one for one in (x, *tensors) if one is not None]


def assert_equal(found, wanted, inputs, backs=None):
    torch.testing.assert_close(found, wanted)
    backs = [torch.randn_like(one) for one in wanted] if backs is None else backs
    torch.testing.assert_close(
        torch.autograd.grad(found, inputs, backs, allow_unused=True, materialize_grads=True),
        torch.autograd.grad(wanted, inputs, backs, allow_unused=True, materialize_grads=True),
    )


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    "sizes, times, samples, bias, all_cells",
    [
        ("even", 3, 1, True, False),
        ("even", 5, 20, False, True),
        ("even", 70, 17, True, True),  # Three chunks of steps, the last one shorter.
        ("remainders", 4, 3, True, True),
        ("remainders", 40, 16, True, False),
        ("padded", 3, 2, True, True),  # As 16 samples.
        ("padded", 2, 5, False, False),
        ("even", 1, 1, True, False),
    ],
)
def test_outputs_and_gradients_are_those_of_the_plain_walk(
    cell, sizes, times, samples, bias, all_cells
):
    call, x, tensors = make(cell, sizes, times, samples, bias, all_cells)
    padded = call.walk(x, tuple(tensors)).columns
    assert padded == (16 if sizes == "padded" else samples)
    for computed in (fast_walk, compiled_walk):
        found, wanted = computed(call, x, *tensors), call.plain(x, tuple(tensors))
        assert all(one.is_contiguous() for one in found)
        assert_equal(found, wanted, given(x, tensors))
    with torch.no_grad():
        torch.testing.assert_close(fast_walk(call, x, *tensors), wanted)


@pytest.mark.parametrize("only", [0, 1])
def test_outputs_that_nothing_asks_for_have_no_gradients(only):
    call, x, tensors = make("lstm", "even", 4, 3)
    found, wanted = fast_walk(call, x, *tensors), call.plain(x, tuple(tensors))
    back = [torch.randn_like(found[only])]
    assert_equal([found[only]], [wanted[only]], given(x, tensors), back)


def test_a_walk_is_differentiated_twice_over_and_of_frozen_weights():
    call, x, tensors = make("lstm", "even", 4, 3)
    tensors[0].requires_grad_(False)
    inputs = [one for one in given(x, tensors) if one.requires_grad]
    y = fast_walk(call, x, *tensors)
    for _ in range(2):
        torch.autograd.backward(y, [torch.ones_like(one) for one in y], retain_graph=True)
    wanted = torch.autograd.grad(
        [one.sum() for one in call.plain(x, tuple(tensors))], inputs
    )
    for one, want in zip(inputs, wanted, strict=True):
        torch.testing.assert_close(one.grad, 2 * want)
    assert tensors[0].grad is None


@pytest.mark.parametrize("cell", CELLS)
def test_second_derivatives_are_right(cell):
    call, x, tensors = make(cell, "remainders", 2, 1, all_cells=True)
    inputs = given(x, tensors)
    seconds = []
    for outputs in (fast_walk(call, x, *tensors), call.plain(x, tuple(tensors))):
        loss = sum(one.square().sum() for one in outputs)
        firsts = torch.autograd.grad(loss, inputs, create_graph=True)
        total = sum(one.square().sum() for one in firsts)
        seconds.append(torch.autograd.grad(total, inputs))
    torch.testing.assert_close(*seconds)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("keep", [True, False])
def test_the_operator_is_what_pytorch_asks_of_one(cell, keep):
    call, x, tensors = make(cell, "even", 3, 2, all_cells=True)
    numbers = [number for shape in call.shapes for number in shape.as_tuple()]
    if not keep:
        x, tensors = x.detach(), [one.detach() for one in tensors]
    torch.library.opcheck(
        _walked, (cell, numbers, True, keep, x, tensors),
        test_utils=("test_schema", "test_faketensor", "test_autograd_registration"),
    )  # fmt: skip


def test_forms_give_the_same():
    call, x, tensors = make("gru", "even", 3, 2)
    maps = [ClosLinear.of_shape(shape, dtype=torch.float64) for shape in call.shapes]
    states = (tensors[-1],)
    wanted = walk("gru", *maps, x, states, True, True)

    def calls():
        return walk("gru", *maps, x, states, True, True)[0].grad_fn.name()

    assert calls() == "_WalkedBackward"
    hook = maps[1].register_forward_hook(lambda *_: None)
    assert calls() == "StackBackward0"
    torch.testing.assert_close(walk("gru", *maps, x, states, True, True), wanted)
    hook.remove()
    with torch.autocast("cpu", torch.bfloat16):
        assert calls() == "StackBackward0"
    assert calls() == "_WalkedBackward"
