"""A Clos layer of few samples in one call of compiled code, and its gradients in another."""

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import forward_ad

from golden.clos.forms import ClosWeights, hidden_rows
from golden.clos.gradients import readable, row_gradients
from golden.clos.shape import ClosShape
from golden.operators.library import Operators, shape_address

__all__ = ["MOST_SAMPLES", "compute_compiled"]

# Measured on an x86 processor with AVX-512: more samples are computed faster by `bmm`.
MOST_SAMPLES = 15
# Weights of a layer up to which one thread is as fast as the products of PyTorch are on several.
_ONE_THREAD = 1 << 20

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
    return _forward(operators, shape, given, x)[0]


def _given_to(shape: ClosShape, weights: ClosWeights, x: Tensor) -> Given | None:
    """Return what compiled code takes; None where it does not serve, or is slower.

    It serves plain float32 tensors that lie in order on the CPU. Modes, transforms, autocast and
    classes of tensors see each operation instead.
    """
    samples = x.shape[0]
    if not 0 < samples <= MOST_SAMPLES:
        return None
    w1, w2, w3 = weights
    if (
        x.layout is not _STRIDED
        or not (type(x) in _PLAIN and x.dtype is _FLOAT and x.is_cpu)
        or not (type(w1) in _PLAIN and w1.dtype is _FLOAT and w1.is_cpu)
        or not (type(w2) in _PLAIN and w2.dtype is _FLOAT and w2.is_cpu)
        or not (type(w3) in _PLAIN and w3.dtype is _FLOAT and w3.is_cpu)
        or not (w1.is_contiguous() and w2.is_contiguous() and w3.is_contiguous())
        or not x.is_contiguous()
        or x.is_neg()
        or w1.is_neg()
        or w2.is_neg()
        or w3.is_neg()
        or _private._are_functorch_transforms_active()
        or _private._len_torch_dispatch_stack()
        or _private._len_torch_function_stack()
        or cast(Any, forward_ad)._current_level >= 0
        or torch.is_autocast_enabled("cpu")
        or (shape.parameters > _ONE_THREAD and torch.get_num_threads() > 1)
    ):
        return None
    return _addresses(shape_address(shape.as_tuple()), samples, x, w1, w2, w3)


def _addresses(shape: int, samples: int, *tensors: Tensor) -> Given | None:
    """Return them; None if memory was given up, which has no address."""
    x, w1, w2, w3 = tensors
    given = shape, samples, x.data_ptr(), w1.data_ptr(), w2.data_ptr(), w3.data_ptr()
    return given if all(given) else None


def _forward(
    operators: Operators, shape: ClosShape, given: Given, x: Tensor
) -> tuple[Tensor, Tensor]:
    """Compute y [N, O] of x [N, I], and what its gradients need, [N, Rm (Ri + Ro)]."""
    samples = given[1]
    kept = x.new_empty(samples, shape.middle_routers * (shape.input_routers + shape.output_routers))
    y = x.new_empty(samples, shape.out_features)
    operators.clos_forward(*given, kept.data_ptr(), y.data_ptr())
    return y, kept


def _hidden(operators: Operators, shape: ClosShape, given: Given, x: Tensor) -> Tensor:
    """Compute what the gradients need alone."""
    kept = x.new_empty(
        given[1], shape.middle_routers * (shape.input_routers + shape.output_routers)
    )
    operators.clos_hidden(*given[:5], kept.data_ptr())
    return kept


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
        y, kept = _forward(operators, shape, given, x)
        ctx.operators, ctx.shape, ctx.given, ctx.kept = operators, shape, given, kept.data_ptr()
        if recompute:
            ctx.save_for_backward(x, *weights)
        else:
            ctx.save_for_backward(x, *weights, kept)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        shape, needs = ctx.shape, ctx.needs_input_grad[1:]
        x, w1, w2, w3, *kept = ctx.saved_tensors
        weights = ClosWeights(w1, w2, w3)
        of_y = gradients[0].contiguous()
        given = ctx.given
        if (
            torch.is_grad_enabled()
            or not _is_readable(of_y)
            or given != _addresses(given[0], given[1], x, w1, w2, w3)
            or (kept and kept[0].data_ptr() != ctx.kept)
        ):  # A further derivative is wanted, or hooks have put elsewhere what was saved.
            made = hidden_rows(shape, weights, x)
            return None, *row_gradients(shape, weights, x, made, readable(gradients[0]), needs)
        operators = ctx.operators
        before = kept[0] if kept else _hidden(operators, shape, given, x)
        of_x = torch.empty_like(x) if needs[0] else None
        of_w1 = torch.empty_like(w1) if needs[1] else None
        of_w2 = torch.empty_like(w2) if needs[2] else None
        of_w3 = torch.empty_like(w3) if needs[3] else None
        operators.clos_backward(
            *given,
            before.data_ptr(),
            of_y.data_ptr(),
            of_x if of_x is None else of_x.data_ptr(),
            of_w1 if of_w1 is None else of_w1.data_ptr(),
            of_w2 if of_w2 is None else of_w2.data_ptr(),
            of_w3 if of_w3 is None else of_w3.data_ptr(),
        )
        return None, of_x, of_w1, of_w2, of_w3


def _is_readable(of_y: Tensor) -> bool:
    """Whether compiled code can read a gradient, which lies in order."""
    return (
        type(of_y) in _PLAIN
        and of_y.layout is _STRIDED
        and of_y.dtype is _FLOAT
        and of_y.is_cpu
        and not of_y.is_neg()
        and of_y.data_ptr() != 0
        and not _private._len_torch_dispatch_stack()
    )
