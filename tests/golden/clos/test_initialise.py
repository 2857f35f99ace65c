"""NeuroFabric N4, N5, N25 and Evci et al.: initial weights keep the variance of sparse layers."""

import pytest
import torch

from golden import ClosLinear, ClosShape, ShapeError
from golden.clos.initialise import clos_gain, initial_scale, per_neuron_fan_, sparse_xavier_
from golden.layers import SparseCascade, SparseStage

NEURONS, LAYERS, DENSITY = 256, 8, 1 / 16


def chain(seed, scale=1.0):
    torch.manual_seed(seed)
    masks = [torch.rand(NEURONS, NEURONS) < DENSITY for _ in range(LAYERS)]
    layer = SparseCascade(masks, bias=False)
    with torch.no_grad():
        for stage in layer.stages:
            stage.weight.mul_(scale)
    return layer


def test_n5_range_is_that_of_the_mean_fans():
    weight = sparse_xavier_(torch.empty(20_000), 24.0, torch.Generator().manual_seed(0))
    assert 0.499 < weight.max() <= 0.5 and -0.5 <= weight.min() < -0.499
    torch.manual_seed(1)
    stage = SparseStage(torch.rand(100, 300) < 0.25)
    bound = (6 / (400 * stage.density)) ** 0.5
    assert 0.99 * bound < stage.weight.abs().max() <= bound


@pytest.mark.parametrize("seed", [1, 2])
def test_n4_n25_sparse_xavier_keeps_signals_and_errors_where_plain_xavier_shrinks_them(seed):
    x = torch.randn(100, NEURONS, requires_grad=True)
    y = chain(seed)(x)
    (error,) = torch.autograd.grad(y, x, torch.randn(y.shape))
    y = y.detach()
    assert 0.6 < float(y.std()) < 1.6
    assert 0.6 < float(error.std()) < 1.6
    # Xavier's range with the fans of a dense layer is smaller by the root of the density.
    plain = chain(seed, DENSITY**0.5)(x).detach()
    assert float(plain.std() / y.std()) == pytest.approx(DENSITY ** (LAYERS / 2), rel=1e-3)


def test_per_neuron_fan_keeps_the_variance_of_every_neuron():
    torch.manual_seed(3)
    fan_ins = [2, 8, 128]
    mask = torch.zeros(300, 128, dtype=torch.bool)
    for block, fan_in in enumerate(fan_ins):
        mask[100 * block : 100 * block + 100, :fan_in] = True
    x = torch.randn(4000, 128)

    def spreads(initialisation):
        y = SparseCascade([mask], bias=False, initialisation=initialisation)(x).detach()
        return [float(y[:, 100 * b : 100 * b + 100].std()) for b in range(3)]

    assert spreads("per-neuron-fan") == pytest.approx([1, 1, 1], abs=0.12)
    assert spreads("sparse-xavier")[2] > 5 * spreads("sparse-xavier")[0]


def test_initial_weights_follow_the_generator_and_refuse_what_they_cannot():
    def draw(seed):
        return per_neuron_fan_(
            torch.empty(6), torch.tensor([0, 0, 1, 1, 1, 2]), torch.Generator().manual_seed(seed)
        )

    assert draw(0).equal(draw(0)) and not draw(0).equal(draw(1))
    assert per_neuron_fan_(torch.empty(0), torch.empty(0, dtype=torch.long)).numel() == 0
    with pytest.raises(ShapeError, match="mean_fans must be above 0 and finite, not 0"):
        sparse_xavier_(torch.empty(3), 0)
    with pytest.raises(ShapeError, match=r"outputs must have the shape of weight, \[3\].*\[2\]"):
        per_neuron_fan_(torch.empty(3), torch.tensor([0, 1]))
    with pytest.raises(ShapeError, match="one of sparse-xavier, per-neuron-fan, not 'xavier'"):
        SparseStage(torch.ones(2, 2, dtype=torch.bool), initialisation="xavier")


def spread(layer):
    torch.manual_seed(4)
    return float(layer(torch.randn(4000, layer.in_features)).detach().std())


@pytest.mark.parametrize(
    "sizes, reduction",
    [((784, 300), 5.5), ((768, 3072), 5.5), ((1024, 1024), 5.5), ((1024, 1024), 21), ((97, 61), 2)],
)
def test_first_outputs_have_the_scale_that_is_stated_and_that_of_linear_on_demand(sizes, reduction):
    torch.manual_seed(5)
    plain = ClosLinear.from_budget(*sizes, reduction=reduction)
    assert spread(plain) == pytest.approx(initial_scale(plain.shape), rel=0.1)
    assert 0.6 < initial_scale(plain.shape) < 1.35
    torch.manual_seed(6)
    dense = spread(torch.nn.Linear(*sizes))
    layer = ClosLinear.from_budget(*sizes, reduction=reduction, gain="linear")
    assert spread(layer) == pytest.approx(dense, rel=0.1)
    assert f"gain={layer.gain:.4g}" in repr(layer) and "gain" not in repr(plain)


def test_gain_scales_each_stage_alike_and_outlives_a_reset():
    torch.manual_seed(7)
    plain = ClosLinear(12, 10, (3, 4, 2))
    torch.manual_seed(7)
    layer = ClosLinear(12, 10, (3, 4, 2), gain=8)
    for found, wanted in zip(layer.weights, plain.weights, strict=True):
        torch.testing.assert_close(found, 2 * wanted)
    layer.reset_parameters(torch.Generator().manual_seed(8))
    plain.reset_parameters(torch.Generator().manual_seed(8))
    torch.testing.assert_close(layer.weight, 8 * plain.weight)


@pytest.mark.parametrize("gain", [0, -1, float("nan"), float("inf"), "linea", None, True])
def test_gain_is_refused_unless_above_0_or_linear(gain):
    with pytest.raises(ShapeError, match="gain must be a number"):
        ClosLinear(12, 10, (3, 4, 2), gain=gain)
    with pytest.raises(ShapeError, match="gain must be a number"):
        clos_gain(ClosShape(12, 10, 3, 4, 2), gain)
