"""A Clos layer in PyTorch as it runs: the products of one form, and those of its gradient.

`torch.autograd` would keep and call more for the same products. What is compiled, exported, traced
or transformed by `torch.func` takes the forms of `golden.clos.forms` instead.
"""

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import forward_ad

from golden.clos.compiled import compute_compiled
from golden.clos.forms import (
    FEWEST_COLUMNS,
    ClosWeights,
    by_columns,
    by_matrix,
    by_rows,
    equal_blocks,
    fastest_form,
    hidden_columns,
    hidden_rows,
    of_routers,
)
from golden.clos.gradients import column_gradients, readable, row_gradients
from golden.clos.shape import ClosShape
from golden.operators.switch import current
from golden.tensors.autocast import as_operands
from golden.tensors.tracing import serves_any_batch

__all__ = ["compute"]

_PLAIN = (Tensor, torch.nn.Parameter)


def compute(
    shape: ClosShape, weights: ClosWeights, x: Tensor, *, recompute: bool = False
) -> Tensor:
    """Compute [N, I] to [N, O] in the fastest form; by columns where a graph serves any N.

    Parameters
    ----------
    shape, weights, x
        As the forms take them.
    recompute
        Keep `x` alone for the gradient, and compute the hidden values once more for it.
    """
    if serves_any_batch(x):
        return by_columns(shape, weights, x)[2]
    operators = current()
    if operators is not None:
        y = compute_compiled(operators, shape, weights, x, recompute)
        if y is not None:
            return y
    samples, device = x.shape[0], x.device.type
    form = fastest_form(shape, samples, device)
    if form == "matrix":
        return by_matrix(shape, weights, x)
    if form == "padded columns":
        x = torch.nn.functional.pad(x, (0, 0, 0, FEWEST_COLUMNS - samples))
    rows = form == "rows"
    if torch.is_grad_enabled() and _is_plain(weights, x):
        operands = as_operands(x, *weights, device=x.device)
        y = cast(Tensor, cast(Any, _Products).apply((shape, rows, recompute), *operands))
    else:
        y = by_rows(shape, weights, x) if rows else by_columns(shape, weights, x)[2]
    return y[:samples] if form == "padded columns" else y


def _is_plain(weights: ClosWeights, x: Tensor) -> bool:
    """Whether nothing but the plain gradient is asked for, of plain tensors.

    `torch.func`, forward-mode gradients and classes of tensors see each operation.
    """
    w1, w2, w3 = weights
    return (
        type(x) in _PLAIN
        and type(w1) in _PLAIN
        and type(w2) in _PLAIN
        and type(w3) in _PLAIN
        and not torch._C._are_functorch_transforms_active()  # pyright: ignore[reportPrivateUsage]
        and cast(Any, forward_ad)._current_level < 0
    )


class _Products(torch.autograd.Function):
    """The three products of a layer, by rows or by columns."""

    @staticmethod
    def forward(
        ctx: Any, options: tuple[ClosShape, bool, bool], x: Tensor, *given: Tensor
    ) -> Tensor:
        shape, rows, recompute = options
        weights = ClosWeights(*given)
        kept = _hidden(rows, shape, weights, readable(x))
        ctx.shape, ctx.rows = shape, rows
        if recompute:
            ctx.save_for_backward(x, *given)
        else:
            ctx.save_for_backward(x, *given, *kept)
        return (_row_results if rows else _column_results)(shape, weights, kept[1])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        shape, rows = ctx.shape, ctx.rows
        x, w1, w2, w3, *kept = ctx.saved_tensors
        weights, x = ClosWeights(w1, w2, w3), readable(x)
        if torch.is_grad_enabled() or not kept:
            # A second derivative goes through the hidden values, back to what made them.
            kept = _hidden(rows, shape, weights, x)
        of = row_gradients if rows else column_gradients
        needs = ctx.needs_input_grad[1:]
        return None, *of(shape, weights, x, kept, readable(gradients[0]), needs)


def _hidden(rows: bool, shape: ClosShape, weights: ClosWeights, x: Tensor) -> tuple[Tensor, Tensor]:
    return (hidden_rows if rows else hidden_columns)(shape, weights, x)


def _column_results(shape: ClosShape, weights: ClosWeights, middle_out: Tensor) -> Tensor:
    """Compute [N, O] of [Rm, Ro, N], into a tensor that is no view, so that it may be changed."""
    samples, outputs = middle_out.shape[2], shape.out_features
    y = middle_out.new_empty_strided((samples, outputs), (1, samples))
    groups = shape.output_groups
    blocks = equal_blocks(y.T, groups)
    output_weights = equal_blocks(weights.output_weight, groups)
    by_router = of_routers(middle_out.transpose(0, 1), groups)
    for index, block in enumerate(blocks):
        torch.bmm(output_weights[index], by_router[index], out=block)
    return y


def _row_results(shape: ClosShape, weights: ClosWeights, output_in: Tensor) -> Tensor:
    """Compute [N, O] of [Ro, N, Rm], into a tensor that is no view, so that it may be changed."""
    samples = output_in.shape[1]
    y = output_in.new_empty(samples, shape.out_features)
    groups = shape.output_groups
    for block, weight, middle in zip(
        equal_blocks(y.T, groups),
        equal_blocks(weights.output_weight, groups),
        of_routers(output_in, groups),
        strict=True,
    ):
        if samples == 1:
            torch.bmm(middle, weight.mT, out=block.mT)
        else:
            block.mT.copy_(torch.bmm(middle, weight.mT))
    return y
