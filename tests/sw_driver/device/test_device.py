"""Devices: the golden one computes the net, and no bad input reaches any device."""

import numpy as np
import pytest
import torch

from golden import ClosNet, ClosShape, GoldenWarning, quantise
from golden.vectors.nets import paper_example, random_net, random_words
from sw_driver import Device, DriverError, GoldenDevice, compile

SHAPE = ClosShape(13, 9, 4, 3, 2)


class Spy(Device):
    """A device that notes what it is asked to compute."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def _load(self, compiled, state):
        pass

    def _train(self, compiled, x, gradient_of):
        raise AssertionError("nothing may train")

    def _read_state(self, compiled):
        raise AssertionError("nothing may be read")

    def _write_state(self, compiled, state):
        raise AssertionError("nothing may be written")

    def _infer_words(self, x):
        self.seen.append(x)
        return np.zeros((len(x), 9), np.int64)


@pytest.fixture(scope="module")
def compiled():
    return compile(random_net([SHAPE], seed=3, act_bits=12, weight_bits=9), "2x3")


@pytest.fixture
def spy(compiled):
    device = Spy()
    device.load(compiled)
    return device


def test_golden_words_are_those_of_the_net(compiled):
    x = random_words(compiled.net, 20, seed=4)
    with GoldenDevice() as device:
        device.load(compiled)
        y = device.infer_words(x.numpy())
    assert y.dtype == np.int64
    np.testing.assert_array_equal(y, compiled.net.forward_words(x).numpy())


def test_golden_does_not_look_at_the_images(compiled):
    spoiled = compile(compiled.net, "2x3")
    spoiled.executable.images.weights[:] = 0
    x = random_words(compiled.net, 3, seed=4)
    with GoldenDevice() as device:
        device.load(spoiled)
        np.testing.assert_array_equal(
            device.infer_words(x.numpy()), compiled.net.forward_words(x).numpy()
        )


def test_papers_example():
    vector = paper_example()
    with GoldenDevice() as device:
        device.load(compile(vector.net, "2x2"))
        np.testing.assert_array_equal(device.infer_words(vector.x.numpy()), vector.y.numpy())


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int64])
def test_infer_is_quantise_compute_dequantise(dtype):
    torch.manual_seed(5)
    model = ClosNet([SHAPE])
    x = (torch.rand(30, 13) * 2 - 1).numpy().astype(dtype)
    net = quantise(model, torch.rand(30, 13))
    with GoldenDevice() as device:
        device.load(compile(net, "1x1"))
        y = device.infer(x)
    assert y.dtype == np.float64
    np.testing.assert_array_equal(y, net.infer(torch.as_tensor(x).double()).numpy())


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros(13), r"shape \[N, 13\] with N at least 1, not \[13\]"),
        (np.zeros((2, 12)), r"shape \[N, 13\] with N at least 1, not \[2, 12\]"),
        (np.zeros((0, 13)), r"shape \[N, 13\] with N at least 1, not \[0, 13\]"),
        (np.zeros((2, 13, 1)), r"shape \[N, 13\] with N at least 1, not \[2, 13, 1\]"),
        (np.zeros((2, 13), complex), "inputs must be real numbers, not complex128"),
        (np.zeros((2, 13), bool), "inputs must be real numbers, not bool"),
        (np.full((2, 13), "a"), "inputs must be real numbers, not <U1"),
        (np.full((2, 13), None), "inputs must be real numbers, not object"),
        ([[1.0], [2.0, 3.0]], "inputs must be an array"),
        (np.where(np.eye(13) > 0, np.nan, 0), "finite, but input 0 of sample 0 is nan"),
        (np.where(np.eye(13) > 0, 0, np.inf), "finite, but input 1 of sample 0 is inf"),
    ],
)
def test_bad_real_inputs(spy, x, message):
    with pytest.raises(DriverError, match=message):
        spy.infer(x)
    assert not spy.seen


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((2, 13)), "inputs must be whole numbers, not float64"),
        (np.zeros((2, 14), np.int64), r"shape \[N, 13\] with N at least 1, not \[2, 14\]"),
        (np.full((2, 13), 2048), "must be -2048 to 2047 to fit act_bits = 12.* from 2048 to 2048"),
        (np.full((2, 13), -2049), "must be -2048 to 2047 to fit act_bits = 12, .* from -2049"),
        (np.full((1, 13), 2**64 - 1, np.uint64), "must be -2048 to 2047"),
    ],
)
def test_bad_words(spy, x, message):
    with pytest.raises(DriverError, match=message):
        spy.infer_words(x)
    assert not spy.seen


def test_extreme_words_pass(spy):
    words = np.array([[-2048, 2047] + [0] * 11], np.int16)
    spy.infer_words(words)
    assert spy.seen[0].dtype == np.int64
    np.testing.assert_array_equal(spy.seen[0], words)


def test_large_reals_saturate_and_are_warned_of(spy):
    message = r"13 of 13 input values are beyond -.* were clipped: calibrate on data"
    with pytest.warns(GoldenWarning, match=message) as seen:
        spy.infer(np.full((1, 13), 1e30))
    assert seen[0].filename == __file__
    assert (spy.seen[0] == 2047).all()
    assert spy.saturated_inputs == 13


def test_the_largest_calibrated_value_does_not_saturate(spy, compiled):
    limit = 2.0 ** -compiled.net.input_fraction_bits
    x = np.zeros((2, 13))
    x[0, 0], x[1, 2] = 2047.4 * limit, -2048.5 * limit
    spy.infer(x)
    assert spy.saturated_inputs == 0
    x[1, 1] = 2047.6 * limit
    with pytest.warns(GoldenWarning, match="1 of 26"):
        spy.infer(x)


def test_nothing_is_loaded(compiled):
    device = Spy()
    with pytest.raises(DriverError, match="a net must be loaded before"):
        device.infer(np.zeros((1, 13)))
    device.load(compiled)
    device.close()
    with pytest.raises(DriverError, match="a net must be loaded before"):
        device.infer(np.zeros((1, 13)))


def test_a_load_that_fails_leaves_nothing_loaded(compiled):
    class Broken(Spy):
        def _load(self, compiled, state):
            if self.broken:
                raise DriverError("broken")

    device = Broken()
    device.broken = False
    device.load(compiled)
    device.broken = True
    with pytest.raises(DriverError, match="broken"):
        device.load(compiled)
    with pytest.raises(DriverError, match="a net must be loaded before"):
        device.infer_words(np.zeros((1, 13), np.int64))
