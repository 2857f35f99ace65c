"""The product of a sparse matrix, given by its connections, with a dense one; differentiable.

PyTorch's `embedding_bag` with a weight for every row that it adds is the product of a matrix in
compressed sparse rows. Its own backward pass sorts the connections each time and has no second
derivative; this one takes them sorted, and has derivatives of every order.
"""

from typing import Any, NamedTuple, cast

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

__all__ = ["Wiring", "bags", "by_index", "sparse_product", "wiring_of"]

_SUM = 0  # The number of `embedding_bag`'s mode.
_DOTS_TO = 4  # Columns up to which a gradient of values is made by gathering both factors.

_aten, _linalg = cast(Any, torch.ops.aten), cast(Any, torch.linalg)  # They come without types.
_transforms = cast(Any, torch)._C._are_functorch_transforms_active  # As `Function.apply` asks.


class Wiring(NamedTuple):
    """Connections sorted both ways, for a product and its transposed one.

    Attributes
    ----------
    edges
        Int64 [2, E]: output and input of every connection, the outputs ascending.
    starts
        [out]: the first connection of every output.
    order
        [E]: the connections in the order of their inputs.
    back_outputs, back_starts
        The output of every connection in that order [E], and the first of every input [in].
    """

    edges: Tensor
    starts: Tensor
    order: Tensor
    back_outputs: Tensor
    back_starts: Tensor


def wiring_of(edges: Tensor, outputs: int, inputs: int) -> Wiring:
    """Sort connections [2, E] of a matrix [outputs, inputs] by their inputs, too."""
    order = edges[1].argsort(stable=True)
    sources = edges[1][order]
    back_starts = torch.searchsorted(sources, torch.arange(inputs, device=edges.device))
    return Wiring(edges, _starts(edges, outputs), order, edges[0][order], back_starts)


def bags(edges: Tensor, values: Tensor, columns: Tensor, outputs: int) -> Tensor:
    """Multiply as `sparse_product` does, in one operation that can be recorded with a graph."""
    # Not that of `nn.functional`, whose checks of its arguments cannot be traced.
    return torch.embedding_bag(
        columns.contiguous(),
        edges[1],
        _starts(edges, outputs),
        mode=_SUM,
        per_sample_weights=values,
    )[0]


def by_index(edges: Tensor, values: Tensor, columns: Tensor, outputs: int) -> Tensor:
    """Multiply as `sparse_product` does, in plain operations that hold E N numbers."""
    parts = columns[edges[1]] * values[:, None]
    return columns.new_zeros(outputs, columns.shape[1]).index_add(0, edges[0], parts)


def sparse_product(wiring: Wiring, values: Tensor, columns: Tensor) -> Tensor:
    """Multiply the sparse matrix with `values` [E] by `columns` [in, N] to [out, N].

    Differentiable in both as often as wanted, forward and backward, and by `torch.func`.
    """
    if torch.is_grad_enabled() or _transforms():
        return cast(Tensor, cast(Any, _Product).apply(values, columns, *wiring))
    return _Product.forward(values, columns, *wiring)


def _starts(edges: Tensor, outputs: int) -> Tensor:
    return torch.searchsorted(edges[0], torch.arange(outputs, device=edges.device))


def _dots(edges: Tensor, starts: Tensor, gradient: Tensor, columns: Tensor) -> Tensor:
    """Return for every connection the product of its output's row with its input's row."""
    if columns.shape[1] <= _DOTS_TO:
        return _linalg.vecdot(
            gradient.index_select(0, edges[0]), columns.index_select(0, edges[1])
        )
    return _aten._embedding_bag_per_sample_weights_backward(
        gradient, columns, edges[1], starts, edges[0], _SUM
    )


class _Product(torch.autograd.Function):
    """See `sparse_product`; the arguments are flat, as `torch.func` wants them."""

    @staticmethod
    def forward(
        values: Tensor,
        columns: Tensor,
        edges: Tensor,
        starts: Tensor,
        order: Tensor,
        back_outputs: Tensor,
        back_starts: Tensor,
    ) -> Tensor:
        return torch.embedding_bag(
            columns.contiguous(), edges[1], starts, mode=_SUM, per_sample_weights=values
        )[0]

    @staticmethod
    def setup_context(ctx: FunctionCtx, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs[:4])

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = grad_outputs
        values, columns, edges, starts, order, back_outputs, back_starts = ctx.saved_tensors
        of_values, of_columns = ctx.needs_input_grad[:2]
        back: list[Tensor | None] = [None, None]
        if torch.is_grad_enabled():  # The gradient is to be differentiated again.
            outputs, sources = edges
            if of_values:
                back[0] = (columns[sources] * gradient[outputs]).sum(1)
            if of_columns:
                back[1] = by_index(edges.flip(0), values, gradient, columns.shape[0])
        else:
            gradient = gradient.contiguous()
            if of_values:
                back[0] = _dots(edges, starts, gradient, columns.contiguous())
            if of_columns:
                back[1] = torch.embedding_bag(
                    gradient,
                    back_outputs,
                    back_starts,
                    mode=_SUM,
                    per_sample_weights=values[order],
                )[0]
        return (*back, None, None, None, None, None)

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor | None) -> Tensor:
        values, columns, edges, starts = ctx.saved_tensors
        parts: list[Tensor] = []
        if tangents[0] is not None:
            parts.append(by_index(edges, tangents[0], columns, starts.shape[0]))
        if tangents[1] is not None:
            parts.append(by_index(edges, values, tangents[1], starts.shape[0]))
        return parts[0] if len(parts) == 1 else parts[0] + parts[1]

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *given: Tensor) -> tuple[Tensor, int]:
        """Lay the batch beside the columns; where the values have one too, by plain operations."""
        values, columns, edges, starts = given[:4]
        if all(dim is None for dim in (in_dims[0], *in_dims[2:])) and in_dims[1] is not None:
            whole = columns.movedim(in_dims[1], -1)
            product = cast(Any, _Product).apply(values, whole.flatten(1), *given[2:])
            return cast(Tensor, product.unflatten(1, whole.shape[1:])), 2
        outputs = starts.shape[-1]

        def one(edges: Tensor, values: Tensor, columns: Tensor) -> Tensor:
            return by_index(edges, values, columns, outputs)

        mapped = torch.vmap(one, in_dims=(in_dims[2], in_dims[0], in_dims[1]))
        return mapped(edges, values, columns), 0
