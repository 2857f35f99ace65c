"""Whatever a user hands to a device is taken for what it means, or refused in one line."""

import functools

import numpy as np
import pytest
import torch
from torch import nn

from golden.vectors.nets import random_net
from sw_driver import GoldenDevice, compile
from sw_driver.device.arrays import as_array, as_rate
from sw_driver.errors import DriverError, HostDataError
from sw_driver.train.torch_module import TorusModule
from tests.support.trained_devices import RATE, SHAPES, loaded

INPUTS, OUTPUTS = SHAPES[0].in_features, SHAPES[-1].out_features


def numbers(seed=0, samples=3):
    """Real numbers that bfloat16 holds, too."""
    random = np.random.default_rng(seed)
    return random.integers(-16, 16, (samples, INPUTS)) / 16.0


def masked(x, mask=None):
    return np.ma.MaskedArray(x, mask)


# The same numbers, in every form that means them.
FORMS = {
    "list": lambda x: x.tolist(),
    "tuples": lambda x: tuple(map(tuple, x.tolist())),
    "list of arrays": list,
    "list of numpy scalars": lambda x: [list(row) for row in x],
    "list of tensors": lambda x: [torch.as_tensor(row, dtype=torch.bfloat16) for row in x],
    "float32": np.float32,
    "longdouble": lambda x: x.astype(np.longdouble),
    "other byte order": lambda x: x.astype(">f8"),
    "backwards": lambda x: x[::-1, ::-1].copy()[::-1, ::-1],
    "Fortran order": np.asfortranarray,
    "read-only": lambda x: np.frombuffer(x.tobytes()).reshape(x.shape),
    "masked nowhere": masked,
    "tensor": torch.tensor,
    "tensor with a history": lambda x: torch.tensor(x, requires_grad=True) * 1.0,
    "parameter": lambda x: nn.Parameter(torch.tensor(x)),
    "tensor of bfloat16": lambda x: torch.tensor(x, dtype=torch.bfloat16),
    "tensor of float16": lambda x: torch.tensor(x, dtype=torch.float16),
    "transposed tensor": lambda x: torch.tensor(x.T.copy()).T,
    "expanded tensor": lambda x: torch.tensor(x[None]).expand(2, *x.shape)[1],
    "negative view": lambda x: torch.complex(torch.tensor(x), torch.tensor(-x)).conj().imag,
}

# What does not mean numbers, with what is said of it.
REFUSED = {
    "inputs must be real numbers, not object: convert them": lambda x: x.astype(object),
    "inputs must be real numbers, not complex128": lambda x: torch.tensor(x + 0j).conj(),
    "inputs must be real numbers, not bool": lambda x: torch.tensor(x > 0),
    "inputs must be real numbers, not <U": lambda x: x.astype(str),
    "inputs must be real numbers, not datetime64": lambda x: x.astype("M8[s]"),
    "inputs must have no masked values": lambda x: masked(x, x > 0),
    "inputs must have no masked": lambda x: list(masked(x, x > 0)),
    "inputs must be an array: .*inhomogeneous": lambda x: [[1.0], [1.0, 2.0]],
    "inputs must be an array: a tensor on the device meta": lambda x: torch.tensor(
        x, device="meta"),
    "inputs must be an array: ": lambda x: torch.tensor(x).to_sparse(),
    r"inputs must have shape \[N, 12\] with N at least 1, not \[\]": lambda x: np.float64(1),
    r"inputs must have shape \[N, 12\] with N at least 1, not \[12\]": lambda x: x[0],
    r"inputs must have shape \[N, 12\] with N at least 1, not \[0, 12\]": lambda x: x[:0],
    "inputs must be real numbers, not object": lambda x: None,
    "inputs must be finite": lambda x: np.full(x.shape, np.longdouble("1e400")),
}


@functools.cache
def compiled_net(**options):
    device, _, _ = loaded(GoldenDevice, **options)
    return device.compiled, device.read_state()


def fresh(**options):
    """A device that trains, in its first state."""
    device = GoldenDevice()
    device.load(*compiled_net(**options))
    return device


@pytest.fixture(scope="module")
def golden():
    with GoldenDevice() as device:
        device.load(compile(random_net(SHAPES, seed=1), "1x1"))
        yield device


@pytest.fixture(scope="module")
def trained():
    return fresh()


@pytest.mark.parametrize("form", FORMS)
def test_what_is_obviously_meant_is_taken(form, golden, trained):
    x = numbers()
    given = FORMS[form](x)
    np.testing.assert_array_equal(golden.infer(given), golden.infer(x))
    np.testing.assert_array_equal(trained.forward(given), trained.forward(x))


@pytest.mark.parametrize("message", REFUSED)
def test_what_is_not_is_refused_in_one_line(message, golden, trained):
    for device in golden, trained:
        for use in device.to_words, device.infer if device is golden else device.forward:
            with pytest.raises(HostDataError, match=message) as caught:
                use(REFUSED[message](numbers()))
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", [
    lambda x: x.tolist(), np.int16, np.uint64, lambda x: x.astype(">i4"), torch.tensor,
    lambda x: torch.tensor(x, dtype=torch.uint8), lambda x: masked(x), lambda x: x[::-1][::-1],
    lambda x: [torch.tensor(row) for row in x]])
def test_words(form, golden, trained):
    words = np.arange(2 * INPUTS).reshape(2, INPUTS)
    for device, use in (golden, golden.infer_words), (trained, trained.infer_words):
        np.testing.assert_array_equal(use(form(words)), use(words))
        for wrong in (words / 2, words > 0, torch.tensor(words).double()):
            with pytest.raises(HostDataError, match="inputs must be whole numbers, not "):
                use(wrong)
        assert device.compiled


@pytest.mark.parametrize("labels", [
    [1, 0, 3], (1, 0, 3), np.array([1, 0, 3], np.int32), np.array([1, 0, 3], ">u2"),
    torch.tensor([1, 0, 3]), torch.tensor([1, 0, 3], dtype=torch.uint8),
    [np.int64(1), np.int8(0), np.uint8(3)], [torch.tensor(1), torch.tensor(0), torch.tensor(3)],
    np.frombuffer(bytes([1, 0, 3]), np.uint8)])
@pytest.mark.parametrize("rate", [RATE, np.float32(0.25), np.array(0.25), torch.tensor(0.25), 1])
def test_targets_and_rates(labels, rate):
    x, states = numbers(), []
    for given, number in ((labels, rate), ([1, 0, 3], float(rate))):
        device = fresh()
        device.train_step(x, given, learning_rate=number / 10)
        states.append(device.read_state())
    assert states[0] == states[1]


@pytest.mark.parametrize("rate", ["0.1", None, True, 1j, [0.1], np.array([0.1]), np.nan, 0, -1.0,
                                  torch.tensor([0.1]), torch.tensor(float("inf"))])
def test_rates_that_are_none(rate):
    with pytest.raises(DriverError, match="learning_rate must be finite and above 0, not "):
        as_rate(rate)


@pytest.mark.parametrize("gradient", [
    lambda words: words.tolist(), torch.tensor, lambda words: words.astype(np.int16)])
def test_gradients_of_a_function(gradient):
    states = []
    for form in gradient, np.asarray:
        device = fresh()
        device.train_words(device.to_words(numbers()), lambda sample, y, form=form: form(y - 5))
        states.append(device.read_state())
    assert states[0] == states[1]


def test_a_copy_is_made_where_it_must_be():
    x = numbers()
    assert np.shares_memory(as_array("x", x, "f", "real"), x)
    frozen = numbers()
    frozen.flags.writeable = False
    assert as_array("x", frozen, "f", "real").flags.writeable
    tensor = torch.tensor(x, requires_grad=True)
    as_array("x", tensor, "f", "real")
    assert tensor.requires_grad


# `TorusModule` takes the tensors that `nn.Linear` takes.


@pytest.fixture
def module():
    return TorusModule(fresh(batches=True, velocity_bits=36, input_gradient=True), RATE)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("train", [True, False])
def test_outputs_have_the_dtype_of_the_inputs(module, dtype, train):
    x = torch.tensor(numbers(), dtype=dtype, requires_grad=train)
    exact = torch.as_tensor(module._device.forward(numbers()))
    y = module.train(train)(x)
    assert (y.dtype, y.device, y.requires_grad) == (dtype, x.device, train)
    assert torch.equal(y, exact.to(dtype))
    if train:
        y.sum().backward()
        assert x.grad.dtype == dtype and bool(x.grad.any())


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("x, message", [
    (torch.zeros(2, INPUTS, dtype=torch.int64), "inputs must be float64, .* not int64: convert"),
    (torch.zeros(2, INPUTS, dtype=torch.int8), "not int8: convert"),
    (torch.zeros(2, INPUTS, dtype=torch.bool), "not bool: convert"),
    (torch.zeros(2, INPUTS, dtype=torch.complex64), "not complex64: convert"),
    (torch.zeros(2, INPUTS).to(torch.float8_e5m2), "not float8_e5m2: convert"),
    (torch.zeros(2, INPUTS).to_sparse(), "a dense tensor that has values, not sparse_coo"),
    (torch.zeros(2, INPUTS, device="meta"), "a dense tensor that has values, not one on the devi"),
    (np.zeros((2, INPUTS)), "inputs must be a torch.Tensor, not ndarray"),
    ([[0.0] * INPUTS], "inputs must be a torch.Tensor, not list"),
    (torch.tensor(0.0), r"shape \[..., 12\], not \[\]"),
    (torch.zeros(INPUTS + 1), r"shape \[..., 12\], not \[13\]"),
    (torch.zeros(INPUTS, 2), r"shape \[..., 12\], not \[12, 2\]"),
    (torch.full((1, INPUTS), torch.inf), "inputs must be finite"),
])
def test_tensors_that_a_module_refuses(module, x, message, train):
    before = module._device.read_state()
    with pytest.raises(HostDataError, match=message) as caught:
        module.train(train)(x)
    assert "\n" not in str(caught.value)
    assert module._device.read_state() == before


@pytest.mark.parametrize("shape", [(INPUTS,), (1, INPUTS), (2, 3, INPUTS), (2, 1, 3, INPUTS),
                                   (0, INPUTS), (2, 0, INPUTS)])
@pytest.mark.parametrize("train", [True, False])
def test_shapes_are_those_of_a_linear_layer(module, shape, train):
    linear = nn.Linear(INPUTS, OUTPUTS)
    before = module.train(train)._device.read_state()
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(shape, generator=generator, requires_grad=True)
    y = module(x)
    assert y.shape == linear(x).shape
    assert y.requires_grad == train
    if train:
        y.sum().backward()
        assert x.grad.shape == x.shape
        assert (module._device.read_state() != before) == (x.numel() > 0)


def test_an_empty_batch_is_no_pass(module):
    first = module(torch.tensor(numbers()))
    module(torch.zeros(0, INPUTS)).sum().backward()
    before = module._device.read_state()
    first.sum().backward()
    assert module._device.read_state() != before


@pytest.mark.parametrize("form", ["transposed tensor", "expanded tensor", "negative view"])
def test_a_module_takes_views(module, form):
    x = numbers()
    assert torch.equal(module(FORMS[form](x)), module(torch.tensor(x)))


def test_a_second_derivative_is_refused(module):
    x = torch.tensor(numbers(), requires_grad=True)
    found, = torch.autograd.grad(module(x).square().sum() / 100, x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        found.sum().backward()
