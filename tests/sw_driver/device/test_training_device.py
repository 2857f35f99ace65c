"""Devices that train: what they give, what they refuse, and that words alone decide."""

import copy
import io

import numpy as np
import pytest
import torch

from golden import (
    ClosNet,
    GoldenError,
    GoldenWarning,
    ModelError,
    initial_state,
    mean_squared_error,
    softmax_cross_entropy,
)
from hw.config import TorusConfig
from sw_driver import GoldenDevice, compile
from sw_driver.errors import DriverError, HostDataError
from tests.support.trained_devices import RATE, SHAPES, InterpretedDevice, loaded, material


@pytest.mark.parametrize("options", [
    {}, {"torus": "1x3", "frozen": [0]}, {"stale": True},
    {"batches": True, "momentum": 3, "velocity_bits": 36},
    {"loss": mean_squared_error}, {"loss": mean_squared_error, "batches": True,
                                   "velocity_bits": 36},
], ids=" ".join)
def test_both_devices_give_the_same(options):
    loss = options.get("loss", softmax_cross_entropy)
    steps = []
    for kind in (GoldenDevice, InterpretedDevice):
        device, x, targets = loaded(kind, **options)
        results = [device.train_step(x[first:first + 3], targets[first:first + 3],
                                     learning_rate=RATE, loss=loss) for first in (0, 3)]
        steps.append((results, device.read_state()))
        assert all((result.cycles is None) == (kind is GoldenDevice) for result in results)
    (golden, golden_state), (other, other_state) = steps
    assert golden_state.differences(other_state) == []
    for one, two in zip(golden, other, strict=True):
        assert one.loss == two.loss
        np.testing.assert_array_equal(one.outputs, two.outputs)


def test_nets_compiled_for_something_else_are_refused():
    net = ClosNet(SHAPES)
    infers = compile(net, "1x1", calibration=torch.rand(8, 12))
    device, x, targets = loaded(GoldenDevice)
    with pytest.raises(DriverError, match="compiled must be a net that is trained, .* not one for"):
        device.load(infers, device.read_state())
    assert device.train_step(x, targets, learning_rate=RATE).loss > 0
    with pytest.raises(DriverError, match="state must be a TrainingState for a net that trains, "
                                          "not NoneType"):
        GoldenDevice().load(device.compiled)
    device.load(infers)
    for use in (lambda: device.train_step(x, targets, learning_rate=RATE), device.read_state,
                lambda: device.backward(np.zeros((1, 4)), learning_rate=RATE)):
        with pytest.raises(DriverError, match="compiled must be a net that is trained"):
            use()
    with pytest.raises(DriverError, match="state must be None, not dict"):
        device.load(infers, {})


def test_training_lowers_the_loss():
    device, x, targets = loaded(GoldenDevice)
    losses = [device.train_step(x, targets, learning_rate=RATE).loss for _ in range(5)]
    assert losses[-1] < 0.97 * losses[0]


def test_forward_and_backward_are_a_step():
    """The gradient of a loss, sent back by hand, changes what `train_step` changes."""
    stepped, x, targets = loaded(GoldenDevice)
    stepped.train_step(x[:1], targets[:1], learning_rate=RATE)
    for kind in (GoldenDevice, InterpretedDevice):
        device, _, _ = loaded(kind, input_gradient=True)
        y = torch.as_tensor(device.forward(x[:1]))
        found = device.backward(softmax_cross_entropy(y, targets[:1]).gradient, learning_rate=RATE)
        assert found.shape == (1, 12) and np.abs(found).max() > 0
        assert device.read_state().differences(stepped.read_state()) == []
        with pytest.raises(DriverError, match="must follow a forward"):
            device.backward(np.zeros((1, 4)), learning_rate=RATE)


def test_input_gradient_is_that_of_the_model():
    model, x, _, form = material()
    device = GoldenDevice()
    device.load(compile(form, "2x2", input_gradient=True),
                initial_state(model, form, seed=0, rows=2, cols=2))
    x = x[:1].double().requires_grad_()
    wanted = torch.tensor([[0.5, -0.25, 0.125, -0.5]], dtype=torch.float64)
    copy.deepcopy(model).double()(x).backward(wanted)
    device.forward(x.detach())
    found = device.backward(wanted, learning_rate=RATE)
    assert np.abs(found - x.grad.numpy()).max() < 0.01


def test_a_checkpoint_goes_on_as_if_nothing_had_happened():
    device, x, targets = loaded(InterpretedDevice)
    device.train_step(x[:2], targets[:2], learning_rate=RATE)
    file = io.BytesIO()
    torch.save(device.checkpoint(), file)
    device.train_step(x[2:4], targets[2:4], learning_rate=RATE)
    file.seek(0)
    fresh, _, _ = loaded(InterpretedDevice)
    fresh.restore(torch.load(file, weights_only=True))
    fresh.train_step(x[2:4], targets[2:4], learning_rate=RATE)
    assert fresh.read_state().differences(device.read_state()) == []


def test_weights_are_read_as_those_of_the_model():
    model, _, _, form = material()
    device = InterpretedDevice()
    device.load(compile(form, "2x2"), initial_state(model, form, seed=0, rows=2, cols=2))
    for layer, found in zip(model.layers, device.read_weights(), strict=True):
        for name, parameter in layer.named_parameters():
            assert np.abs(found[name] - parameter.detach().numpy()).max() < 1e-3, name


def refused(device, error, match, call):
    """The call raises, and all words are as before."""
    before = device.read_state()
    with pytest.raises(error, match=match):
        call()
    assert device.read_state() == before


NAN = float("nan")


@pytest.mark.parametrize("kind", [GoldenDevice, InterpretedDevice])
@pytest.mark.parametrize("error, match, step", [
    (DriverError, "learning_rate must be finite", {"learning_rate": NAN}),
    (DriverError, "learning_rate must be finite", {"learning_rate": -0.1}),
    (DriverError, "learning_rate must be such", {"learning_rate": 1000.0}),
    (HostDataError, "inputs must be finite", {"x": [[NAN] * 12] * 2}),
    (HostDataError, "inputs must have shape", {"x": [[0.0] * 11] * 2}),
    (GoldenError, "labels must be int64", {"targets": [0]}),
    (GoldenError, "labels must be 0 to 3", {"targets": [0, 4]}),
    (HostDataError, "targets must be numbers, not <U1", {"targets": ["a", "b"]}),
], ids=str)
def test_bad_steps_change_nothing(kind, error, match, step):
    device, x, targets = loaded(kind)
    given = {"x": x[:2], "targets": targets[:2], "learning_rate": RATE, **step}
    refused(device, error, match, lambda: device.train_step(**given))


@pytest.mark.parametrize("kind", [GoldenDevice, InterpretedDevice])
def test_a_loss_without_a_bound_is_checked_before_it_trains(kind):
    device, x, targets = loaded(kind, loss=mean_squared_error)
    refused(device, DriverError, "learning_rate must be such", lambda: device.train_step(
        x[:2], 1e6 * targets[:2], learning_rate=RATE, loss=mean_squared_error))
    refused(device, GoldenError, "targets must be finite", lambda: device.train_step(
        x[:2], NAN * targets[:2], learning_rate=RATE, loss=mean_squared_error))


def test_gradients_that_all_vanish_are_an_error():
    device, x, targets = loaded(GoldenDevice)
    tiny = 1.95e-6  # The largest gradient there may be is just seen, those of these samples not.
    device.train_step(x, targets, learning_rate=tiny)
    device.train_step(x, targets, learning_rate=tiny)
    with pytest.raises(DriverError, match="words of 120 samples in a row"):
        device.train_step(x, targets, learning_rate=tiny)


@pytest.mark.parametrize("rate", [1e-9, 1e-30, 1e-300])
def test_a_rate_that_leaves_no_gradient_is_refused(rate):
    device, x, targets = loaded(GoldenDevice)
    before = device.read_state()
    with pytest.raises(DriverError, match="learning_rate must be such that the largest gradient"):
        device.train_step(x, targets, learning_rate=rate)
    assert device.read_state().state_dict().keys() == before.state_dict().keys()
    assert device.last_cycles is None


@pytest.mark.parametrize("act", ["train_step", "forward"])
def test_inputs_that_are_clipped_are_counted_and_warned_of_once(act):
    device, x, targets = loaded(GoldenDevice)
    arguments = {"targets": targets, "learning_rate": RATE} if act == "train_step" else {}
    x = x.clone()
    x[0, 0] = 1e6
    for _ in range(2):
        with pytest.warns(GoldenWarning, match=f"1 of {x.numel()} input values") as seen:
            getattr(device, act)(x, **arguments)
        assert seen[0].filename == __file__ and device.saturated_inputs == 1
        x[1, 1] = -1e6
        getattr(device, act)(x, **arguments)
        assert device.saturated_inputs == 2
        x[1, 1] = 0
        device.load(device.compiled, device.read_state())


@pytest.mark.parametrize("loss", [torch.nn.CrossEntropyLoss(), "mse", lambda outputs, targets: 0.5])
def test_a_loss_of_another_kind_is_refused(loss):
    device, x, targets = loaded(GoldenDevice)
    with pytest.raises(ModelError, match="loss must be a function of outputs and targets"):
        device.train_step(x, targets, learning_rate=RATE, loss=loss)
    device.train_step(x, targets, learning_rate=RATE)


@pytest.mark.parametrize("gradient, match", [
    (np.zeros(3, np.int64), r"whole numbers \[4\]"),
    (np.zeros(4), r"whole numbers \[4\]"),
    (np.full(4, 1 << 15), "must be -32768 to 32767"),
])
def test_words_of_gradients_are_checked(gradient, match):
    device, _, _ = loaded(GoldenDevice)
    with pytest.raises(HostDataError, match=match):
        device.train_words(np.zeros((1, 12), np.int64), lambda sample, y: gradient)
    with pytest.raises(DriverError, match="call load"):
        device.read_state()


def test_gradients_of_backward_are_checked():
    device, x, _ = loaded(GoldenDevice)
    for gradient, error, match in [
        (np.zeros((1, 3)), HostDataError, r"gradient must have shape \[1, 4\]"),
        (np.full((1, 4), NAN), GoldenError, "must be finite"),
        (np.zeros((1, 4), complex), HostDataError, "gradient must be real numbers, not complex"),
        ([["a"] * 4], HostDataError, "gradient must be real numbers, not <U1"),
        ([[1], [2, 3]], HostDataError, "gradient must be an array"),
        (np.full((1, 4), 1e6), DriverError, "learning_rate must be such"),
    ]:
        device.forward(x[:1])
        refused(device, error, match,
                lambda gradient=gradient: device.backward(gradient, learning_rate=RATE))
    device.forward(x[:2])
    with pytest.raises(DriverError, match="backward must be of one sample"):
        device.backward(np.zeros((2, 4)), learning_rate=RATE)


def test_checkpoints_of_others_are_refused():
    device, _, _ = loaded(GoldenDevice)
    taken = device.checkpoint()
    other_torus, _, _ = loaded(GoldenDevice, torus="1x2")
    refused(other_torus, DriverError, "checkpoint's torus must be",
            lambda: other_torus.restore(taken))
    other_net, _, _ = loaded(GoldenDevice, velocity_bits=36)
    refused(other_net, DriverError, "checkpoint's net must be", lambda: other_net.restore(taken))
    refused(device, DriverError, "checkpoint's format must be 1", lambda: device.restore({}))
    taken["state"].pop("lfsr")
    refused(device, GoldenError, "lfsr", lambda: device.restore(taken))
    taken.pop("state")
    refused(device, GoldenError, "must be tensors", lambda: device.restore(taken))


def test_a_state_of_another_torus_is_refused():
    model, _, _, form = material()
    with pytest.raises(GoldenError, match="lfsr must be int64"):
        GoldenDevice().load(compile(form, "2x2"),
                                    initial_state(model, form, seed=0, rows=1, cols=2))


def test_a_torus_that_does_not_train_is_refused():
    with pytest.raises(DriverError, match="torus must be one that trains"):
        compile(material()[3], TorusConfig(rows=2, cols=2))


def test_a_device_must_be_loaded():
    with pytest.raises(DriverError, match=r"call load\(\)"):
        GoldenDevice().train_step([[0.0] * 12], [0], learning_rate=RATE)
