"""Training runs on the RTL that end early, and several threads: right, or "load it again"."""

import functools
import threading

import numpy as np
import pytest
import torch

import sim.model.native
from golden import ClosNet, TrainingWidths, initial_state, softmax_cross_entropy
from golden.training.scales import propose_format
from sim.device.compare import ComparedTraining
from sim.device.compared import ComparedDevice
from sim.device.device import SimDevice
from sim.errors import Unfinished
from sim.model.native import NativeModel
from sw_driver.compiler import compile
from sw_driver.device.golden import GoldenDevice
from sw_driver.errors import DriverError
from sw_driver.train.torch_module import TorusModule
from tests.support.knobs import mostly_slow
from tests.support.training_tori import RATE, UNPADDED, WIDE

pytestmark = pytest.mark.usefixtures("toolchain")

AGAIN = r"must be loaded again, .* broken off .*: call load\(\)"
KINDS = [SimDevice, ComparedDevice]
# Other tests build the models of these, too.
TORI = {SimDevice: WIDE, ComparedDevice: UNPADDED}
WAIT_S = 120


class Stop(Exception):
    """Raised by a gradient or a loss function."""


@functools.cache
def net_for(kind):
    """A net, its first state, inputs and labels."""
    torus, generator = TORI[kind], torch.Generator().manual_seed(0)
    batches = kind is SimDevice  # The programs of the other torus are short.
    x = torch.randn(12, torus.shapes[0].in_features, generator=generator, dtype=torch.float64)
    labels = torch.randint(8, (12,), generator=generator)
    model = ClosNet(torus.shapes, generator=torch.Generator().manual_seed(1))
    form = propose_format(model, x, labels, softmax_cross_entropy, RATE,
                          widths=TrainingWidths(velocity_bits=32))
    compiled = compile(form, torus.config, batches=batches, input_gradient=batches)
    state = initial_state(model, compiled.format, seed=1, rows=2, cols=2)
    return compiled, state, x.numpy(), labels.numpy()


def fails(call, at=1):
    """Do as `call`, but stop at its call of this number."""
    left = [at]

    def failing(*arguments, **options):
        left[0] -= 1
        if left[0] == 0:
            raise Stop
        return call(*arguments, **options)

    return failing


def uses(device, x, labels):
    return [lambda: device.forward(x), lambda: device.train_step(x, labels, learning_rate=RATE),
            device.read_state, device.read_weights, device.checkpoint, lambda: device.compiled]


def check(device, net):
    """Load, and train as the golden device does."""
    compiled, state, x, labels = net
    found = []
    with GoldenDevice() as golden:
        for one in (golden, device):
            one.load(compiled, state)
            outputs = one.train_step(x[:3], labels[:3], learning_rate=RATE).outputs
            found.append((outputs, one.forward(x[:2]), one.read_state()))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])
    assert found[0][2] == found[1][2]


@pytest.mark.parametrize("kind", mostly_slow(KINDS, (0,)))
def test_after_a_run_that_is_broken_off_the_net_must_be_loaded(kind, monkeypatch):
    net = compiled, state, x, labels = net_for(kind)

    def never(*arguments, **options):
        raise Unfinished("stuck")

    with kind() as device:
        def train_words(at):
            device.train_words(device.to_words(x), fails(lambda sample, y: np.zeros(8, int), at))

        def cut_off(call):
            with monkeypatch.context() as patch:
                patch.setattr(NativeModel, "run", never)
                call()

        breaks = [
            (Stop, lambda: train_words(1)), (Stop, lambda: train_words(7)),
            (Stop, lambda: device.train_step(x, labels, learning_rate=RATE,
                                             loss=fails(softmax_cross_entropy, 5))),
            (Unfinished, lambda: cut_off(device.read_state)),
            (Unfinished, lambda: cut_off(lambda: device.write_state(state))),
        ]
        if kind is SimDevice:  # The other one asks the golden model.
            breaks.append((Unfinished, lambda: cut_off(lambda: device.forward(x))))
        for error, broken in breaks:
            check(device, net)
            with pytest.raises(error):
                broken()
            for use in uses(device, x, labels):
                with pytest.raises(DriverError, match=AGAIN):
                    use()
        check(device, net)


@pytest.mark.parametrize("kind", KINDS)
def test_after_a_load_that_is_broken_off_nothing_is_loaded(kind, monkeypatch):
    net = compiled, state, x, labels = net_for(kind)
    with kind() as device:
        check(device, net)
        with monkeypatch.context() as patch, pytest.raises(Stop):
            patch.setattr(NativeModel, "run", fails(NativeModel.run, 2))
            device.load(compiled, state)
        for use in uses(device, x, labels):
            with pytest.raises(DriverError, match=r"must be loaded .*call load\(\)"):
                use()
        check(device, net)


def test_two_sides_that_are_apart_must_be_loaded_again():
    compiled, state, _, _ = net_for(ComparedDevice)
    words = np.zeros((2, 8), np.int64)
    with ComparedTraining(compiled, state) as compared:
        for error in (Stop, KeyboardInterrupt):
            with pytest.raises(error):
                compared.train(words, lambda sample, y, error=error: (_ for _ in ()).throw(error()))
            with pytest.raises(DriverError, match=AGAIN):
                compared.train(words, lambda sample, y: np.zeros(8, np.int64))
            compared.load(state)
            compared.train(words, lambda sample, y: np.ones(8, np.int64))


def test_a_module_on_a_device_whose_run_was_broken_off(monkeypatch):
    compiled, state, x, _ = net_for(SimDevice)
    with SimDevice() as device:
        device.load(compiled, state)
        module = TorusModule(device, RATE)
        rows = torch.as_tensor(x)
        outputs = module(rows)
        with monkeypatch.context() as patch, pytest.raises(Stop):
            patch.setattr(NativeModel, "run", fails(NativeModel.run, 3))
            outputs.sum().backward()
        for use in (lambda: module(rows), lambda: module.eval()(rows), module.state_dict):
            with pytest.raises(DriverError, match=AGAIN):
                use()
        device.load(compiled, state)
        torch.testing.assert_close(module.eval()(rows), outputs)


def test_threads_take_turns_on_one_device(monkeypatch):
    monkeypatch.setattr(sim.model.native, "_SLICE_CYCLES", 100)
    compiled, state, x, _ = net_for(SimDevice)
    with SimDevice() as device, GoldenDevice() as golden:
        for one in (device, golden):
            one.load(compiled, state)
        wanted = golden.forward(x)
        found, errors = [], []

        def use():
            try:
                found.extend(device.forward(x) for _ in range(3))
                device.read_state()
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=use) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT_S)
        assert not errors and len(found) == 9
        for outputs in found:
            np.testing.assert_array_equal(outputs, wanted)
