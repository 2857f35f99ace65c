"""From a dense matrix to the Clos layer nearest to it: alternating least squares over blocks."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from golden.arguments import check_generator, instance, real_number, shown, tensor, whole_number
from golden.clos.fit_inputs import check_inputs, moments_of
from golden.clos.fit_problem import (
    Factors,
    Problem,
    make_problem,
    random_start,
    singular_start,
)
from golden.clos.fit_sweep import sweep
from golden.clos.forms import ClosWeights
from golden.clos.shape import ClosShape
from golden.errors import ShapeError

__all__ = ["MOST_SWEEPS", "STARTS", "TOLERANCE", "Progress", "fit_clos"]

Progress = Callable[[int, float], object]
"""Is told after each sweep its number from 1, and the distance that is left, relative to all."""

MOST_SWEEPS = 1_000_000
TOLERANCE = 1e-3
STARTS = ("svd", "random")

_SINGLE_FROM = 1 << 16  # Elements of a matrix that is fitted in float32 by default.
_LOOKED_BACK = 4
_MOMENTUM = 0.5
_GROWTH = 1.1
_MOST_MOMENTUM = 0.98
_BACK_OFF = 0.6


@torch.no_grad()
def fit_clos(
    matrix: Tensor,
    shape: ClosShape,
    *,
    sweeps: int = 200,
    tolerance: float = TOLERANCE,
    start: str = "svd",
    momentum: bool = True,
    dtype: torch.dtype | None = None,
    inputs: Tensor | None = None,
    progress: Progress | None = None,
    generator: torch.Generator | None = None,
) -> ClosWeights:
    """Find the weights whose product is near `matrix` [O, I] in L2.

    The block of the matrix from input router r to output router o is A_o diag(c_ro) B_r^T, with A_o
    [O/Ro, Rm], B_r [I/Ri, Rm] and c_ro the middle weights [Rm]. Given two of the three, the third
    is a least-squares problem, block by block, and a sweep solves them in turn. Between sweeps the
    weights go on in the direction of the last one (momentum), further each time; where that was too
    far, the fit goes back, so that the error never grows: Mitchell, Ye and De Sterck, "Nesterov
    Acceleration of Alternating Least Squares for Canonical Tensor Decomposition".

    The result is a local minimum, which depends on the start. It is whole where Ri = Ro = 1, where
    it is the truncated singular value decomposition.

    Parameters
    ----------
    matrix
        [O, I], finite.
    shape
        Any Clos shape of these sizes; routers need not divide them.
    sweeps
        Most rounds over the three, 1 to a million.
    tolerance
        The fit ends before that once the last four sweeps have lessened the distance by less than
        this share of it each, on average; 0 for all sweeps.
    start
        "svd", the best matrix of rank Rm, or "random", which is another one for each seed.
    momentum
        Whether to go on in the direction of the last sweep.
    dtype
        To compute in, torch.float32 or torch.float64. By default float32 for matrices of 65,536
        elements or more that are not of float64 themselves.
    inputs
        A calibration batch [N, I]. The fit is then near in the mean square of the outputs W x for
        such x, by their second moments (`golden.clos.fit_inputs.moments_of`).
    progress
        Is called after each sweep with its number and the relative distance.
    generator
        Of the start; PyTorch's global one by default. "svd" draws only directions that the matrix
        lacks, and approximates by it beyond sizes of 1024.

    Returns
    -------
    ClosWeights
        In `dtype`.

    Raises
    ------
    ShapeError
        If the matrix has another size than the shape, or is not finite; if an option is out of
        range, or `inputs` is no batch for this layer.
    """
    shape = instance("shape", shape, ClosShape)
    sweeps = whole_number("sweeps", sweeps, 1, MOST_SWEEPS)
    tolerance = _check_options(tolerance, start, dtype, progress)
    check_generator(generator)
    _check_matrix(matrix, shape)
    if dtype is None:
        small = matrix.numel() < _SINGLE_FROM or matrix.dtype == torch.float64
        dtype = torch.float64 if small else torch.float32
    batch = None if inputs is None else check_inputs(inputs, shape.in_features)
    size = float(matrix.detach().double().abs().max()) or 1.0
    moments = None if batch is None else moments_of(batch / batch.abs().max()).to(matrix.device)
    problem = make_problem(matrix.detach().double() / size, shape, dtype, moments)
    begin = singular_start if start == "svd" else random_start
    factors = _fitted(problem, begin(problem, generator), sweeps, tolerance, momentum, progress)
    return _scaled(problem, factors, size)


def _check_options(tolerance: object, start: object, dtype: object, progress: object) -> float:
    """Return the tolerance, if all of them are right."""
    found = real_number("tolerance", tolerance)
    if not 0 <= found < 1:
        raise ShapeError(f"tolerance must be at least 0 and below 1, not {tolerance}")
    if start not in STARTS:
        raise ShapeError(f'start must be "svd" or "random", not {shown(start)}')
    if dtype not in (None, torch.float32, torch.float64):
        raise ShapeError(f"dtype must be torch.float32, torch.float64 or None, not {dtype}")
    if progress is not None and not callable(progress):
        raise ShapeError(f"progress must be a function or None, not {shown(progress)}")
    return found


def _check_matrix(matrix: Tensor, shape: ClosShape) -> None:
    if not tensor("matrix", matrix).is_floating_point():
        raise ShapeError(f"matrix must be of real numbers, not {matrix.dtype}")
    if tuple(matrix.shape) != (shape.out_features, shape.in_features):
        raise ShapeError(
            f"matrix must have shape [{shape.out_features}, {shape.in_features}] for layer {shape},"
            f" not {list(matrix.shape)}"
        )
    if not bool(torch.isfinite(matrix).all()):
        raise ShapeError("matrix must be finite, but holds NaN or infinity")


def _fitted(
    problem: Problem,
    factors: Factors,
    sweeps: int,
    tolerance: float,
    momentum: bool,
    progress: Progress | None,
) -> Factors:
    """Sweep until it does not pay any more."""
    best, before, share = factors, None, _MOMENTUM
    distances = [math.inf]
    for number in range(1, sweeps + 1):
        ahead = best if before is None or not momentum else _beyond(before, best, share)
        found, left = sweep(problem, ahead)
        distance = math.sqrt(max(left, 0.0) / (problem.whole or 1.0))
        if distance <= distances[-1]:
            before, best, share = best, found, min(share * _GROWTH, _MOST_MOMENTUM)
        else:
            before, share, distance = None, share * _BACK_OFF, distances[-1]
        distances.append(distance)
        if progress is not None:
            progress(number, distance)
        if distance == 0 or _settled(distances, tolerance):
            break
    return best


def _beyond(before: Factors, now: Factors, share: float) -> Factors:
    """Go on from `before` past `now`, by this share of the way between them."""
    return Factors(
        torch.lerp(before.a, now.a, 1 + share),
        torch.lerp(before.b, now.b, 1 + share),
        torch.lerp(before.c, now.c, 1 + share),
    )


def _settled(distances: list[float], tolerance: float) -> bool:
    """Say whether the last sweeps gained too little; the first entry is no distance."""
    if len(distances) <= _LOOKED_BACK + 1:
        return False
    return distances[-1] > distances[-1 - _LOOKED_BACK] * (1 - tolerance) ** _LOOKED_BACK


def _scaled(problem: Problem, factors: Factors, size: float) -> ClosWeights:
    """Take the padding off, and share the scale among the stages as Xavier's ranges do."""
    shape = problem.shape
    rows_b, rows_a = problem.rows(factors)
    stages = [rows_b, factors.c.permute(2, 0, 1).double(), rows_a.double()]
    ri, rm, ro = shape.input_routers, shape.middle_routers, shape.output_routers
    fans = (shape.in_features / ri + rm, ri + ro, rm + shape.out_features / ro)
    wanted = [(2 / fan) ** 0.5 for fan in fans]
    found = [float(stage.square().mean().sqrt()) for stage in stages]
    share = size ** (1 / 3)
    if 0 not in found:
        for want, have in zip(wanted, found, strict=True):
            share *= (have / want) ** (1 / 3)
    scales = [share * want / (have or want) for want, have in zip(wanted, found, strict=True)]
    dtype = problem.target.dtype
    return ClosWeights(
        *(
            (stage * scale).to(dtype).contiguous()
            for stage, scale in zip(stages, scales, strict=True)
        )
    )
