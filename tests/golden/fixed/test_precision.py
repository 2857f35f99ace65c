"""What fixed point costs, against a reckoning of its own in NumPy."""

import numpy as np
import pytest
import torch
from torch import nn

from golden import (
    ClosLinear,
    ClosNet,
    ClosShape,
    ModelError,
    ShapeError,
    fixed_point_error,
    quantise,
)
from golden.fixed.precision import saturated_parts
from golden.fixed.words import saturated_values, to_words
from golden.layers.conv import ClosConv2d


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(8)


def make_net():
    return ClosNet([ClosShape(9, 8, 2, 3, 2), ClosShape(8, 6, 2, 2, 2)])


@pytest.mark.parametrize("bits", [4, 6, 9, 16])
@pytest.mark.parametrize("samples", [1, 30, 1500])
def test_figures_are_those_of_outputs(bits, samples):
    net, x = make_net(), torch.rand(samples, 9) - 0.5
    words = quantise(net, x, act_bits=bits, weight_bits=bits)
    found = fixed_point_error(net, words, x)
    real = net.double()(x.double()).detach().numpy()
    fixed = words.infer(x).numpy()
    error = np.abs(fixed - real)
    assert found.samples == samples
    assert found.span == pytest.approx(np.ptp(real))
    assert found.largest == pytest.approx(error.max())
    assert found.mean == pytest.approx(error.mean())
    assert found.agreement == pytest.approx((fixed.argmax(1) == real.argmax(1)).mean())


@pytest.mark.parametrize("bits", [4, 9, 16])
def test_every_layer_is_off_by_so_much(bits):
    dense = nn.Linear(8, 5)
    net, x = nn.Sequential(*make_net().layers, nn.ReLU6(), nn.Linear(6, 8), nn.ReLU(), dense), 3 * (
        torch.rand(1500, 9) - 0.5
    )
    words = quantise(net, x, act_bits=bits, weight_bits=bits)
    found = fixed_point_error(net, words, x)
    net = net.double()
    first, second = net[0], net[1]
    real = [first(x.double())]
    real += [nn.functional.relu6(second(real[0]))]
    real += [nn.functional.relu(net[3](real[1]))]
    real += [dense(real[2])]
    fixed = words.layer_words(words.quantise_input(x.double()))
    assert len(found.layer_errors) == len(fixed) == 4
    for error, y, layer, result in zip(
        found.layer_errors, real, words.layers, fixed, strict=True
    ):
        y = y.detach().numpy()
        ours = result.output.words.numpy() / 2.0 ** layer.activation_fraction_bits[-1]
        off = np.abs(ours - y)
        assert error.span == pytest.approx(np.ptp(y))
        assert (error.largest, error.mean) == pytest.approx((off.max(), off.mean()))
    assert found.mean == found.layer_errors[-1].mean


def test_accuracy_is_that_of_labels():
    net, x = make_net(), torch.rand(90, 9) - 0.5
    words = quantise(net, x, act_bits=5, weight_bits=5)
    labels = words.infer(x.double()).argmax(dim=1)
    labels[:9] = (labels[:9] + 1) % 6
    found = fixed_point_error(net, words, x, labels)
    assert found.accuracy == pytest.approx(0.9)
    real = net.double()(x.double()).argmax(dim=1)
    assert found.float_accuracy == pytest.approx(float((real == labels).double().mean()))
    assert fixed_point_error(net, words, x).accuracy is None


def test_saturation_is_counted_without_the_model_too():
    net, x = make_net(), torch.rand(1500, 9) - 0.5
    words = quantise(net, x, act_bits=8, weight_bits=8)
    found = saturated_parts(words, 6 * x)
    assert found == fixed_point_error(net, words, 6 * x).layers
    assert max(part for layer in found for part in layer.values()) > 0
    for wrong in (x[:0], x[:, :8], x[0]):
        with pytest.raises(ShapeError, match=r"x must be samples \[N, 9\], N at least 1, not"):
            saturated_parts(words, wrong)


def test_saturation_is_counted_stage_by_stage():
    net, x = make_net(), torch.rand(40, 9) - 0.5
    words = quantise(net, x, act_bits=8, weight_bits=8)
    found = fixed_point_error(net, words, 6 * x)
    assert 0.1 < found.saturated_inputs < 1
    assert found.saturated_inputs == pytest.approx(
        float((words.quantise_input(6 * x) / 2.0**words.input_fraction_bits - 6 * x).abs()
              .gt(0.5 / 2**words.input_fraction_bits).double().mean())
    )  # fmt: skip
    scaled = quantise(net, x / 8, act_bits=8, weight_bits=8)
    wide = dict(fixed_point_error(net, scaled, x / 8).layers[0].items())
    assert wide == {"input": 0.0, "middle": 0.0, "output": 0.0}


def saturating_layer():
    """A layer of one weight whose sums are four times what they were calibrated on."""
    layer = ClosLinear(1, 1, (1, 1, 1))
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.fill_(1.0)
        layer.bias.zero_()
    return layer


@pytest.mark.parametrize(("relu", "part"), [(False, 1.0), (True, 0.5)])
def test_what_a_relu_cuts_off_is_no_saturation(relu, part):
    layer = saturating_layer()
    model = nn.Sequential(layer, nn.ReLU()) if relu else layer
    words = quantise(model, [[1.0], [-1.0]], act_bits=8, weight_bits=8)
    with torch.no_grad():
        layer.output_weight.mul_(4)
    grown = quantise(model, [[1.0], [-1.0]], act_bits=8, weight_bits=8)
    object.__setattr__(words.layers[0], "output_weight", 4 * words.layers[0].output_weight)
    found = fixed_point_error(model, words, [[1.0], [-1.0]])
    assert found.layers[0]["output"] == part
    assert found.layers[0]["input"] == found.layers[0]["middle"] == 0.0
    assert fixed_point_error(model, grown, [[1.0], [-1.0]]).layers[0]["output"] == 0.0
    assert found.agreement is None


@pytest.mark.parametrize("bits", [4, 11, 18])
@pytest.mark.parametrize("fraction", [-3, 0, 7])
def test_saturated_values_are_those_that_to_words_clips(bits, fraction):
    step, limit = 2.0**-fraction, 1 << (bits - 1)
    edge = torch.tensor([limit - 1, limit - 0.51, limit - 0.5, limit, -limit, -limit - 0.5,
                         -limit - 0.51, 0.0, 1e30]).double()  # fmt: skip
    values = edge * step
    exact = torch.round(edge)
    assert saturated_values(values, fraction, bits) == int(
        (to_words(values, fraction, bits) != exact).sum()
    )


def test_images_are_samples_of_pixels():
    model = nn.Sequential(ClosConv2d(4, 4, (2, 2, 2)), nn.ReLU(), ClosConv2d(4, 3, (2, 2, 1)))
    images = torch.rand(2, 4, 5, 6)
    words = quantise(model, images)
    assert fixed_point_error(model, words, images).samples == 60


def test_another_net_or_other_samples_are_refused():
    net, x = make_net(), torch.rand(5, 9)
    words = quantise(net, x)
    with pytest.raises(ModelError, match="model must have the layers of net"):
        fixed_point_error(ClosNet(net.shapes[:1]), words, x)
    with pytest.raises(ShapeError, match=r"x must have shape \[N, 9\] with N at least 1, not"):
        fixed_point_error(net, words, x[:, :8])
    with pytest.raises(ShapeError, match=r"not \[0, 9\]"):
        fixed_point_error(net, words, x[:0])
