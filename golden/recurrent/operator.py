"""A walk through time as an operator of PyTorch, which a compiled graph holds as one node.

`torch.compile` would write the steps out one by one otherwise, which takes minutes.
"""

from typing import Any, cast

import torch
from torch import Tensor

from golden.clos.shape import ClosShape
from golden.recurrent.cells import CELLS
from golden.recurrent.function import WalkCall
from golden.recurrent.walk import Kept

__all__ = ["compiled_walk"]


def compiled_walk(call: WalkCall, x: Tensor, *tensors: Tensor | None) -> tuple[Tensor, ...]:
    """Compute what `golden.recurrent.function.fast_walk` does, in a graph that is compiled."""
    numbers = [number for shape in call.shapes for number in shape.as_tuple()]
    found = cast(Any, _walked)(
        call.cell,
        numbers,
        call.all_cells,
        torch.is_grad_enabled(),
        x,
        [one for one in tensors if one is not None],
    )
    return tuple(found[: CELLS[call.cell].states])


def _parts(cell: str, tensors: list[Tensor]) -> tuple[Tensor | None, ...]:
    """Return the tensors with None for the biases, if there are none."""
    if len(tensors) == 8 + CELLS[cell].states:
        return tuple(tensors)
    return (*tensors[:3], None, *tensors[3:6], None, *tensors[6:])


def _call(cell: str, shapes: list[int], all_cells: bool) -> WalkCall:
    return WalkCall(cell, (ClosShape.of(shapes[:5]), ClosShape.of(shapes[5:])), all_cells)


@torch.library.custom_op(
    "clostorus::walk",
    mutates_args=(),
    schema="(str cell, int[] shapes, bool all_cells, bool keep, Tensor x, Tensor[] tensors)"
    " -> (Tensor, Tensor, Tensor, Tensor, Tensor)",
)
def _walked(
    cell: str, shapes: list[int], all_cells: bool, keep: bool, x: Tensor, tensors: list[Tensor]
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    parts = _parts(cell, tensors)
    walk = _call(cell, shapes, all_cells).walk(x, parts, pad=False)
    states = cast(tuple[Tensor, ...], parts[8:])
    y, cells, kept = walk.forward(states, keep, all_cells)
    if keep:
        return y, cells, kept.sums, kept.hidden, kept.more
    return y, cells, x.new_empty(0), x.new_empty(0), x.new_empty(0)


@cast(Any, _walked).register_fake
def _(
    cell: str, shapes: list[int], all_cells: bool, keep: bool, x: Tensor, tensors: list[Tensor]
) -> tuple[Tensor, ...]:
    times, samples = x.shape[:2]
    hidden, states = shapes[5], CELLS[cell].states
    y = x.new_empty(times, samples, hidden)
    cells = x.new_empty(times if all_cells else 1, samples, hidden) if states == 2 else None
    cells = x.new_empty(0) if cells is None else cells
    if not keep:
        return y, cells, *(x.new_empty(0) for _ in range(3))
    return (
        y,
        cells,
        x.new_empty(times, shapes[6], samples),
        x.new_empty(times + 1, hidden, samples),
        x.new_empty(times + states - 1, hidden, samples),
    )


@torch.library.custom_op(
    "clostorus::walk_back",
    mutates_args=(),
    schema="(str cell, int[] shapes, bool all_cells, Tensor x, Tensor[] tensors, Tensor[] kept,"
    " Tensor[] of_outputs) -> Tensor[]",
)
def _back(
    cell: str,
    shapes: list[int],
    all_cells: bool,
    x: Tensor,
    tensors: list[Tensor],
    kept: list[Tensor],
    of_outputs: list[Tensor],
) -> list[Tensor]:
    parts = _parts(cell, tensors)
    walk = _call(cell, shapes, all_cells).walk(x, parts, pad=False)
    of_cells = of_outputs[1] if CELLS[cell].states == 2 else None
    found = walk.backward(Kept(*kept), of_outputs[0], of_cells, all_cells)
    biases = [[one] if parts[3] is not None else [] for one in found.biases]
    weights = found.weights
    return [found.inputs, *weights[0], *biases[0], *weights[1], *biases[1], *found.states]


@cast(Any, _back).register_fake
def _(
    cell: str,
    shapes: list[int],
    all_cells: bool,
    x: Tensor,
    tensors: list[Tensor],
    kept: list[Tensor],
    of_outputs: list[Tensor],
) -> list[Tensor]:
    return [torch.empty_like(one, memory_format=torch.contiguous_format) for one in (x, *tensors)]


def _setup(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    cell, shapes, all_cells, _, x, tensors = inputs
    ctx.call = cell, shapes, all_cells
    ctx.save_for_backward(x, *tensors, *output[2:])


def _backward(ctx: Any, *of_outputs: Tensor) -> tuple[Any, ...]:
    saved = ctx.saved_tensors
    x, *tensors = saved[:-3]
    found = cast(Any, _back)(*ctx.call, x, tensors, list(saved[-3:]), list(of_outputs[:2]))
    return None, None, None, None, found[0], found[1:]


cast(Any, _walked).register_autograd(_backward, setup_context=_setup)
