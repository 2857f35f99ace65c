"""Dense layers in training: against autograd, in float and in words; states and refusals."""

import pytest
import torch
from torch import nn

from golden import (
    ClosLinear,
    FixedTrainingNet,
    FloatTwin,
    ModelError,
    ShapeError,
    TrainingState,
    TrainingWidths,
    initial_state,
    propose_format,
    softmax_cross_entropy,
)
from golden.fixed.format import TrainingFormat
from golden.fixed.layer_format import DenseFormat
from golden.fixed.words import from_words
from golden.layers.dense import DenseShape
from golden.training.ranges import profile_ranges, range_table

CUTS = [(0, 3, 7), (), (0, 2)]
WIDE = TrainingWidths(18, 18, 36, 18)
RATE = 0.1


def make(seed=0):
    """A chain in both orders: dense, Clos, dense, dense; its data."""
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Linear(10, 9), nn.ReLU(), ClosLinear(9, 8, (3, 4, 2)), nn.ReLU(),
        nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 4, bias=False),
    )  # fmt: skip
    x = torch.rand(30, 10) * 2 - 1
    return model, x, torch.randint(4, (30,))


def autograd(model, x, labels):
    """Gradients of every parameter and of the inputs, float64."""
    model.double()
    x = x.double().requires_grad_()
    loss = nn.functional.cross_entropy(model(x), labels)
    parameters = dict(model.named_parameters())
    found = torch.autograd.grad(loss, [x, *parameters.values()])
    model.float()
    return found[0], dict(zip(parameters, found[1:], strict=True))


@pytest.mark.parametrize("cuts", [CUTS, None])
def test_the_twin_is_autograd(cuts):
    model, x, labels = make()
    twin = FloatTwin.of_model(model, cuts)
    inputs, parameters = autograd(model, x, labels)
    reals = twin.forward(x)
    assert torch.allclose(reals[-1].output, model.double()(x.double()), rtol=1e-12)
    if cuts:
        assert reals[0].results[0].shape == (30, 3, 9)
        assert torch.allclose(reals[0].results[0].sum(1), (x.double() @ model[0].weight.T))
    gradient = softmax_cross_entropy(reals[-1].output, labels).gradient
    found = twin.gradients(x, reals, gradient)
    assert torch.allclose(found[0].inputs, inputs, rtol=1e-9, atol=1e-15)
    for layer, name in ((0, "0"), (2, "4"), (3, "6")):
        (weight,) = found[layer].weights
        assert torch.allclose(weight, parameters[f"{name}.weight"], rtol=1e-9, atol=1e-15)
    assert torch.allclose(found[2].bias, parameters["4.bias"], rtol=1e-9, atol=1e-15)
    assert torch.allclose(found[1].weights[1], parameters["2.middle_weight"], rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("cuts", [CUTS, None])
def test_wide_words_give_the_gradients_of_autograd(seed, cuts):
    """Changes of all weights and the gradient of the inputs, within the rounding of wide words."""
    model, x, labels = make(seed)
    form = propose_format(
        model, x, labels, softmax_cross_entropy, RATE, widths=WIDE, dense_cuts=cuts)
    net = FixedTrainingNet(form, initial_state(model, form))
    before = net.state.clone()
    one = x[:1]
    words_x = torch.round(one.double() * 2.0**form.input_fraction_bits).long()
    words = net.forward(words_x)
    loss = softmax_cross_entropy(net.outputs(words), labels[:1])
    done = net.backward_batch(
        words_x, words, net.quantise_gradient(loss.gradient * RATE), input_gradient=True)
    inputs, parameters = autograd(model, one, labels[:1])
    sums = done[0].input_gradient
    assert sums is not None
    near(from_words(sums, form.input_gradient_fraction_bits) / RATE, inputs[0])
    for index, name in ((0, "0.weight"), (2, "4.weight"), (3, "6.weight")):
        fraction = form.layers[index].master_fraction_bits[0]
        masters = (state.layers[index].masters[0] for state in (before, net.state))
        old, new = (from_words(one, fraction) for one in masters)
        near((old - new) / RATE, parameters[name])
    biases = (state.layers[2].bias for state in (before, net.state))
    old, new = (from_words(one, form.bias_fraction_bits(2)) for one in biases)
    near((old - new) / RATE, parameters["4.bias"])


def near(found, wanted):
    """Within 2 % of the largest element; and there is something to compare."""
    assert float(wanted.abs().max()) > 0
    assert float((found - wanted).abs().max()) < 0.02 * float(wanted.abs().max())


def test_ranges_name_all_tensors_of_a_dense_layer():
    model, x, labels = make()
    ranges = profile_ranges(model, x, labels, softmax_cross_entropy, RATE, dense_cuts=CUTS)
    form = propose_format(model, x, labels, softmax_cross_entropy, RATE, dense_cuts=CUTS)
    names = [line.name for line in range_table(ranges, form) if line.name.startswith("layer 0")]
    assert names == [f"layer 0 {name}" for name in (
        "input", "dense result", "sum result", "dense weight", "bias", "dense gradient")]
    assert all(line.saturated == 0 for line in range_table(ranges, form))


def test_state_of_dense_layers_goes_through_a_dict():
    model, x, labels = make()
    form = propose_format(model, x, labels, softmax_cross_entropy, RATE, dense_cuts=CUTS)
    state = initial_state(model, form)
    held = state.state_dict()
    assert {"layers.0.weight", "layers.0.velocity", "layers.1.middle_weight"} <= set(held)
    assert TrainingState.from_state_dict(held, 4) == state
    swapped = state.clone()
    swapped.layers[0], swapped.layers[1] = swapped.layers[1], swapped.layers[0]
    with pytest.raises(ShapeError, match=r"layer 0: masters must be of 1 stages.*\(10, 9\), not 3"):
        swapped.check(form, 1)
    other = nn.Sequential(*[ClosLinear(10, 9, (3, 4, 2)), *model[1:]])
    with pytest.raises(ModelError, match="the model's layers"):
        initial_state(other, form)


@pytest.mark.parametrize("cuts, message", [
    ([(), None, ()], "cuts must be a sequence, not None"),
    ([()], "dense_cuts .one for each dense layer. must be a sequence of 3"),
    ([(0, 3), (), (0, 6)], "cuts must begin with 0 and ascend, each below in_features .6."),
    ([(1,), (), ()], "cuts must begin with 0 and ascend"),
    (7, "must be a sequence of 3, not 7"),
])
def test_wrong_cuts_are_refused(cuts, message):
    model, x, labels = make()
    with pytest.raises(ShapeError, match=message):
        propose_format(model, x, labels, softmax_cross_entropy, RATE, dense_cuts=cuts)


def dense_format(**fields):
    given = {
        "shape": DenseShape(6, 4, (0, 3)), "relu": False, "activation_fraction_bits": (8, 8, 8),
        "master_fraction_bits": (16,), "gradient_fraction_bits": (10,), "gain_bits": 4, **fields,
    }  # fmt: skip
    return TrainingFormat((DenseFormat(**given),), 16, 16, 24, 16, 0, 40)


@pytest.mark.parametrize("fields, message", [
    ({"activation_fraction_bits": (8, 8)}, "activation_fraction_bits must be a sequence of 3"),
    ({"shape": DenseShape(6, 4)}, "activation_fraction_bits must be a sequence of 2"),
    ({"master_fraction_bits": (1, 2, 3)}, "master_fraction_bits must be a sequence of 1"),
    ({"gain_bits": -1}, "gain_bits must be a whole number from 0 to 62, not -1"),
    ({"gain_bits": 15}, "layer 0: gain_bits must be 0 to 14, not 15"),
    ({"gain_bits": 0}, "layer 0: the bias shift must be 0 to 40, not -2"),
    ({"activation_fraction_bits": (8, 8, 13)}, "the sum stage's forward shift must be 0 to 62"),
    ({"master_fraction_bits": (19,)}, "the dense stage's update shift must be 0 to 32, not -1"),
])
def test_formats_that_cannot_work_are_refused(fields, message):
    dense_format()
    with pytest.raises((ModelError, ShapeError), match=message):
        dense_format(**fields)
