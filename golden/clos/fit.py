"""From a dense matrix to the Clos layer nearest to it: alternating least squares over blocks."""

from typing import Any, cast

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from golden.arguments import check_generator, instance, tensor, whole_number
from golden.clos.forms import ClosWeights
from golden.clos.initialise import sparse_xavier_
from golden.clos.shape import ClosShape
from golden.errors import ShapeError

__all__ = ["MOST_SWEEPS", "fit_clos"]

MOST_SWEEPS = 1_000_000

_NEAR = 1e-10
_SETTLED = 1e-7


@torch.no_grad()
def fit_clos(
    matrix: Tensor,
    shape: ClosShape,
    *,
    sweeps: int = 200,
    generator: torch.Generator | None = None,
) -> ClosWeights:
    """Find the weights whose product is near `matrix` [O, I] in L2, in float64.

    The block of the matrix from input router r to output router o is A_o diag(c_ro) B_r^T, with A_o
    [O/Ro, Rm], B_r [I/Ri, Rm] and c_ro the middle weights [Rm]. Given two of the three, the third
    is a least-squares problem, block by block. Each step stays near the step before (a proximal
    term of 1e-10 of the problem's scale), so that singular problems have one answer and the error
    never grows. The result is a local minimum, which depends on the random start; it is whole where
    Ri = Ro = 1, where it is the truncated singular value decomposition.

    Parameters
    ----------
    matrix
        [O, I], finite.
    shape
        Any Clos shape of these sizes; routers need not divide them.
    sweeps
        Most rounds over the three, 1 to a million; fewer are made once one gains less than 1e-7 of
        the error.
    generator
        Of the start; PyTorch's global one by default.

    Raises
    ------
    ShapeError
        If the matrix has another size than the shape, or is not finite; if `sweeps` is out of
        range.
    """
    shape = instance("shape", shape, ClosShape)
    sweeps = whole_number("sweeps", sweeps, 1, MOST_SWEEPS)
    check_generator(generator)
    if not tensor("matrix", matrix).is_floating_point():
        raise ShapeError(f"matrix must be of real numbers, not {matrix.dtype}")
    if tuple(matrix.shape) != (shape.out_features, shape.in_features):
        raise ShapeError(
            f"matrix must have shape [{shape.out_features}, {shape.in_features}] for layer {shape},"
            f" not {list(matrix.shape)}"
        )
    if not bool(torch.isfinite(matrix).all()):
        raise ShapeError("matrix must be finite, but holds NaN or infinity")
    target = matrix.detach().double()
    blocks = _blocks(target, shape)
    inputs, outputs = shape.input_blocks, shape.output_blocks
    a = _start(shape.out_features, shape.middle_routers, outputs, target, generator)
    b = _start(shape.in_features, shape.middle_routers, inputs, target, generator)
    c = target.new_empty(shape.middle_routers, shape.input_routers, shape.output_routers)
    sparse_xavier_(c, shape.input_routers + shape.output_routers, generator)

    whole, error = float(target.square().sum()), float("inf")
    for _ in range(sweeps):
        c = _middle(a, b, c, blocks)
        a = _side(a, b, c, blocks)
        b = _side(b, a, c.transpose(1, 2), blocks.permute(1, 0, 3, 2))
        a, b, c = _unit(a, b, c)
        before, error = error, float((_product(a, b, c) - blocks).square().sum())
        if before - error <= _SETTLED * min(before, whole):
            break
    return _scaled(shape, a, b, c)


def _blocks(matrix: Tensor, shape: ClosShape) -> Tensor:
    """Cut [O, I] into [Ri, Ro, O/Ro, I/Ri], with zeros where a router is smaller than another."""
    rows = pad_sequence([matrix[i:j] for i, j in shape.output_blocks], batch_first=True)
    return pad_sequence(
        [rows[:, :, i:j].permute(2, 0, 1) for i, j in shape.input_blocks], batch_first=True
    ).permute(0, 2, 3, 1)


def _start(
    size: int,
    rank: int,
    blocks: tuple[tuple[int, int], ...],
    like: Tensor,
    generator: torch.Generator | None,
) -> Tensor:
    rows = sparse_xavier_(like.new_empty(size, rank), size / len(blocks) + rank, generator)
    return pad_sequence([rows[start:stop] for start, stop in blocks], batch_first=True)


def _product(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """Return A_o diag(c_ro) B_r^T for all r and o: [Ri, Ro, p, k]."""
    scaled = a[None] * c.permute(1, 2, 0)[:, :, None]  # [Ri, Ro, p, m]
    return scaled @ b.transpose(1, 2)[:, None]


def _middle(a: Tensor, b: Tensor, c: Tensor, blocks: Tensor) -> Tensor:
    """Solve for c [m, Ri, Ro], each pair of routers by itself."""
    gram = (a.transpose(1, 2) @ a)[None] * (b.transpose(1, 2) @ b)[:, None]  # [Ri, Ro, m, m]
    right = torch.einsum("opm,ropm->rom", a, blocks @ b[:, None])
    old = c.permute(1, 2, 0)
    return _nearest(gram, right[..., None], old[..., None])[..., 0].permute(2, 0, 1)


def _side(a: Tensor, b: Tensor, c: Tensor, blocks: Tensor) -> Tensor:
    """Solve for A [Ro, p, m], each output router by itself."""
    gram = torch.einsum("rmn,mro,nro->omn", b.transpose(1, 2) @ b, c, c)
    right = torch.einsum("ropm,mro->omp", blocks @ b[:, None], c)
    return _nearest(gram, right, a.transpose(1, 2)).transpose(1, 2)


def _nearest(gram: Tensor, right: Tensor, old: Tensor) -> Tensor:
    """Minimise the squares with these normal equations, plus a little of the distance to `old`."""
    scale = gram.diagonal(dim1=-2, dim2=-1).mean(dim=-1).clamp(min=1e-300)
    near = _NEAR * scale[..., None, None] * torch.eye(gram.shape[-1]).to(gram)
    factor = cast(Any, torch.linalg).cholesky_ex(gram + near)[0]
    return old + torch.cholesky_solve(right - gram @ old, factor)


def _unit(a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Move the scale of every column of A and B into c: the product stays what it is."""
    size_a, size_b = (_size(side) for side in (a, b))
    return (
        a / size_a[:, None],
        b / size_b[:, None],
        c * size_a.T[:, None] * size_b.T[:, :, None],
    )


def _size(side: Tensor) -> Tensor:
    """Root of the mean square of every column [routers, m], and 1 where all is 0."""
    size = side.square().mean(dim=1).sqrt()
    return torch.where(size == 0, torch.ones_like(size), size)


def _scaled(shape: ClosShape, a: Tensor, b: Tensor, c: Tensor) -> ClosWeights:
    """Take the padding off, and share the scale among the stages as Xavier's ranges do."""
    rows_b = torch.cat([b[r, : j - i] for r, (i, j) in enumerate(shape.input_blocks)])
    rows_a = torch.cat([a[o, : j - i] for o, (i, j) in enumerate(shape.output_blocks)])
    stages = [rows_b, c, rows_a]
    ri, rm, ro = shape.input_routers, shape.middle_routers, shape.output_routers
    fans = (shape.in_features / ri + rm, ri + ro, rm + shape.out_features / ro)
    wanted = [(2 / fan) ** 0.5 for fan in fans]
    found = [float(stage.square().mean().sqrt()) for stage in stages]
    if 0 in found:
        return ClosWeights(*stages)
    share = 1.0
    for want, have in zip(wanted, found, strict=True):
        share *= have / want
    share **= 1 / 3
    return ClosWeights(
        *(s * (share * want / have) for s, want, have in zip(stages, wanted, found, strict=True))
    )
