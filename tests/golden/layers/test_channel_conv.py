"""SparseRandomConv2d and the depth multiplier, against PyTorch and plain loops."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from golden import ShapeError
from golden.layers import SparseRandomConv2d, live_channels, scaled_channels


def channel_convolution(x, weight, live):
    """Power of Sparsity, algorithms 1 (all live) and 2: the result, and its products."""
    outputs, _, k, _ = weight.shape
    height, width = x.shape[1] - k + 1, x.shape[2] - k + 1
    y, products = torch.zeros(outputs, height, width, dtype=x.dtype), 0
    for o, i in itertools.product(range(outputs), range(len(x))):
        if not live[o, i]:
            continue
        for u, v in itertools.product(range(k), range(k)):
            y[o] += weight[o, i, u, v] * x[i, u : u + height, v : v + width]
            products += height * width
    return y, products


@pytest.mark.parametrize("alpha", [0.3, 1.0])
def test_s2_s8_sparse_convolution_equals_both_algorithms(alpha):
    torch.manual_seed(0)
    layer = SparseRandomConv2d(6, 5, 3, alpha=alpha, bias=False, dtype=torch.float64)
    x = torch.randn(2, 6, 7, 6, dtype=torch.float64, requires_grad=True)
    live = torch.zeros(5, 6, dtype=torch.bool)
    live[torch.arange(5)[:, None], layer.channels] = True
    dense = layer.to_dense().detach()
    assert bool((dense.abs().sum(dim=(2, 3)) > 0).eq(live).all())
    expected, products = channel_convolution(x[0], dense, live)
    torch.testing.assert_close(layer(x)[0], expected)
    torch.testing.assert_close(layer(x[0]), expected)
    assert products == layer.multiply_adds(5, 4) == 9 * int(live.sum()) * 5 * 4
    assert layer.weight.shape == (5, math.ceil(alpha * 6), 3, 3)
    assert torch.autograd.gradcheck(layer, (x[:1, :, :3, :3].detach().requires_grad_(),))


@settings(deadline=None, max_examples=150)
@given(st.integers(1, 40), st.integers(1, 40), st.floats(0.001, 1), st.integers(0, 1000))
def test_s3_s4_every_channel_is_used_and_the_degree_is_as_said(inputs, outputs, alpha, seed):
    generator = torch.Generator().manual_seed(seed)
    channels = live_channels(inputs, outputs, alpha, generator)
    kept = math.sqrt(alpha) if 1 in (inputs, outputs) else alpha
    degree = channels.shape[1]
    assert degree == max(math.ceil(kept * inputs - 1e-9), math.ceil(inputs / outputs))
    assert all(len(set(row)) == degree for row in channels.tolist())
    assert set(channels.flatten().tolist()) == set(range(inputs))


def test_s3_every_connection_of_a_chain_has_a_path_to_image_and_prediction():
    torch.manual_seed(0)
    net = nn.Sequential(*[
        SparseRandomConv2d(i, o, 1, alpha=0.05, bias=False)
        for i, o in [(3, 32), (32, 16), (16, 48), (48, 10)]
    ])
    with torch.no_grad():
        for layer in net:
            layer.weight.abs_().add_(0.1)
    net(torch.ones(1, 3, 1, 1)).sum().backward()
    assert all(bool((layer.weight.grad > 0).all()) for layer in net)


def test_s2_choice_is_random_and_follows_the_generator():
    def draw(seed):
        return live_channels(20, 30, 0.3, torch.Generator().manual_seed(seed))

    assert draw(0).equal(draw(0)) and not draw(0).equal(draw(1))
    counts = sum(torch.bincount(draw(seed).flatten(), minlength=20) for seed in range(200))
    assert counts.max() < 1.15 * counts.min()


@pytest.mark.parametrize("strict", [True, False])
def test_a_state_of_another_degree_is_refused_and_changes_nothing(strict):
    torch.manual_seed(0)
    source = SparseRandomConv2d(6, 5, 3, alpha=0.5)
    target = SparseRandomConv2d(6, 5, 3, alpha=0.2)
    before = target.weight, target.weight.clone(), target.channels.clone()
    with pytest.raises(RuntimeError, match="3 for each filter, and of this layer 2: make it"):
        target.load_state_dict(source.state_dict(), strict=strict)
    assert target.weight is before[0] and target.weight.equal(before[1])
    assert target.channels.equal(before[2])


def test_sparse_convolution_refuses_what_makes_no_layer():
    for arguments, message in [
        ((0, 4, 3, 0.5), "in_channels must be a whole number of at least 1"),
        ((4, 4, 0, 0.5), "kernel_size must be a whole number of at least 1"),
        ((4, 4, 3, 0.0), "alpha must be above 0 and at most 1, not 0.0"),
        ((4, 4, 3, 1.5), "alpha must be above 0"),
    ]:
        with pytest.raises(ShapeError, match=message):
            SparseRandomConv2d(*arguments[:3], alpha=arguments[3])
    with pytest.raises(ShapeError, match="input must have shape"):
        SparseRandomConv2d(4, 4, 3, alpha=0.5)(torch.ones(1, 3, 4, 4))


def test_s10_sparse_filters_need_more_products_than_narrow_layers_of_as_many_weights():
    """Power of Sparsity, section 5.2.1 and fig 2: better per weight, worse per multiply-add.

    The first layer sees one channel and has little to lose, at the most pixels.
    """
    layers = [(1, 16, 24), (16, 32, 12), (32, 64, 6)]  # Channels, and the side of the outputs.
    excess = []
    for alpha in (0.5, 0.25, 0.1, 0.05):
        counts = {True: [0, 0], False: [0, 0]}
        for index, (inputs, outputs, side) in enumerate(layers):
            narrow = [scaled_channels(n, alpha, by_connections=True) for n in (inputs, outputs)]
            narrow[0] = 1 if index == 0 else narrow[0]
            for sparse in counts:
                sizes = (inputs, outputs) if sparse else narrow
                layer = SparseRandomConv2d(*sizes, 5, alpha=alpha if sparse else 1.0)
                counts[sparse][0] += layer.weight.numel()
                counts[sparse][1] += layer.multiply_adds(side, side)
        weights, products = (counts[True][i] / counts[False][i] for i in (0, 1))
        assert weights == pytest.approx(1, abs=0.13)
        excess.append(products / weights)
    assert 1 < excess[0] < excess[1] < excess[2] < excess[3]
    assert excess[3] > 1.4


@pytest.mark.parametrize(
    "channels, alpha, by_connections, scaled",
    [(100, 0.07, False, 7), (100, 0.071, False, 8), (100, 0.09, True, 30), (3, 0.01, False, 1)],
)
def test_s1_depth_multiplier(channels, alpha, by_connections, scaled):
    assert scaled_channels(channels, alpha, by_connections=by_connections) == scaled


@pytest.mark.parametrize("channels, alpha", [(0, 0.5), (4, 0.0), (4, 1.1), (4, float("nan"))])
def test_s1_depth_multiplier_refuses(channels, alpha):
    with pytest.raises(ShapeError, match="must be"):
        scaled_channels(channels, alpha)


@pytest.mark.parametrize("seed", [0, 1])
def test_s7_permuted_hidden_channels_leave_the_output(seed):
    """Lemma 1, for sparse convolutions and through batch normalisation."""
    torch.manual_seed(seed)
    first = SparseRandomConv2d(3, 8, 3, alpha=0.7, dtype=torch.float64)
    norm = nn.BatchNorm2d(8, dtype=torch.float64)
    second = SparseRandomConv2d(8, 4, 1, alpha=0.5, dtype=torch.float64)
    nn.init.normal_(norm.weight)
    x = torch.randn(5, 3, 6, 6, dtype=torch.float64)
    before = second(torch.relu(norm(first(x))))
    order = torch.randperm(8)
    with torch.no_grad():
        first.weight.copy_(first.weight[order])
        first.bias.copy_(first.bias[order])
        first.channels.copy_(first.channels[order])
        norm.weight.copy_(norm.weight[order])
        second.channels.copy_(order.argsort()[second.channels])
    torch.testing.assert_close(second(torch.relu(norm(first(x)))), before)


def drawn(make, seed=0):
    torch.manual_seed(seed)
    return make()


@pytest.mark.parametrize("way", ["made there", "moved there", "made by default"])
def test_a_layer_from_the_meta_device_has_connections_after_a_reset(way):
    arguments = {"alpha": 0.5, "padding": 1}
    if way == "made there":
        layer = SparseRandomConv2d(6, 5, 3, device="meta", **arguments)
    elif way == "moved there":
        layer = SparseRandomConv2d(6, 5, 3, **arguments).to("meta")
    else:
        with torch.device("meta"):
            layer = SparseRandomConv2d(6, 5, 3, **arguments)
    assert layer.channels.is_meta and layer.weight.is_meta
    layer = layer.to_empty(device="cpu")
    layer.channels.fill_(1 << 40)  # As memory may be.
    layer.reset_parameters()
    assert layer.channels.shape == (5, 3)
    assert all(len(set(row)) == 3 for row in layer.channels.tolist())
    assert set(layer.channels.flatten().tolist()) == set(range(6))
    x = torch.randn(2, 6, 4, 4)
    dense = nn.functional.conv2d(x, layer.to_dense(), layer.bias, padding=1)
    torch.testing.assert_close(layer(x), dense)


def test_a_layer_on_the_meta_device_takes_a_state_by_assignment():
    source = drawn(lambda: SparseRandomConv2d(6, 5, 3, alpha=0.5))
    layer = SparseRandomConv2d(6, 5, 3, alpha=0.5, device="meta")
    layer.load_state_dict(source.state_dict(), assign=True)
    x = torch.randn(2, 6, 4, 4)
    assert layer(x).equal(source(x)) and not layer.channels.is_meta


def test_a_reset_follows_the_generator_as_making_the_layer_does():
    generator = torch.Generator().manual_seed(3)
    source = SparseRandomConv2d(6, 5, 3, alpha=0.5, generator=generator)
    layer = drawn(lambda: SparseRandomConv2d(6, 5, 3, alpha=0.5))
    layer.reset_parameters(generator.manual_seed(3))
    assert layer.channels.equal(source.channels) and layer.weight.equal(source.weight)
