"""The fit of a Clos layer as a problem of least squares: its blocks, their weighting, its start."""

import dataclasses
import functools
from typing import Any, cast

import torch
from torch import Tensor

from golden.clos.shape import ClosShape

__all__ = [
    "Factors",
    "Problem",
    "by_router",
    "linalg",
    "make_problem",
    "random_start",
    "singular_start",
    "unit",
]

linalg = cast(Any, torch.linalg)  # It comes without types.

_LARGEST_EXACT = 1024  # Least size of a matrix whose singular vectors are computed one and all.
_FURTHER = 10
_ROUNDS = 4
_SAFE = 1e-5  # What rounding may take off the least eigenvalue of correlations.


@dataclasses.dataclass(frozen=True, eq=False)
class Factors:
    """Weights by router, padded by zeros where one has fewer rows than another.

    Parameters
    ----------
    a
        Of the output routers, [Ro, p, Rm].
    b
        Of the input routers, [Ri, k, Rm].
    c
        Of the middle routers, [Ri, Ro, Rm].
    """

    a: Tensor
    b: Tensor
    c: Tensor


@dataclasses.dataclass(frozen=True, eq=False)
class Problem:
    """Find A, B and C with the least squares of W - W', where W'_ro is A_o diag(c_ro) B_r^T.

    Parameters
    ----------
    shape
        Of the layer.
    target
        W, cut into [Ro p, Ri k], with zeros for the rows and columns that a router has too few.
    coupling
        Correlations of the inputs [Ri k, Ri k] for sums of squares of (W - W') X^T, in coordinates
        in which those of one router are uncorrelated; None for those of W - W' itself.
    roots
        Lower triangular L_r [Ri, k, k] of these coordinates, so that B_r is L_r^-T times that of
        the problem; None where it is that.
    """

    shape: ClosShape
    target: Tensor
    coupling: Tensor | None
    roots: Tensor | None

    @functools.cached_property
    def coupled(self) -> Tensor:
        """Target times coupling, [Ro p, Ri k]."""
        return self.target if self.coupling is None else self.target @ self.coupling

    @functools.cached_property
    def whole(self) -> float:
        """Sum of the squares of the target."""
        return float((self.target * self.coupled).sum(dtype=torch.float64))

    @functools.cached_property
    def by_input(self) -> Tensor:
        """Target times coupling as [Ri, Ro, p, k], in order in memory."""
        ri, ro = self.shape.input_routers, self.shape.output_routers
        rows, columns = self.coupled.shape
        cut = self.coupled.reshape(ro, rows // ro, ri, columns // ri)
        return cut.permute(2, 0, 1, 3).contiguous()

    def rows(self, factors: Factors) -> tuple[Tensor, Tensor]:
        """Return the rows of all input routers [I, Rm], and of all output routers [O, Rm]."""
        b = factors.b.double()
        if self.roots is not None:
            b = linalg.solve_triangular(self.roots.transpose(1, 2), b, upper=True)
        inputs, outputs = layout(self.shape)
        return _taken(b, inputs, self.shape.in_features), _taken(
            factors.a, outputs, self.shape.out_features
        )


def make_problem(
    matrix: Tensor, shape: ClosShape, dtype: torch.dtype, moments: Tensor | None
) -> Problem:
    """Cut `matrix` [O, I] for `shape`, to be solved in `dtype`.

    Parameters
    ----------
    moments
        Of the inputs, [I, I] in float64 and positive definite: the mean of x x^T.
    """
    inputs, outputs = layout(shape)
    matrix = matrix.double()
    columns = _padded(matrix.T, inputs)  # [Ri k, O]
    if moments is None:
        return Problem(shape, _padded(columns.T, outputs).to(dtype), None, None)
    ri = shape.input_routers
    mixed = _padded(_padded(moments, inputs).T, inputs)
    mixed.diagonal().add_((inputs == shape.in_features).to(mixed))  # Of what pads.
    blocks = mixed.reshape(ri, len(inputs) // ri, ri, len(inputs) // ri)
    own = torch.stack([blocks[r, :, r] for r in range(ri)])
    roots = linalg.cholesky(own)
    mixed = _whitened(roots, _whitened(roots, mixed).T)
    columns = (roots.transpose(1, 2) @ by_router(columns, ri)).flatten(0, 1)
    return Problem(shape, _padded(columns.T, outputs).to(dtype), mixed.to(dtype), roots)


def singular_start(problem: Problem, generator: torch.Generator | None) -> Factors:
    """Return the problem's best matrix of rank Rm, which all middle routers pass on alike.

    Directions that the matrix lacks are random, and are not passed on yet. Beyond a size of 1024
    the singular vectors are approximate: Halko, Martinsson and Tropp, "Finding Structure with
    Randomness", algorithm 4.4.
    """
    shape, wanted = problem.shape, problem.target
    if problem.coupling is not None:
        safe = _SAFE * torch.eye(len(problem.coupling)).to(problem.coupling.device)
        wanted = wanted @ linalg.cholesky(problem.coupling.double() + safe).to(wanted)
    rank = min(shape.middle_routers, *wanted.shape)
    left, sizes = _left_vectors(wanted, rank, generator)
    a, b = (_random((size, shape.middle_routers), generator, wanted) for size in wanted.shape)
    held = torch.zeros(shape.middle_routers, dtype=torch.bool, device=wanted.device)
    held[:rank] = sizes > sizes[:1] * torch.finfo(sizes.dtype).eps ** 0.5
    a[:, held] = left[:, held[:rank]]
    b[:, held] = problem.target.T @ left[:, held[:rank]]
    return _started(problem, a, b, held.to(a).expand(*_pairs(shape), -1))


def random_start(problem: Problem, generator: torch.Generator | None) -> Factors:
    """Return random factors."""
    like, rank = problem.target, problem.shape.middle_routers
    a, b = (_random((size, rank), generator, like) for size in like.shape)
    return _started(problem, a, b, _random((*_pairs(problem.shape), rank), generator, like))


def unit(factors: Factors) -> Factors:
    """Move the scale of every column of A and B into C: the product stays what it is."""
    size_a, size_b = (_size(side) for side in (factors.a, factors.b))
    return Factors(
        factors.a / size_a[:, None],
        factors.b / size_b[:, None],
        factors.c * size_a[None] * size_b[:, None],
    )


def by_router(rows: Tensor, routers: int) -> Tensor:
    """View rows [routers n, K] as [routers, n, K]."""
    return rows.reshape(routers, rows.shape[0] // routers, rows.shape[1])


@functools.lru_cache(maxsize=64)
def layout(shape: ClosShape) -> tuple[Tensor, Tensor]:
    """Return which input, and which output, stands at each place of the padded routers.

    [Ri k] and [Ro p], by router; where one has too few there stands the number of all.
    """
    return (
        _places(shape.input_blocks, shape.in_features),
        _places(shape.output_blocks, shape.out_features),
    )


def _places(blocks: tuple[tuple[int, int], ...], size: int) -> Tensor:
    widest = max(stop - start for start, stop in blocks)
    places = torch.full((len(blocks), widest), size)
    for router, (start, stop) in enumerate(blocks):
        places[router, : stop - start] = torch.arange(start, stop)
    return places.flatten()


def _padded(rows: Tensor, places: Tensor) -> Tensor:
    """Put rows [n, ...] at these places, and zeros at those of row n."""
    return torch.cat([rows, rows.new_zeros(1, *rows.shape[1:])])[places.to(rows.device)]


def _taken(side: Tensor, places: Tensor, size: int) -> Tensor:
    """Take the padding off [routers, n, Rm], to [size, Rm]."""
    return side.flatten(0, 1)[(places < size).to(side.device)]


def _whitened(roots: Tensor, rows: Tensor) -> Tensor:
    """Return L_r^-1 times the rows [Ri k, n] of each router."""
    cut = by_router(rows, len(roots))
    return linalg.solve_triangular(roots, cut, upper=False).flatten(0, 1)


def _random(size: tuple[int, ...], generator: torch.Generator | None, like: Tensor) -> Tensor:
    """Draw normal numbers, the same for every device of the matrix."""
    device = "cpu" if generator is None else generator.device
    return torch.randn(size, generator=generator, device=device, dtype=torch.float64).to(like)


def _left_vectors(
    matrix: Tensor, rank: int, generator: torch.Generator | None
) -> tuple[Tensor, Tensor]:
    """Return the first left singular vectors [n, rank] and their values [rank]."""
    if min(matrix.shape) > max(_LARGEST_EXACT, rank + _FURTHER):
        basis = matrix @ _random((matrix.shape[1], rank + _FURTHER), generator, matrix)
        for _ in range(_ROUNDS):
            basis = linalg.qr(matrix @ (matrix.T @ linalg.qr(basis)[0]))[0]
        left, sizes, _ = linalg.svd(basis.T @ matrix, full_matrices=False)
        left = basis @ left
    else:
        left, sizes, _ = linalg.svd(matrix, full_matrices=False)
    return left[:, :rank], sizes[:rank]


def _pairs(shape: ClosShape) -> tuple[int, int]:
    return shape.input_routers, shape.output_routers


def _started(problem: Problem, a: Tensor, b: Tensor, c: Tensor) -> Factors:
    """Cut the rows of A and B by routers, with zeros for what pads."""
    shape = problem.shape
    inputs, outputs = (places.to(a.device)[:, None] for places in layout(shape))
    a, b = a * (outputs < shape.out_features), b * (inputs < shape.in_features)
    ri, ro = _pairs(shape)
    return unit(Factors(by_router(a, ro), by_router(b, ri), c.contiguous()))


def _size(side: Tensor) -> Tensor:
    """Root of the mean square of every column [routers, Rm], and 1 where all is 0."""
    size = side.square().mean(dim=1).sqrt()
    return torch.where(size == 0, torch.ones_like(size), size)
