"""A Clos layer in PyTorch as it runs: the products of one form, and those of its gradient.

`torch.autograd` would keep and call more for the same products. What is compiled, exported, traced
or transformed by `torch.func` takes the forms of `golden.clos.forms` instead.
"""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import forward_ad

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
    in_groups,
    of_routers,
    transposing_pays,
)
from golden.clos.shape import ClosShape
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
        kept = _hidden(rows, shape, weights, _readable(x))
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
        weights, x = ClosWeights(w1, w2, w3), _readable(x)
        if torch.is_grad_enabled() or not kept:
            # A second derivative goes through the hidden values, back to what made them.
            kept = _hidden(rows, shape, weights, x)
        of = _row_gradients if rows else _column_gradients
        needs = ctx.needs_input_grad[1:]
        return None, *of(shape, weights, x, kept, _readable(gradients[0]), needs)


def _hidden(rows: bool, shape: ClosShape, weights: ClosWeights, x: Tensor) -> tuple[Tensor, Tensor]:
    return (hidden_rows if rows else hidden_columns)(shape, weights, x)


def _readable(values: Tensor) -> Tensor:
    """Values [N, K] in an order of memory that `bmm` takes as it is; a copy if need be."""
    if values.is_contiguous() or (values.stride(0) == 1 and values.stride(1) >= values.shape[0]):
        return values
    return values.contiguous()


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


def _column_gradients(
    shape: ClosShape,
    weights: ClosWeights,
    x: Tensor,
    kept: Sequence[Tensor],
    gradient: Tensor,
    needs: Sequence[bool],
) -> tuple[Tensor | None, ...]:
    """Gradients of the inputs and weights that need one, with the samples innermost."""
    if all(needs) and len(shape.input_groups) == len(shape.output_groups) == 1:
        return _even_column_gradients(shape, weights, x, kept, gradient)
    input_out, middle_out = kept  # [Ri, Rm, N] and [Rm, Ro, N]
    groups = shape.output_groups
    of_outputs = equal_blocks(gradient.T, groups)
    w1 = w2 = w3 = of_x = None
    if needs[3]:
        w3 = in_groups(_column_outer, of_outputs, of_routers(middle_out.transpose(0, 1), groups))
    if not any(needs[:3]):
        return of_x, w1, w2, w3
    of_middle = in_groups(
        _transposed_product, equal_blocks(weights.output_weight, groups), of_outputs
    ).transpose(0, 1)  # [Rm, Ro, N]
    if needs[2]:
        w2 = torch.bmm(input_out.transpose(0, 1), of_middle.mT)
    if not any(needs[:2]):
        return of_x, w1, w2, w3
    groups = shape.input_groups
    of_input = of_routers(torch.bmm(weights.middle_weight, of_middle).transpose(0, 1), groups)
    if needs[1]:
        w1 = in_groups(_column_outer, equal_blocks(x.T, groups), of_input)
    if needs[0]:
        of_x = in_groups(_flat_product, equal_blocks(weights.input_weight, groups), of_input).T
    return of_x, w1, w2, w3


def _even_column_gradients(
    shape: ClosShape, weights: ClosWeights, x: Tensor, kept: Sequence[Tensor], gradient: Tensor
) -> tuple[Tensor, ...]:
    """All gradients, with the samples innermost, where the routers of a stage are equal.

    What is not needed any more is given up at once: the next product takes its memory, which is
    still in the cache.
    """
    inputs, outputs, ri, rm, ro = shape.as_tuple()
    samples = x.shape[0]
    w1, w2, w3 = weights
    w1, w3 = w1.view(ri, inputs // ri, rm), w3.view(ro, outputs // ro, rm)
    of_stage = gradient.T.view(ro, outputs // ro, samples)
    of_w3 = _of_columns(of_stage, kept[1].transpose(0, 1))
    of_stage = torch.bmm(w3.mT, of_stage).transpose(0, 1)  # [Rm, Ro, N]
    of_w2 = torch.bmm(kept[0].transpose(0, 1), of_stage.mT)
    of_stage = torch.bmm(w2, of_stage).transpose(0, 1)  # [Ri, Rm, N]
    of_w1 = _of_columns(x.T.view(ri, inputs // ri, samples), of_stage)
    of_x = torch.bmm(w1, of_stage).view(inputs, samples).T
    return of_x, of_w1.view(inputs, rm), of_w2, of_w3.view(outputs, rm)


def _of_columns(left: Tensor, right: Tensor) -> Tensor:
    """The products [R, n, m] of [R, n, N] and [R, m, N]."""
    if transposing_pays(left, right):
        return torch.bmm(right, left.mT).mT.contiguous()
    return torch.bmm(left, right.mT)


def _column_outer(left: Tensor, right: Tensor) -> Tensor:
    return _of_columns(left, right).flatten(0, 1)


def _transposed_product(weight: Tensor, values: Tensor) -> Tensor:
    return torch.bmm(weight.mT, values)


def _flat_product(weight: Tensor, values: Tensor) -> Tensor:
    return torch.bmm(weight, values).flatten(0, 1)


def _row_gradients(
    shape: ClosShape,
    weights: ClosWeights,
    x: Tensor,
    kept: Sequence[Tensor],
    gradient: Tensor,
    needs: Sequence[bool],
) -> tuple[Tensor | None, ...]:
    """Gradients of the inputs and weights that need one, with the features innermost."""
    middle_in, output_in = kept  # [Rm, N, Ri] and [Ro, N, Rm]
    groups = shape.output_groups
    of_outputs = equal_blocks(gradient.T, groups)
    w1 = w2 = w3 = of_x = None
    if needs[3]:
        w3 = in_groups(_row_outer, of_outputs, of_routers(output_in, groups))
    if not any(needs[:3]):
        return of_x, w1, w2, w3
    of_middle = in_groups(_row_product, of_outputs, equal_blocks(weights.output_weight, groups))
    of_middle = of_middle.transpose(0, 2).contiguous()  # [Rm, N, Ro]
    if needs[2]:
        w2 = _outer(middle_in.mT, of_middle)
    if not any(needs[:2]):
        return of_x, w1, w2, w3
    groups = shape.input_groups
    of_input = torch.bmm(of_middle, weights.middle_weight.mT).transpose(0, 2).contiguous()
    of_routers_in = of_routers(of_input, groups)  # [Ri, N, Rm]
    if needs[1]:
        w1 = in_groups(_row_outer, equal_blocks(x.T, groups), of_routers_in)
    if needs[0]:
        input_weights = equal_blocks(weights.input_weight, groups)
        of_x = in_groups(_side_by_side, of_routers_in, input_weights, dimension=1)
    return of_x, w1, w2, w3


def _outer(left: Tensor, right: Tensor) -> Tensor:
    """The products [R, n, m] of [R, n, N] and [R, N, m]; `bmm` is slow where N is 1."""
    return left * right if right.shape[1] == 1 else torch.bmm(left, right)


def _row_outer(left: Tensor, right: Tensor) -> Tensor:
    return _outer(left, right).flatten(0, 1)


def _row_product(values: Tensor, weight: Tensor) -> Tensor:
    return torch.bmm(values.mT, weight)


def _side_by_side(values: Tensor, weight: Tensor) -> Tensor:
    return torch.bmm(values, weight.mT).transpose(0, 1).flatten(1)
