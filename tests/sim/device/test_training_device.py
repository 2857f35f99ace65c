"""`SimDevice`: the same API and the same numbers as the golden device, on the RTL."""

import dataclasses

import numpy as np
import pytest
import torch

from golden import ClosNet, TrainingWidths, initial_state, mean_squared_error
from golden.errors import GoldenError, ModelError
from golden.training.scales import propose_format
from sim.device.device import SimDevice
from sw_driver.compiler import compile
from sw_driver.device.golden import GoldenDevice
from sw_driver.errors import DriverError
from sw_driver.train.torch_module import TorusModule
from tests.support.training_tori import RATE, WIDE

pytestmark = pytest.mark.cocotb

CONFIG, SHAPES = WIDE


@pytest.fixture(scope="module")
def data():
    generator = torch.Generator().manual_seed(0)
    return (torch.randn(40, 12, generator=generator, dtype=torch.float64).numpy(),
            torch.randint(8, (40,), generator=generator).numpy(),
            torch.randn(40, 8, generator=generator, dtype=torch.float64).numpy())


@pytest.fixture
def pair(data):
    """Load the golden device and the RTL, which is as fast to load as to make."""
    x, _, targets = map(torch.as_tensor, data)
    model = ClosNet(SHAPES, generator=torch.Generator().manual_seed(1))
    form = propose_format(model, x, targets, mean_squared_error, RATE,
                          widths=TrainingWidths(velocity_bits=32))

    def load(**options):
        compiled = compile(form, CONFIG, **options)
        state = initial_state(model, compiled.format, seed=1, rows=2, cols=2)
        for device in devices:
            device.load(compiled, state)
        return devices

    with GoldenDevice() as golden, SimDevice() as sim:
        devices = golden, sim
        yield load


def test_steps_of_one_sample(pair, data):
    golden, sim = pair(momentum=2, frozen=[0])
    x, labels, targets = data
    before = sim.read_state()
    # Softmax cross-entropy is bounded: all samples in one run. The squared error is not.
    steps = [device.train_step(x[:6], labels[:6], learning_rate=RATE) for device in (golden, sim)]
    assert steps[0].loss == steps[1].loss and steps[0].cycles is None
    assert 6 * 50 < steps[1].cycles == sim.last_cycles < 6 * 1000
    np.testing.assert_array_equal(steps[0].outputs, steps[1].outputs)
    for device in (golden, sim):
        device.train_step(x[6:8], targets[6:8], learning_rate=RATE, loss=mean_squared_error)
    assert golden.read_state() == sim.read_state() != before
    for mine, theirs in zip(golden.read_weights(), sim.read_weights(), strict=True):
        for name, weights in mine.items():
            np.testing.assert_array_equal(weights, theirs[name])
    # More outputs than all FIFOs hold come back while inputs still go in.
    np.testing.assert_array_equal(golden.forward(x), sim.forward(x))


def test_forward_and_backward_of_a_batch(pair, data):
    golden, sim = pair(batches=True, input_gradient=True)
    x, _, targets = data
    found = []
    for device in (golden, sim):
        outputs = device.forward(x[:5])
        found.append((outputs, device.backward(outputs - targets[:5], learning_rate=RATE / 40)))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])
    assert found[1][1].any()
    assert golden.read_state() == sim.read_state()


def test_a_module_on_the_rtl(pair, data):
    devices = pair(batches=True, input_gradient=True)
    gradients = []
    for device in devices:
        x = torch.as_tensor(data[0][:4]).requires_grad_()
        TorusModule(device, RATE)(x).square().mean().backward()
        gradients.append(x.grad)
    assert torch.equal(*gradients) and bool(gradients[0].any())
    assert devices[0].read_state() == devices[1].read_state()


def test_a_state_is_read_and_written(pair, data):
    golden, sim = pair(batches=True)
    x, labels, _ = data
    for device in (golden, sim):
        device.train_step(x[:4], labels[:4], learning_rate=RATE)
    kept = sim.read_state()
    checkpoint = sim.checkpoint()
    sim.train_step(x[4:8], labels[4:8], learning_rate=RATE)
    assert sim.read_state() != kept
    sim.restore(checkpoint)
    assert sim.read_state() == kept == golden.read_state()
    # Accumulators and random generators are a part of it.
    for device in (golden, sim):
        device.train_step(x[4:8], labels[4:8], learning_rate=RATE)
    assert sim.read_state() == golden.read_state()
    with pytest.raises(GoldenError):
        sim.write_state(dataclasses.replace(kept, lfsr=kept.lfsr[:3]))
    assert sim.read_state() == golden.read_state()


def test_what_is_refused_leaves_the_weights(pair, data):
    _, sim = pair(batches=True)
    x, labels, targets = data
    before = sim.read_state()
    with pytest.raises(DriverError, match="learning_rate"):
        sim.train_step(x[:2], labels[:2], learning_rate=1e6)
    with pytest.raises(ModelError, match="finite"):
        sim.train_step(x[:2], targets[:2] * np.nan, learning_rate=RATE, loss=mean_squared_error)
    with pytest.raises(DriverError, match="finite"):
        sim.train_step(x[:2] * np.inf, labels[:2], learning_rate=RATE)
    with pytest.raises(DriverError, match="must follow a forward"):
        sim.backward(targets[:2], learning_rate=RATE)
    sim.forward(x[:2])
    with pytest.raises(DriverError, match="gradient must have shape"):
        sim.backward(targets[:3], learning_rate=RATE)
    assert sim.read_state() == before


def test_a_device_must_be_loaded(pair):
    with SimDevice() as device, pytest.raises(DriverError, match="must be loaded"):
        device.forward(np.zeros((1, 12)))
    _, sim = pair()
    sim.close()
    with pytest.raises(DriverError, match="must be loaded"):
        _ = sim.model
