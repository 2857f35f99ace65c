"""Layers that are made without memory, copied, and written to files."""

import copy
import io
import pickle

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from tests.support.compat.layers import equal, grown_cascade, grown_convolution, tensors


def _filled_later(case):
    with torch.device("meta"):
        inside = case.make()
    return inside, case.make(device="meta")


def reset_after_meta(case):
    wanted = case.make()
    for layer in _filled_later(case):
        assert all(one.is_meta for one in layer.parameters())
        # What was there before is not what a new layer has.
        layer.to_empty(device="cpu")
        with torch.no_grad():
            for one in (*layer.parameters(), *layer.buffers()):
                one.fill_(float("nan") if one.is_floating_point() else 10**6)
        for module in layer.modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
        assert all(one.isfinite().all() and not one.is_meta for one in layer.parameters())
        for name, one in layer.named_buffers():
            assert one.shape == wanted.get_buffer(name).shape
        assert all(one.isfinite().all() for one in tensors(layer(case.x(5))))
        if case.name == "SparseCascade":  # Of the other one they are drawn anew.
            equal(list(layer.buffers()), list(wanted.buffers()))
        layer.load_state_dict(wanted.state_dict())
        equal(layer(case.x(5)), wanted(case.x(5)), 0)


def assigned_to_meta(case):
    wanted = case.make()
    for layer in _filled_later(case):
        layer.load_state_dict(wanted.state_dict(), assign=True)
        equal(layer(case.x(5)), wanted(case.x(5)), 0)


def fake(case):
    with FakeTensorMode():
        layer = case.make()
        found = layer(case.x(5))
    wanted = case.make()(case.x(5))
    shapes = [[tuple(one.shape) for one in tensors(each)] for each in (found, wanted)]
    assert shapes[0] == shapes[1], shapes


def copied(case):
    layer, x = case.make(), case.x(5)
    layer(x)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        equal(other(x), layer(x), 0)
        pairs = zip(other.parameters(), layer.parameters(), strict=True)
        assert all(one is not own for one, own in pairs)


def saved(case):
    layer, x = case.make(), case.x(5)
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    file.seek(0)
    other = case.make()
    other.load_state_dict(torch.load(file, weights_only=True))
    equal(other(x), layer(x), 0)


def safetensors(case):
    import safetensors.torch

    layer, x, other = case.make(), case.x(5), case.make()
    with torch.no_grad():
        for one in layer.parameters():
            one.add_(1)
    saved = safetensors.torch.save(layer.state_dict())
    other.load_state_dict(safetensors.torch.load(saved))
    equal(other(x), layer(x), 0)


def states(case):
    layer, other, x = case.make(), case.make(), case.x(5)
    with torch.no_grad():
        for one in layer.parameters():
            one.add_(0.5)
    state = layer.state_dict()
    assert other.load_state_dict(state) == ([], [])
    equal(other(x), layer(x), 0)
    left = next(name for name in state if name.rpartition(".")[2].startswith("bias"))
    partial = {name: value for name, value in state.items() if name != left}
    assert case.make().load_state_dict(partial, strict=False) == ([left], [])
    fails(RuntimeError, "Missing key", lambda: case.make().load_state_dict(partial))
    more = {**state, "other": torch.ones(1)}
    fails(RuntimeError, "Unexpected key", lambda: case.make().load_state_dict(more))
    name = next(iter(state))
    wrong = {**state, name: torch.cat([state[name]] * 2, -1)}
    for strict in (True, False):
        target = case.make()
        held = dict(target.named_parameters())
        fails(RuntimeError, name, lambda t=target, s=strict: t.load_state_dict(wrong, strict=s))
        assert all(one is held[key] for key, one in target.named_parameters())
    others = {"SparseCascade": grown_cascade, "SparseRandomConv2d": grown_convolution}
    if case.name in others:
        _refuses_another_degree(case.make(), others[case.name]().state_dict())


def _refuses_another_degree(target, state):
    """A larger parameter in the place of one would not be in the optimiser."""
    held = dict(target.named_parameters())
    for strict in (True, False):
        fails(
            RuntimeError,
            "load the state of its Densification first",
            lambda s=strict: target.load_state_dict(state, strict=s),
        )
        assert all(one is held[key] for key, one in target.named_parameters())


def fails(kind, message, call):
    try:
        call()
    except kind as error:
        assert message in str(error), error
    else:
        raise AssertionError(f"{kind.__name__} with {message!r} is not raised")
