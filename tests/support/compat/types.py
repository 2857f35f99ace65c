"""Layers in other types of numbers, and what leaves them alone."""

import warnings

import torch
from torch import nn

from tests.support.compat.layers import equal, gradients, tensors


def autocast(dtype):
    def run(case):
        layer, dense, x = case.make(), case.dense(), case.x(5)
        with torch.autocast("cpu", dtype=dtype):
            found = tensors(layer(x))
            # As where oneDNN has the primitive of an LSTM: not on every CPU.
            lstm = isinstance(dense, nn.LSTM)
            kinds = [dtype] * 3 if lstm else [one.dtype for one in tensors(dense(x))]
            assert [one.dtype for one in found] == kinds, [one.dtype for one in found]
            sum(one.float().sum() for one in found).backward()
        assert all(one.grad.dtype == torch.float32 for one in layer.parameters())
        equal([one.float() for one in found], layer(x), 0.05)

    return run


def typed(dtype):
    def run(case):
        layer, exact = case.make(dtype=dtype), case.make(dtype=torch.float64)
        exact.load_state_dict(layer.state_dict())
        x = case.x(5).to(dtype)
        found = tensors(layer(x))
        assert {one.dtype for one in found} == {dtype}
        equal([one.double() for one in found], exact(x.double()), 0.1)
        assert all(one.dtype == dtype for one in gradients(layer, x).values())

    return run


def dynamically_quantised(case):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # It is itself about to go.
        quantised = torch.ao.quantization.quantize_dynamic(
            nn.Sequential(case.make(), nn.Linear(3, 3)), dtype=torch.qint8
        )
    assert type(quantised[1]) is not nn.Linear
    kinds = {type(one) for one in quantised[0].modules()}
    assert kinds == {type(one) for one in case.make().modules()}
    equal(quantised[0](case.x(5)), case.make()(case.x(5)))
    return "changes nothing"
