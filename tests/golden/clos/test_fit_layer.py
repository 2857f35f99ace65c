"""A dense layer's Clos layer: what it keeps, fits that count by the inputs, new weights."""

import numpy as np
import pytest
import torch
from sklearn.covariance import ledoit_wolf
from torch import nn

from golden import ClosLinear, ClosShape, GoldenWarning, ShapeError
from golden.clos.fit import fit_clos
from golden.clos.fit_inputs import moments_of
from golden.clos.forms import to_matrix

SHAPE = ClosShape(20, 15, 3, 2, 4)


def correlated(samples, features=20, mean=0.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    few = torch.randn(samples, 4, generator=generator) @ torch.randn(
        4, features, generator=generator
    )
    return few + 0.1 * torch.randn(samples, features, generator=generator) + mean


@pytest.mark.parametrize("bias", [True, False])
def test_from_dense_keeps_bias_dtype_and_zeros(bias):
    torch.manual_seed(0)
    dense = nn.Linear(12, 9, bias=bias)
    layer = ClosLinear.from_dense(dense, ClosShape(12, 9, 3, 20, 3))
    x = torch.randn(5, 12)
    torch.testing.assert_close(layer(x), dense(x), atol=1e-3, rtol=1e-3)
    assert layer.input_weight.dtype == torch.float32
    nn.init.zeros_(dense.weight)
    zero = ClosLinear.from_dense(dense, ClosShape(12, 9, 3, 2, 3))
    assert zero.to_dense().abs().max() < 1e-6


@pytest.mark.parametrize("initialise", ["fit", "new"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_what_is_frozen_stays_so(initialise, dtype):
    dense = nn.Linear(20, 15, dtype=dtype)
    dense.weight.requires_grad_(False)
    layer = ClosLinear.from_dense(dense, SHAPE, initialise=initialise)
    assert not any(weight.requires_grad for weight in layer.weights)
    assert layer.bias is not None and layer.bias.requires_grad
    assert torch.equal(layer.bias, dense.bias)
    assert {one.dtype for one in layer.parameters()} == {dtype}


def test_new_weights_are_those_of_a_new_layer():
    dense = nn.Linear(20, 15)
    with torch.no_grad():
        dense.weight.fill_(float("nan"))
    dense = dense.to("meta")
    on_meta = ClosLinear.from_dense(dense, SHAPE, initialise="new")
    assert all(one.is_meta for one in on_meta.parameters())
    made, wanted = (torch.Generator().manual_seed(5) for _ in range(2))
    layer = ClosLinear.from_dense(nn.Linear(20, 15), SHAPE, initialise="new", generator=made)
    other = ClosLinear.of_shape(SHAPE)
    other.reset_parameters(wanted)
    assert all(torch.equal(*pair) for pair in zip(layer.weights, other.weights, strict=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_weighted_fit_is_nearer_for_such_inputs(dtype):
    torch.manual_seed(1)
    dense = nn.Linear(20, 15)
    x, others = correlated(400), correlated(400)[200:]
    plain = ClosLinear.from_dense(dense, SHAPE)
    near = ClosLinear.from_dense(dense, SHAPE, inputs=x[:200], dtype=dtype)

    def error(layer):
        return float((layer(others) - dense(others)).detach().norm())

    assert error(near) < 0.6 * error(plain)


def test_a_weighted_fit_is_the_best_of_its_rank_where_there_is_one_router():
    shape = ClosShape(20, 15, 1, 3, 1)
    matrix = torch.randn(15, 20, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x = correlated(300)
    weights = fit_clos(matrix, shape, inputs=x, sweeps=3)
    root = np.linalg.cholesky(moments_of(x.double()).numpy())
    singular = np.linalg.svd(matrix.numpy() @ root, compute_uv=False)
    left = (matrix - to_matrix(shape, weights)).numpy() @ root
    assert np.linalg.norm(left) == pytest.approx(np.linalg.norm(singular[3:]), rel=1e-6)


def test_the_bias_makes_up_for_the_mean():
    torch.manual_seed(1)
    dense = nn.Linear(20, 15)
    x = correlated(300, mean=5.0)
    layer = ClosLinear.from_dense(dense, SHAPE, inputs=x.reshape(3, 100, 20))
    torch.testing.assert_close(layer(x).mean(dim=0), dense(x).mean(dim=0), atol=1e-4, rtol=0)
    one = ClosLinear.from_dense(dense, SHAPE, inputs=torch.ones(40, 20))
    torch.testing.assert_close(one(torch.ones(1, 20)), dense(torch.ones(1, 20)), atol=1e-4, rtol=0)


def test_few_samples_are_drawn_towards_their_mean_size_and_said():
    x = correlated(7)
    with pytest.warns(GoldenWarning, match="7 samples for 20 features: too few"):
        moments = moments_of(x.double())
    values = np.linalg.eigvalsh(moments.numpy())
    assert values.min() > 0
    assert moments.trace() == pytest.approx(float(x.double().square().sum()) / 7)
    many = correlated(20000).double()
    found = many.T @ many / len(many)
    torch.testing.assert_close(moments_of(many), found, atol=2e-2, rtol=0)


def test_moments_are_those_of_ledoit_and_wolf():
    x = correlated(60).double()
    wanted, share = ledoit_wolf(x.numpy(), assume_centered=True)
    assert share > 1e-4
    np.testing.assert_allclose(moments_of(x).numpy(), wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (3, "inputs must be a tensor, not 3"),
        (torch.ones(20), r"inputs must have the shape \[samples, 20\].* not \[20\]"),
        (torch.ones(5, 19), r"inputs must have the shape \[samples, 20\].* not \[5, 19\]"),
        (torch.ones(5, 20, dtype=torch.int64), "inputs must be of real numbers"),
        (torch.ones(0, 20), "inputs must hold at least one sample"),
        (torch.full((5, 20), float("inf")), "inputs must be finite"),
        (torch.zeros(5, 20), "inputs must not be 0 throughout"),
    ],
)
def test_what_is_no_batch_is_refused(inputs, message):
    with pytest.raises(ShapeError, match=message):
        ClosLinear.from_dense(nn.Linear(20, 15), SHAPE, inputs=inputs)


def test_from_dense_refuses_what_it_does_not_know():
    with pytest.raises(ShapeError, match='initialise must be "fit" or "new", not \'old\''):
        ClosLinear.from_dense(nn.Linear(20, 15), SHAPE, initialise="old")
    for initialise in ("fit", "new"):
        with pytest.raises(ShapeError, match=r"weight of shape \[15, 20\] .* not \[20, 15\]"):
            ClosLinear.from_dense(nn.Linear(15, 20), SHAPE, initialise=initialise)
        with pytest.raises(ShapeError, match="layer must be a layer with a weight"):
            ClosLinear.from_dense(nn.ReLU(), SHAPE, initialise=initialise)
    with pytest.raises(ShapeError, match="on the meta device"):
        ClosLinear.from_dense(nn.Linear(20, 15, device="meta"), SHAPE)
