"""Quantisation: scales fill their words, limits hold, accuracy stays, bad models are refused."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from golden import ClosLinear, ClosNet, ClosShape, ModelError, ShapeError, accuracy, quantise
from golden.data.datasets import load_digits_split
from golden.studies.widths import WIDTHS, table
from tests.support.golden_models import trained_digits_model
from tests.support.golden_strategies import clos_shapes

SHAPES = [ClosShape(9, 8, 3, 2, 2), ClosShape(8, 5, 2, 4, 3)]


def make_net(seed=0, shapes=SHAPES):
    net = ClosNet(shapes, generator=torch.Generator().manual_seed(seed))
    for layer in net.layers:
        nn.init.uniform_(layer.bias, generator=torch.Generator().manual_seed(seed + 1))
    return net


def inputs(samples=50, features=9):
    return torch.randn(samples, features, generator=torch.Generator().manual_seed(0))


def check_limits(net, act_bits, weight_bits, bias_bits, max_shift):
    for layer in net.layers:
        assert all(0 <= shift <= max_shift for shift in layer.shifts)
        assert layer.bias_bits <= bias_bits
        for weight in (layer.input_weight, layer.middle_weight, layer.output_weight):
            assert int(weight.abs().max()) < 1 << (weight_bits - 1)


@settings(deadline=None, max_examples=40)
@given(clos_shapes(largest=20), st.integers(0, 1000))
def test_wide_words_follow_the_float_layer(shape, seed):
    torch.manual_seed(seed)
    model = ClosNet([shape])
    nn.init.normal_(model.layers[0].bias)
    x = torch.randn(20, shape.in_features)
    net = quantise(model, x, act_bits=18, weight_bits=18)
    expected = model(x).detach().double()
    error = (net.infer(x) - expected).abs().max()
    assert error < 2e-3 * max(1.0, float(expected.abs().max()))


@pytest.mark.parametrize("act_bits", [4, 7, 12, 18])
@pytest.mark.parametrize("weight_bits", [4, 8, 18])
def test_scales_fill_their_words(act_bits, weight_bits):
    net = quantise(make_net(), inputs(), act_bits=act_bits, weight_bits=weight_bits)
    for layer, words in zip(net.layers, net.layer_words(net.quantise_input(inputs())), strict=True):
        for weight in (layer.input_weight, layer.middle_weight, layer.output_weight):
            largest = int(weight.abs().max())
            assert 1 << (weight_bits - 2) <= largest < 1 << (weight_bits - 1)
        for stage in (words.input, words.middle, words.output):
            # Rounding upstream may push the largest one just below half the range.
            assert int(stage.words.abs().max()) >= 0.7 * (1 << (act_bits - 2))


@pytest.mark.parametrize(
    ("largest", "bits", "fraction"),
    [
        (1.0, 8, 6),  # 127 would be 0.992: not enough for 1.0.
        (0.99, 8, 7),
        (0.996, 8, 7),  # 127.488 rounds to 127.
        (0.9961, 8, 6),  # 127.5008 rounds to 128.
        (127.0, 8, 0),
        (1000.0, 8, -3),
        (0.0, 8, 6),
    ],
)
def test_input_scale_is_the_finest_that_fits(largest, bits, fraction):
    x = torch.tensor([[0.0], [-largest]], dtype=torch.float64)
    net = quantise(ClosLinear(1, 1, (1, 1, 1)), x, act_bits=bits)
    assert net.input_fraction_bits == fraction


def test_net_and_sequential_give_the_same_words():
    net = make_net()
    plain = nn.Sequential(
        nn.Flatten(),
        nn.Sequential(net.layers[0], nn.Dropout(0.5), nn.ReLU()),
        nn.Identity(),
        net.layers[1],
    )
    words = [quantise(model, inputs()) for model in (net, plain)]
    assert [layer.relu for layer in words[0].layers] == [True, False]
    for left, right in zip(words[0].layers, words[1].layers, strict=True):
        assert left.relu == right.relu and left.shifts == right.shifts
        assert left.bias.equal(right.bias) and left.input_weight.equal(right.input_weight)
    assert (
        words[0]
        .forward_words(words[0].quantise_input(inputs()))
        .equal(words[1].forward_words(words[1].quantise_input(inputs())))
    )
    assert plain.training, "quantising must leave the model as it was"
    assert net.layers[0].bias.dtype == torch.float32


def test_last_relu_and_single_layers_are_taken():
    layer = make_net().layers[0]
    both = quantise(nn.Sequential(layer, nn.ReLU()), inputs()), quantise(layer, inputs())
    x = both[0].quantise_input(inputs())
    assert both[0].layers[0].relu and not both[1].layers[0].relu
    assert (both[0].forward_words(x) >= 0).all() and (both[1].forward_words(x) < 0).any()


def test_relu_layers_scale_to_their_positive_results():
    layer = make_net().layers[0]
    with torch.no_grad():
        layer.bias.copy_(torch.tensor([-100.0] * 7 + [0.0]))
    plain = quantise(layer, inputs())
    rectified = quantise(nn.Sequential(layer, nn.ReLU()), inputs())
    assert rectified.output_fraction_bits >= plain.output_fraction_bits + 4


def test_layer_without_bias():
    layer = ClosLinear(9, 8, (3, 2, 2), bias=False)
    net = quantise(layer, inputs())
    assert net.layers[0].bias.equal(torch.zeros(8, dtype=torch.int64))


EXTREMES = {
    "zero weights": lambda layer: [w.zero_() for w in layer.parameters()],
    "zero middle": lambda layer: layer.middle_weight.zero_(),
    "tiny weights": lambda layer: [w.mul_(1e-9) for w in layer.parameters()],
    "denormal weights": lambda layer: [w.mul_(0).add_(1e-45) for w in layer.parameters()],
    "large weights": lambda layer: [w.mul_(1e9) for w in layer.parameters()],
    "large bias": lambda layer: layer.bias.fill_(1e9),
    "tiny output weights": lambda layer: layer.output_weight.mul_(1e-9),
    "always negative": lambda layer: layer.bias.fill_(-1e6),
}


@pytest.mark.parametrize("extreme", EXTREMES)
@pytest.mark.parametrize(("act_bits", "weight_bits"), [(4, 4), (16, 16), (18, 4), (4, 18)])
def test_extreme_weights_stay_within_the_limits(extreme, act_bits, weight_bits):
    net = make_net()
    with torch.no_grad():
        EXTREMES[extreme](net.layers[0])
    bias_bits = act_bits + weight_bits + 2
    words = quantise(net, inputs(), act_bits=act_bits, weight_bits=weight_bits)
    check_limits(words, act_bits, weight_bits, bias_bits, bias_bits)
    assert torch.isfinite(words.infer(inputs())).all()


def test_smallest_weights_of_all_count_as_zero():
    net = make_net().double()
    with torch.no_grad():
        for weight in net.layers[0].parameters():
            weight.fill_(5e-324)
    words = quantise(net, inputs().double())
    check_limits(words, 16, 16, 34, 34)
    assert words.layers[0].input_weight.equal(torch.zeros(9, 2, dtype=torch.int64))


def test_absent_bias_takes_no_precision_from_the_weights():
    layer = ClosLinear(9, 8, (3, 2, 2), bias=False)
    with torch.no_grad():
        layer.output_weight.mul_(1e-6)
    words = quantise(layer, inputs())
    assert int(words.layers[0].output_weight.abs().max()) >= 1 << 14


def test_large_bias_is_kept_at_the_cost_of_weight_precision():
    layer = make_net().layers[0]
    with torch.no_grad():
        layer.output_weight.mul_(1e-6)
        layer.bias.fill_(1000.0)
    words = quantise(layer, inputs(), bias_bits=24)
    check_limits(words, 16, 16, 24, 24)
    torch.testing.assert_close(
        words.infer(inputs()), layer(inputs()).detach().double(), rtol=1e-4, atol=0
    )


@pytest.mark.parametrize("max_shift", [0, 3, 8])
def test_small_shifts_are_kept_to(max_shift):
    words = quantise(make_net(), inputs(), max_shift=max_shift)
    check_limits(words, 16, 16, 40, max_shift)
    assert max(words.layers[0].shifts) == max_shift
    # Each weight may be wrong by half of 2**-max_shift, and about 30 of them make an output.
    expected = make_net()(inputs()).detach().double()
    assert (words.infer(inputs()) - expected).abs().max() < 15 / (1 << max_shift)


def test_sixteen_bits_cost_no_accuracy_on_digits():
    model, stats = trained_digits_model()
    split = load_digits_split()
    net = quantise(model, torch.as_tensor(split.train_x))
    scores = net.infer(torch.as_tensor(split.test_x))
    fixed = accuracy(scores, torch.as_tensor(split.test_y))
    assert abs(fixed - stats[-1].test_accuracy) <= 0.005
    error = scores - model(torch.as_tensor(split.test_x)).detach()
    assert error.abs().max() < 0.02 * scores.abs().max()


def test_every_width_runs_on_digits_and_six_bits_are_enough():
    model, stats = trained_digits_model()
    split = load_digits_split()
    x, labels = torch.as_tensor(split.test_x), torch.as_tensor(split.test_y)
    for bits in range(4, 19):
        net = quantise(model, torch.as_tensor(split.train_x), act_bits=bits, weight_bits=bits)
        check_limits(net, bits, bits, 2 * bits + 3, 2 * bits + 3)
        score = accuracy(net.infer(x), labels)
        assert score > (0.5 if bits < 6 else stats[-1].test_accuracy - 0.02)


def test_sweep_prints_a_row_for_each_pair_of_widths():
    _, stats = trained_digits_model()
    header, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table(1).splitlines()
    ]
    assert header == ["activation bits", "weight bits", "mean %", "lowest %", "highest %"]
    assert rows[0] == ["float", "float"] + [f"{100 * stats[-1].test_accuracy:.1f}"] * 3
    assert [(int(row[0]), int(row[1])) for row in rows[1:]] == list(WIDTHS)
    (sixteen,) = (row for row in rows if row[:2] == ["16", "16"])
    assert abs(float(sixteen[2]) - float(rows[0][2])) <= 0.5


def test_quantising_repeats():
    one, two = quantise(make_net(), inputs()), quantise(make_net(), inputs())
    for left, right in zip(one.layers, two.layers, strict=True):
        assert left.output_weight.equal(right.output_weight) and left.shifts == right.shifts


def clos(inputs=9, outputs=8):
    return ClosLinear(inputs, outputs, (2, 2, 2))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.Sequential(clos(), nn.Tanh()), "layer 1 is a Tanh, which is not supported: the neares"),
        (nn.Sequential(nn.Sequential(clos(), nn.Bilinear(8, 8, 8))), "layer 0.1 is a Bilinear"),
        (nn.Conv2d(1, 1, 3), "layer 0 is a Conv2d"),
        (nn.Sequential(nn.ReLU(), clos()), "layer 0: a ReLU must follow a layer of weights"),
        (nn.Sequential(nn.Identity()), "at least one ClosLinear or Linear, but holds none"),
        (nn.Sequential(), "at least one ClosLinear or Linear, but holds none"),
    ],
)
def test_unsupported_models_are_refused(model, message):
    with pytest.raises(ModelError, match=message):
        quantise(model, inputs())


def test_layers_that_do_not_chain_are_refused():
    with pytest.raises(ShapeError, match="layer 2: in_features must be 8.*layer 0, not 9"):
        quantise(nn.Sequential(clos(), nn.ReLU(), clos()), inputs())


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_not_finite_are_refused(value):
    net = make_net()
    with torch.no_grad():
        net.layers[1].output_weight[0, 0] = value
    with pytest.raises(ModelError, match="layer layers.1: output_weight must be finite"):
        quantise(net, inputs())


def test_results_that_overflow_are_refused():
    net = make_net().double()
    with torch.no_grad():
        for layer in net.layers:
            for weight in layer.parameters():
                weight.mul_(1e150)
    with pytest.raises(ModelError, match="layer layers.0: results .* must be finite"):
        quantise(net, inputs())


@pytest.mark.parametrize(
    ("calibration", "error", "message"),
    [
        (torch.ones(3, 8), ShapeError, r"calibration must have shape \[N, 9\].*not \[3, 8\]"),
        (torch.ones(9), ShapeError, r"not \[9\]"),
        (torch.ones(0, 9), ShapeError, r"with N at least 1, not \[0, 9\]"),
        (torch.full((3, 9), torch.nan), ModelError, "calibration must be finite"),
        (torch.full((3, 9), torch.inf), ModelError, "calibration must be finite"),
    ],
)
def test_calibration_data_that_do_not_fit_are_refused(calibration, error, message):
    with pytest.raises(error, match=message):
        quantise(make_net(), calibration)


@pytest.mark.parametrize(
    ("widths", "message"),
    [
        ({"act_bits": 3}, "act_bits must be 4 to 18, not 3"),
        ({"weight_bits": 19}, "weight_bits must be 4 to 18, not 19"),
        ({"bias_bits": 1}, "bias_bits must be at least 2, not 1"),
        ({"max_shift": -1}, "max_shift must be at least 0, not -1"),
    ],
)
def test_widths_out_of_range_are_refused(widths, message):
    with pytest.raises(ModelError, match=message):
        quantise(make_net(), inputs(), **widths)


class Doubled(ClosLinear):
    def forward(self, x):
        return 2 * super().forward(x)


class Shifted(nn.Sequential):
    def forward(self, input):
        return super().forward(input) + 1


def test_a_layer_with_a_forward_of_its_own_is_refused():
    message = "layer 0 is a Doubled, a ClosLinear with a forward of its own, which is not supported"
    with pytest.raises(ModelError, match=message):
        quantise(Doubled(4, 4, (2, 2, 2)), torch.rand(5, 4))


def test_a_sequential_with_a_forward_of_its_own_is_traced():
    model, x = Shifted(ClosLinear(4, 4, (2, 2, 2))), torch.rand(5, 4)
    assert (quantise(model, x).infer(x) - model(x)).abs().max() < 1e-3
