"""Training on a simulated board behind a pseudo-terminal: the same words as the golden model."""

import numpy as np
import pytest
import torch

from golden import ClosNet, TrainingWidths, initial_state, softmax_cross_entropy
from golden.training.scales import propose_format
from sim.model.board import BoardModel
from sim.model.board_terminal import BoardTerminal
from sim.model.wire import Damage
from sw_driver.compiler import compile
from sw_driver.device.golden import GoldenDevice
from sw_driver.errors import DriverError, LinkError
from sw_driver.serial import Patience, SerialDevice
from tests.support.boards import TRAINING_CONFIG, TRAINING_SHAPES
from tests.support.command_line import fail

pytestmark = pytest.mark.usefixtures("toolchain")

RATE = 0.05
PATIENCE = Patience(answer_s=30.0)


@pytest.fixture(scope="module")
def net():
    """A net, compiled, its first state, and data to train on."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(20, 12, generator=generator, dtype=torch.float64)
    labels = torch.randint(8, (20,), generator=generator)
    model = ClosNet(TRAINING_SHAPES, generator=torch.Generator().manual_seed(1))
    form = propose_format(model, x, labels, softmax_cross_entropy, RATE,
                          widths=TrainingWidths())
    compiled = compile(form, TRAINING_CONFIG)
    state = initial_state(model, compiled.format, seed=1, rows=1, cols=1)
    return compiled, state, x.numpy(), labels.numpy()


@pytest.mark.slow
@pytest.mark.parametrize("per_mille, samples", [(0, 20), (5, 4)])
def test_steps_are_those_of_the_golden_model(net, per_mille, samples):
    compiled, state, x, labels = net
    x, labels = x[:samples], labels[:samples]
    with (BoardModel.of(TRAINING_CONFIG) as board,
          BoardTerminal(board, Damage(per_mille, seed=1)) as terminal,
          SerialDevice(terminal.port, patience=PATIENCE) as serial,
          GoldenDevice() as golden):
        steps = []
        for device in (golden, serial):
            device.load(compiled, state)
            steps.append(device.train_step(x, labels, learning_rate=RATE))
        assert steps[0].loss == steps[1].loss and steps[1].cycles is None
        np.testing.assert_array_equal(steps[0].outputs, steps[1].outputs)
        np.testing.assert_array_equal(golden.forward(x), serial.forward(x))
        assert golden.read_state() == serial.read_state() != state
        assert (serial.figures.damaged > 0) == (per_mille > 0)


def test_a_board_with_weights_is_refused(net, monkeypatch):
    class Baked:
        hardware_id, weights_id = TRAINING_CONFIG.hardware_id, 0x0123_4567

        def __init__(self, *_, **__):
            pass

        def close(self):
            pass

    monkeypatch.setattr("sw_driver.serial.transport.Connection", Baked)
    compiled, state, _, _ = net
    with pytest.raises(LinkError, match="to train, not with 01234567: build it without --bake"):
        SerialDevice("port").load(compiled, state)


@pytest.mark.parametrize("error", [LinkError("silence"), KeyboardInterrupt()])
@pytest.mark.parametrize("trains", [False, True])
def test_a_run_that_is_broken_off_leaves_nothing(net, monkeypatch, error, trains):
    opened = []

    class Silent:
        """Tells its hardware id, and nothing else."""

        hardware_id, weights_id, input_bits = TRAINING_CONFIG.hardware_id, 0, 0
        closed = False

        def __init__(self, *_, **__):
            opened.append(self)

        def send(self, data):
            assert not self.closed

        def receive(self, count, progress):
            if count != 8:
                raise error
            return TRAINING_CONFIG.hardware_id.to_bytes(8, "little")

        def flush(self, progress):
            assert not self.closed

        def close(self):
            self.closed = True

    monkeypatch.setattr("sw_driver.serial.transport.Connection", Silent)
    compiled, state, x, labels = net
    with SerialDevice("port") as device:
        device.load(compiled, state)
        with pytest.raises(type(error)):
            if trains:
                device.train_step(x, labels, learning_rate=RATE)
            else:
                device.forward(x)
        assert [connection.closed for connection in opened] == [True]
        for use in (lambda: device.forward(x), device.read_state):
            with pytest.raises(DriverError, match=r"must be loaded .*call load\(\)"):
                use()
        device.load(compiled, state)
        assert [connection.closed for connection in opened] == [True, False]


def test_errors(net, tmp_path):
    compiled, state, _, _ = net
    device = SerialDevice(str(tmp_path / "none"))
    with pytest.raises(LinkError, match="port must be a serial port"):
        device.load(compiled, state)
    with pytest.raises(DriverError, match="a net must be loaded"):
        _ = device.figures
    fail(2, "port must name the serial port", "train", "--device", "serial", "-o",
         tmp_path / "model.pt")
    fail(2, "port needs --device serial, not sim", "train", "--device", "sim", "--port", "x", "-o",
         tmp_path / "model.pt")
