"""The weights nearest to a dense matrix: how near, how soon, and what is refused."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from golden import ClosLinear, ClosShape, ShapeError
from golden.clos import fit_problem
from golden.clos.fit import fit_clos
from golden.clos.forms import ClosWeights, to_matrix
from tests.support.golden_strategies import clos_shapes

BEFORE = {"start": "random", "momentum": False, "tolerance": 0, "sweeps": 200}


def distance(weights, matrix, shape):
    return float((to_matrix(shape, weights) - matrix).norm() / matrix.norm())


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def gaussian(shape, dtype=torch.float64, seed=0):
    size = shape.out_features, shape.in_features
    return torch.randn(size, generator=seeded(seed), dtype=dtype)


def falling(shape, power):
    u, s, v = torch.linalg.svd(gaussian(shape), full_matrices=False)
    return u @ torch.diag(torch.arange(1.0, len(s) + 1, dtype=torch.float64) ** -power) @ v


@settings(deadline=None, max_examples=60)
@given(clos_shapes(12), st.integers(0, 1000), st.sampled_from(["svd", "random"]), st.booleans())
def test_from_dense_never_gets_worse_with_more_sweeps(shape, seed, start, weighted):
    matrix = gaussian(shape, seed=seed)
    inputs = torch.randn(30, shape.in_features, generator=seeded(seed)) if weighted else None
    told = []
    weights = fit_clos(
        matrix,
        shape,
        sweeps=9,
        tolerance=0,
        start=start,
        inputs=inputs,
        progress=lambda number, left: told.append((number, left)),
        generator=seeded(seed),
    )
    assert [number for number, _ in told] == list(range(1, len(told) + 1))
    errors = [left for _, left in told]
    assert errors[0] <= 1 + 1e-9
    for before, after in zip(errors, errors[1:], strict=False):
        assert after <= before
    if not weighted:
        assert distance(weights, matrix, shape) == pytest.approx(errors[-1], abs=1e-7)


@pytest.mark.parametrize("size", [(12, 9), (9, 12)])
@pytest.mark.parametrize("start", ["svd", "random"])
def test_from_dense_is_the_svd_where_there_is_one_router(size, start):
    shape = ClosShape(*size, 1, 4, 1)
    matrix = gaussian(shape)
    singular = torch.linalg.svdvals(matrix)
    sweeps = 1 if start == "svd" else 2000
    weights = fit_clos(matrix, shape, sweeps=sweeps, tolerance=0, start=start, generator=seeded())
    assert distance(weights, matrix, shape) == pytest.approx(
        float(singular[4:].norm() / singular.norm()), rel=1e-6 if start == "svd" else 1e-4
    )


@pytest.mark.parametrize("numbers", [(24, 30, 4, 3, 5), (50, 37, 7, 4, 5)])
def test_from_dense_finds_a_clos_matrix_again_and_beats_low_rank_on_others(numbers):
    shape = ClosShape(*numbers)
    torch.manual_seed(1)
    own = ClosLinear.of_shape(shape, dtype=torch.float64).to_dense().detach()
    found = [
        fit_clos(own, shape, sweeps=600, tolerance=1e-9, start="random", generator=seeded(seed))
        for seed in range(3)
    ]
    assert min(distance(weights, own, shape) for weights in found) < 1e-5
    matrix = torch.randn(own.shape, dtype=torch.float64)
    singular = torch.linalg.svdvals(matrix)
    rank = shape.parameters // (numbers[0] + numbers[1])
    low_rank = float(singular[rank:].norm() / singular.norm())
    weights = fit_clos(matrix, shape)
    assert distance(weights, matrix, shape) < low_rank
    spread = [float(weight.square().mean().sqrt()) for weight in weights]
    assert max(spread) < 4 * min(spread)


@pytest.mark.parametrize("size", [(64, 96), (75, 50)])
@pytest.mark.parametrize(("power", "most"), [(0, 1.05), (0.5, 1.01), (1, 1.01)])
def test_the_default_is_as_near_as_200_sweeps_were(size, power, most):
    shape = ClosShape.from_budget(*size, reduction=2.5)
    matrix = falling(shape, power) if power else gaussian(shape)
    sweeps = []
    weights = fit_clos(matrix, shape, progress=lambda number, _: sweeps.append(number))
    before = fit_clos(matrix, shape, generator=seeded(), **BEFORE)
    assert distance(weights, matrix, shape) < most * distance(before, matrix, shape)
    assert sweeps[-1] < 40


@pytest.mark.slow
@pytest.mark.parametrize("size", [(256, 256), (784, 300)])
@pytest.mark.parametrize(("power", "most"), [(0, 1.05), (0.5, 1.01), (1, 1.01)])
def test_the_default_is_as_near_as_200_sweeps_were_in_larger_layers(size, power, most):
    shape = ClosShape.from_budget(*size, reduction=4)
    matrix = falling(shape, power) if power else gaussian(shape)
    weights = fit_clos(matrix.float(), shape)
    before = fit_clos(matrix, shape, generator=seeded(), **BEFORE)
    assert weights.input_weight.dtype == torch.float32
    assert distance(weights, matrix, shape) < most * distance(before, matrix, shape)


@pytest.mark.parametrize("momentum", [False, True])
def test_sweeps_are_all_made_without_a_tolerance(momentum):
    shape = ClosShape(20, 12, 3, 2, 4)
    told = []
    fit_clos(
        gaussian(shape),
        shape,
        sweeps=37,
        tolerance=0,
        momentum=momentum,
        progress=lambda *one: told.append(one),
    )
    assert len(told) == 37
    fit_clos(gaussian(shape), shape, tolerance=0.5, progress=lambda *one: told.append(one))
    assert len(told) == 37 + 5


@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e30])
def test_float32_comes_as_near_as_float64(scale):
    shape = ClosShape(50, 37, 7, 4, 5)
    matrix = gaussian(shape) * scale
    single, double = (
        fit_clos(matrix, shape, dtype=dtype, sweeps=30, tolerance=0)
        for dtype in (torch.float32, torch.float64)
    )
    assert (single[0].dtype, double[0].dtype) == (torch.float32, torch.float64)
    near = distance(ClosWeights(*(one.double() for one in single)), matrix, shape)
    assert near == pytest.approx(distance(double, matrix, shape), rel=0.01)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("numbers", [(12, 9, 3, 2, 3), (1, 1, 1, 1, 1), (5, 7, 5, 9, 7)])
def test_singular_problems_have_an_answer(dtype, value, numbers):
    shape = ClosShape(*numbers)
    matrix = torch.full((shape.out_features, shape.in_features), value, dtype=dtype)
    weights = fit_clos(matrix, shape, dtype=dtype)
    assert (to_matrix(shape, weights) - matrix).abs().max() < 1e-5


@pytest.mark.parametrize("start", ["svd", "random"])
def test_a_seed_decides_all(start):
    shape = ClosShape(20, 30, 4, 25, 5)  # More paths than the rank: the rest is random.
    matrix = gaussian(shape)
    first, again, other = (
        fit_clos(matrix, shape, sweeps=2, start=start, generator=seeded(seed)) for seed in (3, 3, 4)
    )
    assert all(torch.equal(*pair) for pair in zip(first, again, strict=True))
    assert not torch.equal(first.input_weight, other.input_weight)


def test_singular_vectors_of_large_matrices_are_near(monkeypatch):
    monkeypatch.setattr(fit_problem, "_LARGEST_EXACT", 8)
    shape = ClosShape(60, 50, 1, 5, 1)
    matrix = falling(shape, 1.5)
    singular = torch.linalg.svdvals(matrix)
    weights = fit_clos(matrix, shape, sweeps=1, generator=seeded())
    assert distance(weights, matrix, shape) == pytest.approx(
        float(singular[5:].norm() / singular.norm()), rel=1e-3
    )


def test_the_shape_is_laid_out_once():
    fit_problem.layout.cache_clear()
    for seed in range(3):
        shape = ClosShape(20, 12, 3, 2, 5)
        fit_clos(gaussian(shape, seed=seed), shape, sweeps=1)
    assert fit_problem.layout.cache_info().misses == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sweeps": 0}, "sweeps must be a whole number from 1 to 1000000, not 0"),
        ({"tolerance": 1}, "tolerance must be at least 0 and below 1, not 1"),
        ({"tolerance": math.nan}, "tolerance must be at least 0 and below 1, not nan"),
        ({"start": "best"}, 'start must be "svd" or "random", not \'best\''),
        ({"dtype": torch.float16}, "dtype must be torch.float32, torch.float64 or None"),
        ({"progress": 3}, "progress must be a function or None, not 3"),
        ({"generator": 3}, "generator must be a torch.Generator or None, not 3"),
        ({"inputs": torch.ones(5, 3)}, r"inputs must have the shape \[samples, 4\]"),
    ],
)
def test_from_dense_refuses_other_options(options, message):
    with pytest.raises(ShapeError, match=message):
        fit_clos(torch.ones(3, 4), ClosShape(4, 3, 2, 2, 1), **options)


def test_from_dense_refuses_other_sizes_and_numbers():
    shape = ClosShape(4, 3, 2, 2, 1)
    with pytest.raises(ShapeError, match=r"matrix must have shape \[3, 4\] .* not \[4, 3\]"):
        fit_clos(torch.ones(4, 3), shape)
    with pytest.raises(ShapeError, match="finite"):
        fit_clos(torch.full((3, 4), math.nan), shape)
    with pytest.raises(ShapeError, match="matrix must be of real numbers, not torch.int64"):
        fit_clos(torch.ones(3, 4, dtype=torch.int64), shape)
