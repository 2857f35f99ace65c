"""The guard: the user's own model is run, and what it computes must be what its layers do."""

import threading

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from golden import ClosLinear, ClosNet, ClosShape, ModelError, quantise, softmax_cross_entropy
from golden.fixed.model_check import check_outputs
from golden.training.scales import propose_format


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(6)


def make_net():
    return ClosNet([ClosShape(9, 8, 2, 3, 2), ClosShape(8, 6, 2, 2, 2)])


def inputs(samples=30):
    return torch.rand(samples, 9) - 0.5


def chained(model, x):
    return model.double()(x.double()).detach()


@pytest.fixture
def global_hook():
    """A hook for all modules, which no module shows."""
    handle = nn.modules.module.register_module_forward_hook(
        lambda module, args, output: output + 1 if isinstance(module, ClosLinear) else None
    )
    yield
    handle.remove()


def test_what_no_module_shows_is_refused(global_hook):
    message = "sample [0-9]+ of the calibration data an output differs by .* range of"
    with pytest.raises(ModelError, match=message):
        quantise(make_net(), inputs())
    with pytest.raises(ModelError, match=message):
        propose_format(make_net(), inputs(), torch.zeros(30).long(), softmax_cross_entropy, 0.01)


class Restless(nn.Module):
    """A parametrisation that gives another weight at every access."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, weight):
        self.calls += 1
        return weight * (1 + 0.1 * self.calls)


def test_weights_that_change_at_every_access_are_refused():
    model = make_net()
    parametrize.register_parametrization(model.layers[0], "input_weight", Restless())
    with pytest.raises(ModelError, match="layers.0: input_weight must be the same at every"):
        quantise(model, inputs())


@pytest.mark.parametrize(("change", "passes"), [(0.5e-4, True), (2e-4, False)])
@pytest.mark.parametrize("sample", [0, 17, 29])
def test_one_output_of_one_sample_decides(change, passes, sample):
    model, x = make_net(), inputs().double()
    wanted = chained(model, x)
    span = float(wanted.max() - wanted.min())
    wanted[sample, 3] += change * span
    if passes:
        check_outputs(model, x, wanted)
    else:
        with pytest.raises(ModelError, match=f"for sample {sample} "):
            check_outputs(model, x, wanted)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_outputs_that_are_not_finite_differ(value):
    model, x = make_net(), inputs().double()
    wanted = chained(model, x)
    wanted[4, 0] = value
    with pytest.raises(ModelError, match="for sample 4 "):
        check_outputs(model, x, wanted)


class Single(nn.Module):
    """A parametrisation that computes in float32, whatever it is given."""

    def forward(self, weight):
        return (weight.float() * 3).float()


@pytest.mark.parametrize(("factor", "passes"), [(1.0, True), (1.005, True), (1.02, False)])
def test_models_that_stay_in_float32_are_held_to_a_hundredth(factor, passes):
    model, x = make_net(), inputs().double()
    parametrize.register_parametrization(model.layers[0], "input_weight", Single())
    wanted = model(x.float()).double().detach() * factor
    if passes:
        check_outputs(model, x, wanted)
        assert len(quantise(model, x).layers) == 2
    else:
        with pytest.raises(ModelError, match="an output differs by"):
            check_outputs(model, x, wanted)


def test_models_that_do_not_run_are_refused():
    model, x = make_net().double(), inputs().double()
    wanted = chained(model, x)
    model.register_forward_pre_hook(lambda module, args: (args[0][:, :4],))
    with pytest.raises(ModelError, match=r"the model must run on the calibration data .* fails: "):
        check_outputs(model, x, wanted)


def test_models_that_cannot_be_copied_are_refused():
    model = make_net()
    model.lock = threading.Lock()
    with pytest.raises(ModelError, match="copy.deepcopy can copy it"):
        quantise(model, inputs())


def test_outputs_of_another_shape_are_refused():
    model, x = make_net(), inputs().double()
    with pytest.raises(ModelError, match=r"shape \[30, 6\], and theirs \[30, 5\]"):
        check_outputs(model, x, torch.zeros(30, 5).double())


def test_the_model_stays_as_it_is():
    model, x = make_net().train(), inputs()
    model.layers[0].input_weight.grad = torch.ones(9, 3)
    quantise(model, x)
    assert model.training and model.layers[0].training
    assert model.layers[0].input_weight.dtype == torch.float32
    assert model.layers[0].input_weight.grad.equal(torch.ones(9, 3))


def test_dropout_in_training_mode_is_no_difference():
    net = ClosNet([ClosShape(9, 8, 2, 3, 2), ClosShape(8, 6, 2, 2, 2)], dropout=(0.3, 0.5))
    assert len(quantise(nn.Sequential(net, nn.Dropout(0.4)).train(), inputs()).layers) == 2


def test_an_output_that_never_changes_is_compared_by_its_magnitude():
    model = ClosLinear(9, 1, (3, 1, 1))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.bias.fill_(3.0)
    x = inputs().double()
    check_outputs(model, x, torch.full((30, 1), 3.0 + 2e-4).double())
    with pytest.raises(ModelError):
        check_outputs(model, x, torch.full((30, 1), 3.0 + 4e-4).double())
