"""Inputs of every form, hooks, and layers as parts of models."""

import torch
from torch import nn

from tests.support.compat.layers import (
    ATTENTION,
    IMAGES,
    SERIES,
    SIGNALS,
    Absent,
    equal,
    tensors,
)


def _same_shapes(case, x):
    """Compute, and compare shapes with PyTorch's layer."""
    found, wanted = tensors(case.make()(x)), tensors(case.dense()(x))
    assert [one.shape for one in found] == [one.shape for one in wanted]
    return found


def empty(case):
    if case.name in SERIES:
        raise Absent("refused, as by nn.LSTM")
    for one in _same_shapes(case, case.x(0)):
        assert one.shape[0] == 0
    case.make()(case.x(0).requires_grad_()).sum().backward()


def single(case):
    x = case.x(3)
    found = _same_shapes(case, x[1])
    if case.name in SERIES:
        equal(found[0], case.make()(x)[0][1])
    else:
        equal(found[0], case.make()(x)[1])


def deep(case):
    if case.name in (*SIGNALS, *SERIES, ATTENTION):
        raise Absent("as PyTorch's layer")
    x = case.x(2, 3)
    (found,) = _same_shapes(case, x)
    equal(found.flatten(0, 1), case.make()(x.flatten(0, 1)))


def strided(case):
    x = case.x(6)
    layer = case.make()
    for odd in (x[::2], x.transpose(0, -1).contiguous().transpose(0, -1), x[:1].expand_as(x)):
        given = odd.detach().clone(memory_format=torch.contiguous_format)
        equal(layer(odd), layer(given))
        ways = [one.detach().requires_grad_() for one in (odd, given)]
        for one in ways:
            sum(each.square().sum() for each in tensors(layer(one))).backward()
        equal(ways[0].grad, ways[1].grad)
    assert x.equal(case.x(6))


def channels_last(case):
    if case.name not in IMAGES:
        raise Absent("of images alone")
    x, layer = case.x(6), case.make()
    equal(layer(x.to(memory_format=torch.channels_last)), layer(x))
    equal(layer.to(memory_format=torch.channels_last)(x), case.make()(x))


def hooked(case):
    layer, seen, x = case.make(), [], case.x(5).requires_grad_()
    handles = [
        layer.register_forward_pre_hook(lambda *_: seen.append("before")),
        layer.register_forward_hook(lambda *_: seen.append("after")),
        layer.register_full_backward_hook(lambda *_: seen.append("backward")),
    ]
    sum(one.sum() for one in tensors(layer(x))).backward()
    assert seen == ["before", "after", "backward"]
    for handle in handles:
        handle.remove()
    first = next(layer.parameters())
    first.register_hook(lambda gradient: gradient * 0)
    sum(one.sum() for one in tensors(layer(x))).backward()


def sliced(case):
    model = nn.Sequential(nn.Identity(), case.make(), nn.Identity())
    equal(model[:2](case.x(5)), case.make()(case.x(5)))
    assert len(model[1:]) == 2 and len(list(model[1:].parameters())) == len(
        list(case.make().parameters())
    )


def described(case):
    text = repr(case.make())
    assert text.startswith(type(case.make()).__name__ + "(")
    if case.name not in (*SERIES, ATTENTION):
        for size in ("4", "6") if case.name in SIGNALS else ("13", "11"):
            assert size in text
    assert "object at" not in text and "tensor(" not in text


def weight_read(case):
    """`layer.weight`, which code for PyTorch's layers reads; it is computed, and so not set."""
    layer = case.make()
    if not isinstance(getattr(layer, "to_dense", lambda: None)(), torch.Tensor):
        raise Absent("stands for no single weight")
    weight = layer.weight
    if isinstance(weight, nn.Parameter):
        return "its own weight; the dense one is `to_dense()`"
    assert weight.shape == case.dense().weight.shape and weight.dtype == torch.float32
    equal(weight, layer.to_dense(), 0)
    try:
        layer.weight = torch.zeros_like(weight)
    except (AttributeError, TypeError):
        return None
    raise AssertionError("weight can be set, and nothing follows")
