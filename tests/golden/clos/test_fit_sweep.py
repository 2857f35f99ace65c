"""Every step of a sweep is a least-squares problem: held against numpy's."""

import numpy as np
import pytest
import torch

from golden import ClosShape
from golden.clos.fit_inputs import moments_of
from golden.clos.fit_problem import Factors, make_problem, random_start
from golden.clos.fit_sweep import _input_router, _nearest, sweep

SHAPES = [(12, 10, 3, 2, 2), (11, 7, 4, 3, 3), (5, 9, 1, 3, 4), (6, 4, 6, 2, 1)]


def made(shape, weighted, dtype=torch.float64):
    generator = torch.Generator().manual_seed(2)
    size = shape.out_features, shape.in_features
    matrix = torch.randn(size, generator=generator, dtype=torch.float64)
    mixing = torch.randn(size[1], size[1], generator=generator, dtype=torch.float64)
    batch = torch.randn(99, size[1], generator=generator, dtype=torch.float64) @ mixing
    problem = make_problem(matrix, shape, dtype, moments_of(batch) if weighted else None)
    moments = moments_of(batch) if weighted else torch.eye(size[1], dtype=torch.float64)
    return matrix, problem, torch.linalg.cholesky(moments).numpy()


def dense(problem, factors):
    """The matrix that factors stand for, and the rows of their three stages."""
    b, a = problem.rows(factors)
    shape = problem.shape
    router_in = np.repeat(np.arange(shape.input_routers), [j - i for i, j in shape.input_blocks])
    router_out = np.repeat(np.arange(shape.output_routers), [j - i for i, j in shape.output_blocks])
    c = factors.c.double().numpy()[router_in[:, None], router_out[None]]  # [I, O, Rm]
    return np.einsum("om,iom,im->oi", a.double().numpy(), c, b.numpy()), a, b, router_out, c


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("numbers", SHAPES)
def test_the_output_stage_is_numpys_least_squares(numbers, weighted):
    shape = ClosShape(*numbers)
    matrix, problem, root = made(shape, weighted)
    start = random_start(problem, torch.Generator().manual_seed(3))
    found, left = sweep(problem, start)
    product, _, b, router_out, c = dense(problem, found)
    for row in range(shape.out_features):
        assert router_out[row] < shape.output_routers
        sides = (c[:, row] * b.numpy()).T @ root  # [Rm, I]
        wanted = np.linalg.lstsq(sides.T, matrix[row].numpy() @ root, rcond=None)[0]
        np.testing.assert_allclose(
            product[row] @ root, wanted @ sides, atol=1e-5 * float(matrix.abs().max())
        )
    direct = np.square((matrix.numpy() - product) @ root).sum()
    assert left == pytest.approx(direct, rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_input_router_is_numpys_least_squares(dtype):
    generator = torch.Generator().manual_seed(4)
    target, a, b, c = (
        torch.randn(size, generator=generator, dtype=torch.float64)
        for size in ((2, 5, 6), (2, 5, 3), (6, 3), (2, 3))
    )
    new_b, new_c = _input_router(
        *(one.to(dtype) for one in (target, a.transpose(1, 2) @ a, a, b, c))
    )
    found = []
    for router in range(2):
        sides = np.einsum("pm,km->pkm", a[router], b).reshape(-1, 3)
        found.append(np.linalg.lstsq(sides, target[router].numpy().ravel(), rcond=None)[0])
    np.testing.assert_allclose(new_c.numpy(), found, rtol=1e-4, atol=1e-4)
    sides = np.einsum("opm,om->opm", a, new_c.double()).reshape(-1, 3)
    wanted = np.linalg.lstsq(sides, target.numpy().reshape(-1, 6), rcond=None)[0]
    np.testing.assert_allclose(new_b.numpy(), wanted.T, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("numbers", SHAPES)
def test_a_weighted_sweep_with_uncorrelated_inputs_is_the_plain_one(numbers):
    shape = ClosShape(*numbers)
    matrix, plain, _ = made(shape, False)
    identity = make_problem(
        matrix, shape, torch.float64, torch.eye(shape.in_features, dtype=torch.float64)
    )
    start = random_start(plain, torch.Generator().manual_seed(3))
    (one, left), (other, same) = sweep(plain, start), sweep(identity, start)
    assert left == pytest.approx(same, rel=1e-9)
    for name in ("a", "b", "c"):
        torch.testing.assert_close(getattr(one, name), getattr(other, name), rtol=1e-5, atol=1e-6)


def test_what_pads_stays_0():
    _, problem, _ = made(ClosShape(11, 7, 4, 3, 3), True)
    start = random_start(problem, torch.Generator().manual_seed(3))
    found, _ = sweep(problem, start)
    assert not found.b[3, 2].any()  # Of 3, 3, 3 and 2 inputs.
    assert not found.a[1:, 2].any()  # Of 3, 2 and 2 outputs.
    assert isinstance(found, Factors)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_indefinite_matrix_has_an_answer(dtype):
    column = torch.tensor([[1.0, 2.0, 3.0]], dtype=dtype)
    gram = column.T @ column - 1e-4 * torch.eye(3, dtype=dtype)
    found = _nearest(gram[None], 14 * column.T[None], torch.zeros(1, 3, 1, dtype=dtype))
    assert float((column @ found[0])[0, 0]) == pytest.approx(14, rel=0.05)
