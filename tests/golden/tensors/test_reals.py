"""Real numbers from users: taken from whatever holds them, or refused in one line."""

import numpy as np
import pytest
import torch
from torch import nn

from golden import (
    ClosNet,
    ClosShape,
    ModelError,
    mean_squared_error,
    propose_format,
    quantise,
    softmax_cross_entropy,
)
from golden.tensors.reals import real_tensor, target_tensor
from golden.training.losses import LossValue, loss_value

VALUES = [[0.5, -1.0], [0.25, 2.0]]


@pytest.mark.parametrize(
    "values",
    [
        VALUES,
        tuple(map(tuple, VALUES)),
        np.array(VALUES),
        np.array(VALUES, ">f4"),
        np.array(VALUES, np.float16),
        np.asfortranarray(VALUES),
        np.ma.array(VALUES),
        torch.tensor(VALUES),
        torch.tensor(VALUES, dtype=torch.bfloat16),
        torch.tensor(VALUES).requires_grad_(),
        torch.tensor(VALUES).T.contiguous().T,
        nn.Parameter(torch.tensor(VALUES)),
        torch.tensor([[0.5, -1.0, 0.25, 2.0]]).expand(3, 4)[0].reshape(2, 2),
    ],
    ids=str,
)
def test_what_holds_real_numbers_is_taken(values):
    found = real_tensor("x", values)
    assert found.dtype == torch.float64 and not found.requires_grad
    assert found.tolist() == VALUES


@pytest.mark.parametrize("kind", ["i1", "u1", "i8", ">i4", "u4", "?"])
def test_whole_numbers_are_taken(kind):
    array = np.array([[1, 0], [1, 1]], kind)
    assert real_tensor("x", array).tolist() == [[1.0, 0.0], [1.0, 1.0]]
    assert target_tensor("y", array).dtype == torch.int64


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (torch.ones(2, 2, dtype=torch.complex64), "x must be real numbers, not torch.complex64"),
        (np.ones((2, 2), complex), "x must be real numbers, not complex128"),
        ([[1, 2], [3]], "x must be an array of real numbers: "),
        ([["a", "b"]], "x must be real numbers, not <U1"),
        (np.array([[None, 1]]), "x must be real numbers, not a mixture of objects"),
        (np.array(["2020-01-01"], "M8[D]"), "x must be real numbers, not datetime64"),
        (None, "x must be real numbers, not a mixture of objects"),
        ("data.npy", "x must be real numbers, not <U8"),
        (torch.eye(2).to_sparse(), "x must be a dense tensor, not one of torch.sparse_coo"),
        ([[1.0, float("nan")]], "x must be finite, but holds NaN or infinity"),
        ([[1.0, -float("inf")]], "x must be finite, but holds NaN or infinity"),
        ([[1.0, -1e300]], r"x must be at most 2\*\*64 in magnitude, but the largest is 1e\+300"),
        ([[1.0, 1e20]], r"the largest is 1e\+20"),
    ],
    ids=str,
)
def test_what_holds_none_is_refused(values, message):
    with pytest.raises(ModelError, match=message):
        real_tensor("x", values)


def make_net():
    return ClosNet([ClosShape(4, 3, 2, 2, 1)], generator=torch.Generator().manual_seed(1))


def test_calibration_may_be_an_array_or_a_list():
    x = torch.rand(20, 4, generator=torch.Generator().manual_seed(2))
    words = [quantise(make_net(), one) for one in (x, x.numpy(), x.tolist())]
    assert all(one.layers[0].input_weight.equal(words[0].layers[0].input_weight) for one in words)
    assert all(one.infer(x).equal(words[0].infer(x)) for one in words)


@pytest.mark.parametrize("outlier", [1e300, 1e20, -1e25])
def test_an_outlier_in_the_calibration_data_is_refused(outlier):
    x = torch.rand(20, 4, dtype=torch.float64)
    x[3, 1] = outlier
    with pytest.raises(ModelError, match="calibration must be at most"):
        quantise(make_net(), x)
    with pytest.raises(ModelError, match="x must be at most"):
        propose_format(make_net(), x, torch.zeros(20).long(), softmax_cross_entropy, 0.1)


def test_training_data_may_be_arrays():
    x, labels = np.random.default_rng(3).random((20, 4)), np.arange(20) % 3
    forms = [
        propose_format(make_net(), *data, softmax_cross_entropy, 0.1)
        for data in (
            (x, labels),
            (torch.as_tensor(x), torch.as_tensor(labels)),
            (x, labels.astype("u1")),
        )
    ]
    assert forms[0] == forms[1] == forms[2]


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (nn.CrossEntropyLoss(), "loss must be a function .*, not CrossEntropyLoss of PyTorch"),
        (nn.functional.cross_entropy, "golden.softmax_cross_entropy .*but it returned a Tensor"),
        ("mse", "loss must be a function .*, not 'mse'"),
        (None, "loss must be a function .*, not None"),
    ],
)
def test_a_loss_of_another_kind_is_refused(loss, message):
    with pytest.raises(ModelError, match=message):
        propose_format(make_net(), torch.rand(9, 4), torch.zeros(9).long(), loss, 0.1)


def test_a_gradient_of_another_shape_is_refused():
    def loss(outputs, targets):
        return LossValue(0.0, torch.zeros(1), 1.0)

    with pytest.raises(ModelError, match=r"gradient of shape \[2, 3\], .*, not \[1\]"):
        loss_value(loss, torch.zeros(2, 3), torch.zeros(2))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", "0.1"),
        ("learning_rate", -0.1),
        ("learning_rate", float("inf")),
        ("momentum", 1.0),
        ("momentum", -0.5),
        ("momentum", float("nan")),
        ("batch_size", 0),
        ("batch_size", 2.0),
        ("batch_size", True),
        ("epochs", 0),
        ("epochs", 1e9),
    ],
)
def test_numbers_of_a_training_that_are_out_of_range_are_refused(name, value):
    numbers = {"learning_rate": 0.1} | {name: value}
    with pytest.raises(ModelError, match=f"{name} must be "):
        propose_format(
            make_net(), torch.rand(9, 4), torch.rand(9, 3), mean_squared_error, **numbers
        )
