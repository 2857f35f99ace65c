"""What a device has loaded: whose turn it is, and what is left of a run that is broken off."""

import copy
import pickle
import threading
import types

import numpy as np
import pytest

from golden import Split, softmax_cross_entropy
from golden.vectors.nets import paper_example, random_words
from sw_driver import GoldenDevice, compile
from sw_driver.device.loaded import Loaded
from sw_driver.errors import DriverError
from sw_driver.serial import SerialDevice
from sw_driver.train.loop import TrainingLoop
from sw_driver.train.recipe import Recipe
from sw_driver.train.torch_module import TorusModule
from tests.support.trained_devices import RATE, Interpreted, InterpretedDevice, loaded

AGAIN = r"must be loaded again, .* broken off .*: call load\(\)"
INSIDE = "from inside a run of its own"
WAIT_S = 60


class Stop(Exception):
    """Raised by a function of the user's."""


def stop(*_, **__):
    raise Stop


def fails(call, at):
    """Do as `call`, but stop at its call of this number."""
    left = [at]

    def failing(*arguments, **options):
        left[0] -= 1
        return stop() if left[0] == 0 else call(*arguments, **options)

    return failing


def test_only_what_went_well_leaves_a_net():
    held = Loaded[str]()
    for act in (lambda: held.net, held.use, lambda: held.run(len)):
        with pytest.raises(DriverError, match="a net must be loaded before"):
            act()
    held.load("first", lambda: None)
    assert (held.net, held.use(), held.run(len)) == ("first", "first", 5)
    with pytest.raises(Stop):
        held.run(stop)
    for act in (lambda: held.net, held.use, lambda: held.run(len)):
        with pytest.raises(DriverError, match=AGAIN):
            act()
    held.load("second", lambda: None)
    with pytest.raises(Stop):
        held.load("third", stop)
    with pytest.raises(DriverError, match="a net must be loaded before"):
        held.use()


def test_inside_a_run_nothing_else_is_done():
    held = Loaded[str]()
    held.load("net", lambda: None)

    def inside(net):
        assert held.net == net == "net"
        for act in (held.use, lambda: held.run(len), held.clear,
                    lambda: held.load("other", lambda: None)):
            with pytest.raises(DriverError, match=INSIDE):
                act()
        return "done"

    assert held.run(inside) == "done"
    assert held.use() == "net"

    def inside_a_load():
        for act in (held.use, held.clear, lambda: held.load("other", lambda: None)):
            with pytest.raises(DriverError, match=INSIDE):
                act()

    held.load("second", inside_a_load)
    assert held.use() == "second"


def test_a_thread_waits_for_its_turn():
    held, goes_on, seen = Loaded[str](), threading.Event(), []
    held.load("first", lambda: None)

    def long(net):
        thread.start()
        assert not goes_on.wait(0.05)
        seen.append(net)

    def replace():
        held.load("second", lambda: None)
        seen.append(held.run(str.upper))
        goes_on.set()

    thread = threading.Thread(target=replace)
    held.run(long)
    assert goes_on.wait(WAIT_S)
    thread.join()
    assert seen == ["first", "SECOND"]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda held: pickle.loads(pickle.dumps(held))])
def test_a_copy_has_a_turn_of_its_own(copied):
    held = Loaded[str]()
    held.load("net", lambda: None)
    with held.turn:
        other = copied(held)
        thread = threading.Thread(target=lambda: other.run(len))
        thread.start()
        thread.join(WAIT_S)
        assert not thread.is_alive()


def broken_runs(device, x, labels):
    """Steps that stop in the midst of them, when a function of the user's is called."""
    words = device.to_words(x)
    yield lambda: device.train_words(words, fails(lambda sample, y: np.zeros(4, int), 3))
    yield lambda: device.train_step(x, labels, learning_rate=RATE,
                                    loss=fails(softmax_cross_entropy, 3))


@pytest.mark.parametrize("kind", [GoldenDevice, InterpretedDevice])
def test_after_a_training_run_that_is_broken_off_the_net_must_be_loaded(kind):
    device, x, labels = loaded(kind)
    compiled, state = device.compiled, device.read_state()
    for broken in broken_runs(device, x, labels):
        with pytest.raises(Stop):
            broken()
        for use in (lambda: device.forward(x), device.read_state, lambda: device.compiled,
                    lambda: device.backward(np.zeros((1, 4)), learning_rate=RATE),
                    lambda: device.write_state(state), device.checkpoint,
                    lambda: device.train_step(x, labels, learning_rate=RATE)):
            with pytest.raises(DriverError, match=AGAIN):
                use()
        device.load(compiled, state)
        assert device.read_state() == state


@pytest.mark.parametrize("call", ["forward", "read_state", "write_state"])
def test_a_transfer_that_is_broken_off(call, monkeypatch):
    device, x, _ = loaded(InterpretedDevice)
    state = device.read_state()
    arguments = {"forward": (x,), "read_state": (), "write_state": (state,)}[call]
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Interpreted, "exchange",
                      lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
        getattr(device, call)(*arguments)
    with pytest.raises(DriverError, match=AGAIN):
        device.read_state()


def test_a_gradient_function_cannot_use_its_device():
    device, x, labels = loaded(GoldenDevice)
    compiled, state = device.compiled, device.read_state()

    def gradient(sample, y):
        for use in (lambda: device.forward(x), device.read_state, device.close,
                    lambda: device.load(compiled, state)):
            with pytest.raises(DriverError, match=INSIDE):
                use()
        return np.zeros(4, int)

    device.train_words(device.to_words(x[:2]), gradient)
    assert device.forward(x).shape == (40, 4)


def test_ways_back_belong_to_the_threads_of_their_ways_forward():
    """Between two calls of one thread, another one computes: each trains on what it has seen."""
    device, x, _ = loaded(GoldenDevice, input_gradient=True)
    alone, _, _ = loaded(GoldenDevice, input_gradient=True)
    gradient = np.full((1, 4), 0.25)
    alone.forward(x[:1])
    wanted = alone.backward(gradient, learning_rate=RATE)
    device.forward(x[:1])
    refused = []

    def other():
        with pytest.raises(DriverError, match="must follow a forward"):
            device.backward(gradient, learning_rate=RATE)
        device.forward(x[1:2])
        went_forward.set()
        assert trained.wait(WAIT_S)
        with pytest.raises(DriverError, match="must follow a forward") as caught:
            device.backward(gradient, learning_rate=RATE)
        refused.append(caught.value)

    went_forward, trained = threading.Event(), threading.Event()
    thread = threading.Thread(target=other)
    thread.start()
    assert went_forward.wait(WAIT_S)
    np.testing.assert_array_equal(device.backward(gradient, learning_rate=RATE), wanted)
    trained.set()
    thread.join(WAIT_S)
    assert refused and device.read_state() == alone.read_state()


def test_a_module_trains_on_what_it_was_given():
    """Whatever else was computed on its device since."""
    found = []
    for between in (False, True):
        device, x, _ = loaded(GoldenDevice)
        outputs = TorusModule(device, RATE)(x[:1])
        if between:
            device.forward(x[5:6])
        outputs.sum().backward()
        found.append(device.read_state())
    assert found[0] == found[1]


def test_a_module_goes_back_in_another_thread():
    """As autograd does for tensors of a GPU."""
    found = []
    for elsewhere in (False, True):
        device, x, _ = loaded(GoldenDevice)
        loss = TorusModule(device, RATE)(x[:1]).sum()
        if elsewhere:
            thread = threading.Thread(target=loss.backward)
            thread.start()
            thread.join(WAIT_S)
        else:
            loss.backward()
        found.append(device.read_state())
    assert found[0] == found[1]


def trained(rate, stops_at):
    """What a loop of two parts gives, if it is broken off once and goes on."""
    device, x, labels = loaded(GoldenDevice)
    inputs, classes, compiled = x.numpy(), labels.numpy(), device.compiled
    split = Split(inputs[:32], classes[:32], inputs[32:], classes[32:], "random")
    watch = fails(lambda done, total: None, stops_at)
    loop = TrainingLoop(device, Recipe(epochs=1, learning_rate=rate), split, part=16, watch=watch)
    kept = [device.read_state()]
    if stops_at:
        with pytest.raises(Stop):
            list(loop.run(lambda: kept.append(device.read_state())))
        device.load(compiled, kept[-1])
    return [*loop.run()], loop.losses, loop.position.empty, device.read_state()


@pytest.mark.parametrize("rate", [RATE, 1e-9])
def test_a_training_goes_on_after_a_part_that_was_broken_off(rate):
    """From the state of the part's beginning, as if nothing had happened; also to count zeros."""
    assert trained(rate, 0) == trained(rate, 7) == trained(rate, 30)


def test_steps_of_several_threads_are_whole():
    device, x, labels = loaded(GoldenDevice)
    alone, _, _ = loaded(GoldenDevice)
    for _ in range(8):
        alone.train_step(x[:2], labels[:2], learning_rate=RATE)
    errors = []

    def train():
        try:
            for _ in range(2):
                device.train_step(x[:2], labels[:2], learning_rate=RATE)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=train) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert not errors and device.read_state() == alone.read_state()


def test_devices_that_compute_alone_can_be_copied():
    device, x, _ = loaded(GoldenDevice)
    module = copy.deepcopy(TorusModule(device, RATE))
    module(x[:1]).sum().backward()
    before = device.read_state()
    pickle.loads(pickle.dumps(device)).write_state(before)
    assert module._device.read_state() != device.read_state() == before
    golden = GoldenDevice()
    golden.load(compile(paper_example().net, "1x1"))
    inputs = random_words(golden.compiled.net, 3, seed=0).numpy()
    np.testing.assert_array_equal(copy.deepcopy(golden).infer_words(inputs),
                                  golden.infer_words(inputs))


def test_a_progress_function_that_stops_a_board(monkeypatch):
    compiled = compile(paper_example().net, "1x1")
    left = []

    class Board:
        """Takes what is sent, and gives zeros."""

        hardware_id, weights_id, input_bits = compiled.config.hardware_id, 0, 0

        def __init__(self, *_, **__):
            left.append(self)

        def send(self, data):
            pass

        def receive(self, count, progress):
            progress(count // 2)
            if count == compiled.config.host_bits // 8:
                return compiled.config.hardware_id.to_bytes(count, "little")
            return bytes(count)

        def flush(self, progress):
            progress(0)

        def close(self):
            left.remove(self)

    monkeypatch.setattr("sw_driver.serial.transport.Connection", Board)
    told = types.SimpleNamespace(stops_at=None)

    def tell(work, done, total):
        if (work, done) == told.stops_at:
            raise Stop

    x = np.zeros((4, compiled.net.shapes[0].in_features), np.int64)
    with SerialDevice("port", progress=tell) as device:
        for told.stops_at in (("open the port", 0), ("load the weights", 1)):
            with pytest.raises(Stop):
                device.load(compiled)
            assert not left
            with pytest.raises(DriverError, match="a net must be loaded before"):
                device.infer_words(x)
        told.stops_at = None
        device.load(compiled)
        told.stops_at = "run samples", 2
        with pytest.raises(Stop):
            device.infer_words(x)
        assert not left
        with pytest.raises(DriverError, match=AGAIN):
            device.infer_words(x)
        told.stops_at = None
        device.load(compiled)
        assert device.infer_words(x).shape == (4, compiled.net.shapes[-1].out_features)
    assert not left
