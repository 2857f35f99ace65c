"""`GoldenDevice` gives the same by compiled code and in PyTorch, losses and refusals included."""

import copy

import numpy as np
import pytest
import torch

from golden import GoldenWarning, mean_squared_error, softmax_cross_entropy
from golden.errors import CompiledMissing
from sw_driver import GoldenDevice
from sw_driver.errors import DriverError
from tests.support.trained_devices import RATE, loaded


def by_torch():
    return GoldenDevice(engine="torch")


def compiled():
    return GoldenDevice(engine="compiled")


@pytest.mark.parametrize("options", [
    {}, {"torus": "2x3", "frozen": [1]}, {"batches": True, "momentum": 2, "velocity_bits": 36},
    {"input_gradient": True}, {"stale": True}, {"loss": mean_squared_error},
    {"loss": mean_squared_error, "batches": True, "velocity_bits": 36},
], ids=["plain", "frozen", "momentum", "input gradient", "stale", "loss", "loss of batches"])
def test_both_engines_give_the_same(options):
    loss = options.get("loss", softmax_cross_entropy)
    found = []
    for make in (by_torch, compiled):
        device, x, targets = loaded(make, **options)
        steps = [device.train_step(x[part], targets[part], learning_rate=RATE, loss=loss)
                 for part in (slice(None), slice(0, 1), slice(2, 6))]
        found.append((steps, device.infer(x), device.read_state()))
        assert device.net.state == device.read_state()
    (steps, y, state), (other_steps, other_y, other_state) = found
    assert state.differences(other_state) == []
    np.testing.assert_array_equal(y, other_y)
    for one, other in zip(steps, other_steps, strict=True):
        assert one.loss == other.loss
        np.testing.assert_array_equal(one.outputs, other.outputs)


def test_gradients_at_a_tie_are_rounded_as_by_pytorch():
    """All outputs are 0 and the rate makes every gradient half a word, until weights change."""
    found = []
    for make in (by_torch, compiled):
        device, x, targets = loaded(make)
        state = device.read_state()
        for layer in state.layers:
            for words in (*layer.masters, layer.bias):
                words.zero_()
        device.write_state(state)
        unit = 2.0 ** -device.compiled.format.gradient_fraction_bits
        x, targets = np.tile(x, (9, 1)), torch.as_tensor(targets).repeat(9)
        result = device.train_step(x, targets, learning_rate=2 * 37 * unit)
        assert device.read_state() != state
        found.append((result.loss, device.read_state()))
    assert found[0] == found[1]


def test_refusals_are_the_same():
    found = []
    for make in (by_torch, compiled):
        device, x, targets = loaded(make)
        messages = []
        for rate in (1e-30, 1e9):
            with pytest.raises(DriverError) as caught:
                for _ in range(30):
                    device.train_step(x, targets, learning_rate=rate)
            messages.append(str(caught.value))
        found.append(messages)
    assert found[0] == found[1]


def test_too_many_gradients_of_zeros_are_counted_alike():
    """Large outputs of the right class: gradients round to 0, though that of the bound does not."""
    found = []
    for make in (by_torch, compiled):
        device, x, targets = loaded(make)
        state = device.read_state()
        for layer in state.layers:
            for words in layer.masters:
                words.zero_()
        # As much as the word takes, in the outputs' own unit.
        state.layers[-1].bias[0] = 1 << (device.compiled.format.bias_bits - 2)
        device.write_state(state)
        x, labels = np.tile(x[:1], (150, 1)), torch.zeros(150, dtype=torch.int64)
        rate = 2.0 ** -device.compiled.format.gradient_fraction_bits
        with pytest.raises(DriverError, match="all words of 150 samples in a row") as caught:
            device.train_step(x, labels, learning_rate=rate)
        found.append((str(caught.value), device.read_state()))
    assert found[0] == found[1]


def test_a_copy_trains_by_itself():
    device, x, targets = loaded(compiled)
    other = copy.deepcopy(device)
    before = device.read_state()
    device.train_step(x, targets, learning_rate=RATE)
    assert other.read_state() == before
    other.train_step(x, targets, learning_rate=RATE)
    assert other.read_state() == device.read_state() != before


def test_without_a_compiler_pytorch_goes_on(tmp_path, monkeypatch):
    wanted, x, targets = loaded(compiled)
    wanted.train_step(x, targets, learning_rate=RATE)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.warns(GoldenWarning, match=r"^g\+\+ is not on PATH: .*; until then the golden"):
        device, _, _ = loaded(GoldenDevice)
    device.train_step(x, targets, learning_rate=RATE)
    assert device.read_state() == wanted.read_state()
    with pytest.raises(CompiledMissing, match=r"^g\+\+ is not on PATH"):
        loaded(compiled)


def test_an_unknown_engine_is_refused():
    with pytest.raises(DriverError, match="engine must be one of auto, compiled, torch, not 'gpu'"):
        GoldenDevice(engine="gpu")
