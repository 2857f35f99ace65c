"""Convolutions of low rank, beside nn.Conv2d with the weights multiplied out."""

import pytest
import torch
from torch import nn

from golden import ShapeError
from golden.layers import LowRankConv2d

OPTIONS = [
    {},
    {"kernel_size": 3, "padding": 1},
    {"kernel_size": (3, 1), "stride": (2, 1), "padding": (1, 0), "bias": False},
    {"kernel_size": 3, "padding": "same", "dilation": 2, "padding_mode": "reflect"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_it_computes_what_the_dense_one_does(options):
    torch.manual_seed(0)
    layer = LowRankConv2d(4, 6, 3, **options)
    dense = nn.Conv2d(4, 6, **({"kernel_size": 1} | options))
    dense.load_state_dict({"weight": layer.to_dense()} | ({} if layer.bias is None else {
        "bias": layer.bias.detach().fill_(0.5)}))
    x = torch.randn(2, 4, 7, 8)
    torch.testing.assert_close(layer(x), dense(x))
    torch.testing.assert_close(layer(x[0]), dense(x)[0])
    assert layer.weight.shape == dense.weight.shape
    assert layer.density == pytest.approx(
        sum(one.numel() for name, one in layer.named_parameters() if "bias" not in name)
        / dense.weight.numel()
    )
    for name in ("stride", "dilation", "kernel_size", "padding", "padding_mode"):
        assert getattr(layer, name) == getattr(dense, name), name


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_of_full_rank_it_is_the_dense_layer(options):
    torch.manual_seed(0)
    dense = nn.Conv2d(4, 6, **({"kernel_size": 1} | options), dtype=torch.float64)
    rank = min(6, dense.weight[0].numel())
    layer = LowRankConv2d.from_dense(dense, rank)
    x = torch.randn(2, 4, 7, 8, dtype=torch.float64)
    torch.testing.assert_close(layer(x), dense(x))
    assert layer.narrow.weight.dtype == torch.float64


def test_it_is_the_nearest_of_its_rank():
    torch.manual_seed(0)
    dense = nn.Conv2d(4, 6, 3)
    layer = LowRankConv2d.from_dense(dense, 2)
    values = torch.linalg.svdvals(dense.weight.detach().flatten(1))
    apart = (layer.to_dense() - dense.weight).detach().norm()
    assert float(apart) == pytest.approx(float(values[2:].norm()), rel=1e-4)


def test_the_largest_rank_of_a_budget():
    layer = LowRankConv2d.from_budget(16, 32, reduction=4.0, kernel_size=3, stride=2)
    dense = 16 * 9 * 32
    assert layer.rank * (16 * 9 + 32) <= dense / 4 < (layer.rank + 1) * (16 * 9 + 32)
    assert layer.stride == (2, 2)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: LowRankConv2d(4, 6, 7), "rank must be from 1 to 4"),
        (lambda: LowRankConv2d(4, 6, 2, kernel_size=(1, 2, 3)), "kernel_size must be a whole num"),
        (lambda: LowRankConv2d(4, 6, 2, stride=0), "stride must be a whole number of at least 1"),
        (lambda: LowRankConv2d(4, 6, 2, padding="around"), "a convolution of 4 to 2 .* cannot be"),
        (lambda: LowRankConv2d(4, 6, 2, dtype=torch.int8), "dtype must be one of real|cannot be"),
        (lambda: LowRankConv2d.from_budget(4, 6, reduction=9.0), "at most 2.4, that of rank 1"),
        (lambda: LowRankConv2d.from_dense(nn.Conv2d(4, 6, 1, groups=2), 1), "in one group, not in"),
        (lambda: LowRankConv2d.from_dense(nn.Linear(4, 6), 1), "layer must be a Conv2d"),
        (lambda: LowRankConv2d(4, 6, 2)(torch.ones(2, 5, 3, 3)), r"shape \[N, 4, H, W\]"),
    ],
)
def test_what_makes_no_layer_is_refused(make, message):
    with pytest.raises(ShapeError, match=message):
        make()


def test_weights_start_in_the_range_of_their_fans():
    torch.manual_seed(0)
    layer = LowRankConv2d(64, 64, 16, kernel_size=3)
    for weight, fans in ((layer.narrow.weight, 64 * 9 + 16), (layer.widen.weight, 16 + 64)):
        assert float(weight.detach().std()) == pytest.approx((2 / fans) ** 0.5, rel=0.05)
    assert not layer.bias.any()
