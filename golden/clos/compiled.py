"""A Clos layer in one call of compiled code, and its gradients in another."""

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import forward_ad

from golden.clos.forms import ClosWeights, fastest_form, hidden_columns
from golden.clos.gradients import column_gradients, readable
from golden.clos.shape import ClosShape
from golden.operators.library import Operators, kept_numbers, shape_address

__all__ = ["MOST_ROWS", "compute_compiled"]

# Measured on an x86 processor with AVX-512: up to so many samples are computed faster by rows.
MOST_ROWS = 15
# Samples times weights, up to which one thread is as fast as the products of PyTorch on several.
_ONE_THREAD = 1 << 21

_PLAIN = (Tensor, torch.nn.Parameter)
_FLOAT, _STRIDED = torch.float32, torch.strided
_private = cast(Any, torch)._C

Given = tuple[int, int, int, int, int, int]
"""What compiled code takes first: the address of a shape, samples, and those of x and weights."""


def compute_compiled(
    operators: Operators, shape: ClosShape, weights: ClosWeights, x: Tensor, recompute: bool
) -> Tensor | None:
    """Compute [N, I] to [N, O]; None where compiled code does not serve, or is slower."""
    given = _given_to(shape, weights, x)
    if given is None:
        return None
    if torch.is_grad_enabled():
        options = operators, shape, given, recompute
        return cast(Tensor, cast(Any, _Products).apply(options, x, *weights))
    return _forward(operators, shape, given, x, False)[0]


def _given_to(shape: ClosShape, weights: ClosWeights, x: Tensor) -> Given | None:
    """Return what compiled code takes; None where it does not serve, or is slower.

    It serves plain float32 tensors that lie in order on the CPU. Modes, transforms, autocast and
    classes of tensors see each operation instead.
    """
    samples = x.shape[0]
    w1, w2, w3 = weights
    if (
        not samples
        or x.layout is not _STRIDED
        or not (type(x) in _PLAIN and x.dtype is _FLOAT and x.is_cpu)
        or not (type(w1) in _PLAIN and w1.dtype is _FLOAT and w1.is_cpu)
        or not (type(w2) in _PLAIN and w2.dtype is _FLOAT and w2.is_cpu)
        or not (type(w3) in _PLAIN and w3.dtype is _FLOAT and w3.is_cpu)
        or not (w1.is_contiguous() and w2.is_contiguous() and w3.is_contiguous())
        or (samples <= MOST_ROWS and not x.is_contiguous())
        or (x.is_neg() or w1.is_neg() or w2.is_neg() or w3.is_neg())
        or _private._are_functorch_transforms_active()
        or _private._len_torch_dispatch_stack()
        or _private._len_torch_function_stack()
        or cast(Any, forward_ad)._current_level >= 0
        or torch.is_autocast_enabled("cpu")
        or (torch.get_num_threads() > 1 and samples * shape.parameters > _ONE_THREAD)
        or (samples > MOST_ROWS and fastest_form(shape, samples) == "matrix")
    ):
        return None
    return _addresses(shape_address(shape.as_tuple()), samples, x, w1, w2, w3)


def _addresses(shape: int, samples: int, *tensors: Tensor) -> Given | None:
    """Return them; None if memory was given up, which has no address."""
    x, w1, w2, w3 = tensors
    given = shape, samples, x.data_ptr(), w1.data_ptr(), w2.data_ptr(), w3.data_ptr()
    return given if all(given) else None


def _forward(
    operators: Operators, shape: ClosShape, given: Given, x: Tensor, keep: bool
) -> tuple[Tensor, Tensor | None]:
    """Compute y [N, O] of x [N, I], and what its gradients need, if that is to be kept."""
    samples, outputs = given[1], shape.out_features
    if samples <= MOST_ROWS:
        kept = x.new_empty(_rows_kept(shape, samples))
        y = x.new_empty(samples, outputs)
        operators.clos_forward(*given, kept.data_ptr(), y.data_ptr())
        return y, kept if keep else None
    kept = x.new_empty(kept_numbers(shape.as_tuple(), samples)) if keep else None
    y = x.new_empty_strided((samples, outputs), (1, samples))
    operators.clos_columns(*given, _address(kept), y.data_ptr(), *x.stride())
    return y, kept


def _rows_kept(shape: ClosShape, samples: int) -> int:
    return samples * shape.middle_routers * (shape.input_routers + shape.output_routers)


class _Products(torch.autograd.Function):
    """A layer in compiled code, where `_given_to` says so."""

    @staticmethod
    def forward(
        ctx: Any,
        options: tuple[Operators, ClosShape, Given, bool],
        x: Tensor,
        *weights: Tensor,
    ) -> Tensor:
        operators, shape, given, recompute = options
        y, kept = _forward(operators, shape, given, x, not recompute)
        ctx.operators, ctx.shape, ctx.given, ctx.kept = operators, shape, given, _address(kept)
        if kept is None:
            ctx.save_for_backward(x, *weights)
        else:
            ctx.save_for_backward(x, *weights, kept)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        shape, needs = ctx.shape, ctx.needs_input_grad[1:]
        x, w1, w2, w3, *saved = ctx.saved_tensors
        kept = saved[0] if saved else None
        weights, (of_y,) = ClosWeights(w1, w2, w3), gradients
        given = ctx.given
        if (
            torch.is_grad_enabled()
            or not _is_readable(of_y)
            or given != _addresses(given[0], given[1], x, w1, w2, w3)
            or _address(kept) != ctx.kept
        ):  # A further derivative is wanted, or hooks have put elsewhere what was saved.
            made = hidden_columns(shape, weights, readable(x))
            return None, *column_gradients(shape, weights, readable(x), made, readable(of_y), needs)
        by_rows = given[1] <= MOST_ROWS
        of_x = None
        if needs[0]:
            order = (x.shape[1], 1) if by_rows else (1, given[1])
            of_x = x.new_empty_strided(x.shape, order)
        of_w1 = torch.empty_like(w1) if needs[1] else None
        of_w2 = torch.empty_like(w2) if needs[2] else None
        of_w3 = torch.empty_like(w3) if needs[3] else None
        found = of_x, of_w1, of_w2, of_w3
        _backward(ctx.operators, shape, given, x, kept, of_y, found)
        return None, *found


def _backward(
    operators: Operators,
    shape: ClosShape,
    given: Given,
    x: Tensor,
    kept: Tensor | None,
    of_y: Tensor,
    found: tuple[Tensor | None, ...],
) -> None:
    """Fill the gradients that are there."""
    one, two, three, four = found
    to = _address(one), _address(two), _address(three), _address(four)
    if given[1] > MOST_ROWS:
        operators.clos_columns_backward(
            *given, _address(kept), of_y.data_ptr(), *to, *x.stride(), *of_y.stride()
        )
        return
    of_y = of_y.contiguous()
    if kept is None:
        kept = x.new_empty(_rows_kept(shape, given[1]))
        operators.clos_hidden(*given[:5], kept.data_ptr())
    operators.clos_backward(*given, kept.data_ptr(), of_y.data_ptr(), *to)


def _is_readable(of_y: Tensor) -> bool:
    """Whether compiled code can read a gradient."""
    return (
        type(of_y) in _PLAIN
        and of_y.layout is _STRIDED
        and of_y.dtype is _FLOAT
        and of_y.is_cpu
        and not of_y.is_neg()
        and of_y.data_ptr() != 0
        and not _private._len_torch_dispatch_stack()
    )


def _address(one: Tensor | None) -> int | None:
    return None if one is None else one.data_ptr()
