"""The gradients of a Clos layer's products, written out: by rows or by columns.

They are made of operations that PyTorch can differentiate once more.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from golden.clos.forms import (
    ClosWeights,
    equal_blocks,
    in_groups,
    of_routers,
    transposing_pays,
)
from golden.clos.shape import ClosShape

__all__ = ["column_gradients", "readable", "row_gradients"]


def readable(values: Tensor) -> Tensor:
    """Values [N, K] in an order of memory that `bmm` takes as it is; a copy if need be."""
    if values.is_contiguous() or (values.stride(0) == 1 and values.stride(1) >= values.shape[0]):
        return values
    return values.contiguous()


def column_gradients(
    shape: ClosShape,
    weights: ClosWeights,
    x: Tensor,
    kept: Sequence[Tensor],
    gradient: Tensor,
    needs: Sequence[bool],
) -> tuple[Tensor | None, ...]:
    """Gradients of the inputs and weights that need one, with the samples innermost."""
    if all(needs) and len(shape.input_groups) == len(shape.output_groups) == 1:
        return _evencolumn_gradients(shape, weights, x, kept, gradient)
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


def _evencolumn_gradients(
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


def row_gradients(
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
