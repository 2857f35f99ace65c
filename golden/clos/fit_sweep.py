"""One round of alternating least squares over the three stages of a Clos layer."""

import torch
from torch import Tensor

from golden.clos.fit_problem import Factors, Problem, by_router, linalg, unit

__all__ = ["sweep"]

_NEAR = {torch.float64: 1e-10, torch.float32: 1e-6}
_FARTHER = 100.0
_TRIES = 5


def sweep(problem: Problem, factors: Factors) -> tuple[Factors, float]:
    """Return better factors, and the sum of squares of what is left.

    For each input router in turn, C and then B are the best for all that is held; at the end A is.
    What belongs to one input router stays in the processor's cache, and no step needs the whole
    product. Each step stays near the one before (a proximal term of 1e-10 of the problem's scale,
    1e-6 in float32), so that singular problems have one answer and the error never grows.
    """
    a, b, c = factors.a, factors.b.clone(), factors.c.clone()
    gram_a = a.transpose(1, 2) @ a
    product = None if problem.coupling is None else _product(problem, factors)
    for r in range(problem.shape.input_routers):
        target = problem.by_input[r]  # [Ro, p, k]
        if product is not None:
            target = target - _of_others(problem, product, r)
        b[r], c[r] = _input_router(target, gram_a, a, b[r], c[r])
        if product is not None:
            _columns(product, target, r).copy_(((a * c[r][:, None]) @ b[r].T).flatten(0, 1))
    solve = _plain_equations if problem.coupling is None else _coupled_equations
    right, gram = solve(problem, b, c)
    new = _nearest(gram, right.transpose(1, 2), a.transpose(1, 2)).transpose(1, 2)
    explained = float(((2 * right - new @ gram) * new).sum(dtype=torch.float64))
    left = problem.whole - explained
    found = unit(Factors(new.contiguous(), b, c))
    if left < problem.whole * torch.finfo(new.dtype).eps ** 0.5:
        left = _squares(problem, found)  # The difference of two almost equal numbers says little.
    return found, left


def _columns(matrix: Tensor, target: Tensor, r: int) -> Tensor:
    """View the columns of an input router in [n, Ri k]."""
    width = target.shape[2]
    return matrix[:, r * width : (r + 1) * width]


def _of_others(problem: Problem, product: Tensor, r: int) -> Tensor:
    """Return what the other input routers have of an input router's target, [Ro, p, k]."""
    assert problem.coupling is not None
    target = problem.by_input[r]
    mixed = product @ _columns(problem.coupling, target, r) - _columns(product, target, r)
    return mixed.reshape(target.shape)


def _input_router(
    target: Tensor, gram_a: Tensor, a: Tensor, b: Tensor, c: Tensor
) -> tuple[Tensor, Tensor]:
    """Solve for an input router's C [Ro, Rm], each pair by itself, and for its B [k, Rm]."""
    seen = target.transpose(1, 2) @ a  # [Ro, k, Rm]
    right = (seen * b).sum(dim=1)
    c = _nearest((b.T @ b) * gram_a, right[..., None], c[..., None])[..., 0]
    right = (seen * c[:, None]).sum(dim=0)
    gram = (c[:, :, None] * gram_a).mul_(c[:, None]).sum(dim=0)
    return _nearest(gram, right.T, b.T).T, c


def _plain_equations(problem: Problem, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Return right sides [Ro, p, Rm] and Gram matrices [Ro, Rm, Rm] for A."""
    ri, ro, size = problem.by_input.shape[:3]
    right = b.new_zeros(ro, size, b.shape[2])
    gram = b.new_zeros(ro, b.shape[2], b.shape[2])
    for r in range(ri):
        right += (problem.by_input[r] @ b[r]) * c[r][:, None]
        gram += (c[r][:, :, None] * (b[r].T @ b[r])).mul_(c[r][:, None])
    return right, gram


def _coupled_equations(problem: Problem, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Return the same for correlated inputs."""
    assert problem.coupling is not None
    sides = (c[:, :, None] * b[:, None]).transpose(0, 1).flatten(1, 2)  # [Ro, Ri k, Rm]
    coupled = by_router(problem.coupled, len(sides))
    return coupled @ sides, sides.transpose(1, 2) @ (problem.coupling @ sides)


def _product(problem: Problem, factors: Factors) -> Tensor:
    """Return W' [Ro p, Ri k]."""
    ri = problem.shape.input_routers
    made = [((factors.a * factors.c[r][:, None]) @ factors.b[r].T).flatten(0, 1) for r in range(ri)]
    return torch.cat(made, dim=1)


def _squares(problem: Problem, factors: Factors) -> float:
    """Return the sum of squares of W - W', directly."""
    left = problem.target - _product(problem, factors)
    weighed = left if problem.coupling is None else left @ problem.coupling
    return max(float((left * weighed).sum(dtype=torch.float64)), 0.0)


def _nearest(gram: Tensor, right: Tensor, old: Tensor) -> Tensor:
    """Minimise the squares with these normal equations, plus a little of the distance to `old`.

    Where rounding has made a matrix indefinite, it is more than a little.
    """
    diagonal = gram.diagonal(dim1=-2, dim2=-1)
    scale = diagonal.mean(dim=-1, keepdim=True).clamp(min=1e-30)
    near = _NEAR[gram.dtype]
    right = right - gram @ old
    for _ in range(_TRIES):
        held = gram.clone()
        held.diagonal(dim1=-2, dim2=-1).add_(near * scale)
        factor, failed = linalg.cholesky_ex(held)
        if not bool(failed.any()):
            return old + torch.cholesky_solve(right, factor)
        near *= _FARTHER
    return old
