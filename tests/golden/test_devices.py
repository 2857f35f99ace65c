"""Layers compute wherever their weights are: on "meta" any tensor made elsewhere is an error."""

import pytest
import torch

from golden import ClosLinear
from golden.clos.forms import fastest_form
from golden.layers import (
    ClosConv1d,
    ClosConv2d,
    ClosGRU,
    ClosLSTM,
    ClosMultiheadAttention,
    ClosStages,
    LowRankConv2d,
    LowRankLinear,
    SparseCascade,
    SparseRandomConv2d,
)
from golden.topologies import parse_topology

SKIPPING = parse_topology("butterfly:16,4+skip")


@pytest.mark.parametrize(
    ("routers", "samples", "form"),
    [
        ((32, 16, 32), 64, "columns"),
        ((32, 16, 32), 12, "padded columns"),
        ((32, 256, 32), 1, "rows"),
        ((32, 2048, 32), 5000, "matrix"),
    ],
)
def test_n29_every_form_stays_on_the_device(routers, samples, form, monkeypatch):
    layer = ClosLinear(1024, 1024, routers, device="meta")
    assert fastest_form(layer.shape, samples) == form
    monkeypatch.setattr("golden.clos.function.fastest_form", lambda *size: form)
    x = torch.empty(samples, 1024, device="meta", requires_grad=True)
    layer(x).sum().backward()
    assert x.grad.device.type == "meta" and layer.to_dense().device.type == "meta"


@pytest.mark.parametrize(
    ("layer", "size"),
    [
        (LowRankLinear(16, 20, 3), (4, 16)),
        (LowRankConv2d(4, 6, 2, kernel_size=3), (2, 4, 8, 8)),
        (SparseCascade(SKIPPING.masks, SKIPPING.constants), (4, 16)),
        (SparseCascade([torch.eye(40).bool()]), (4, 40)),  # By connections.
        (ClosConv2d(4, 6, (2, 2, 2), kernel_size=3), (2, 4, 8, 8)),
        (ClosConv1d(4, 6, (2, 2, 2), kernel_size=3), (2, 4, 8)),
        (SparseRandomConv2d(4, 6, 3, alpha=0.5), (2, 4, 8, 8)),
        (ClosLSTM(8, 6, reduction=0.5), (3, 2, 8)),
        (ClosLSTM(8, 6, reduction=0.5, bidirectional=True), (3, 2, 8)),
        (ClosGRU(8, 6, reduction=0.5), (3, 2, 8)),
        (ClosStages(8, 6, (2, 2, 3), activation=torch.relu), (4, 8)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_layers_stay_on_the_device(layer, size):
    x = torch.empty(size, device="meta", requires_grad=True)
    y = layer.to("meta")(x)
    y = y[0] if isinstance(y, tuple) else y
    y.sum().backward()
    assert x.grad.device.type == "meta"
    if isinstance(layer, ClosStages):  # It stands for no dense layer.
        return
    whole = layer.to_dense()
    one = whole if isinstance(whole, torch.Tensor) else next(whole.parameters())
    assert one.device.type == "meta"


@pytest.mark.parametrize("need_weights", [True, False])
def test_attention_stays_on_the_device(need_weights):
    layer = ClosMultiheadAttention(8, 2, reduction=1.0, device="meta")
    x = torch.empty(3, 2, 8, device="meta", requires_grad=True)
    y, _ = layer(x, x, x, need_weights=need_weights, is_causal=True)
    y.sum().backward()
    assert x.grad.device.type == "meta"
    assert {one.device.type for one in layer.to_dense().parameters()} == {"meta"}
