"""A walk through time as one operation of autograd."""

import dataclasses
from typing import Any, cast

import torch
from torch import Tensor

from golden.clos.forms import ClosWeights
from golden.clos.function import compute
from golden.clos.shape import ClosShape
from golden.recurrent.cells import CELLS
from golden.recurrent.chunks import Maps
from golden.recurrent.plain import STEPS, Map, plain_walk, scanned_walk
from golden.recurrent.walk import Kept, Walk
from golden.tensors.autocast import add_bias

__all__ = ["WalkCall", "fast_walk"]


@dataclasses.dataclass(frozen=True)
class WalkCall:
    """What a walk is of, besides its tensors.

    Attributes
    ----------
    cell
        "lstm" or "gru".
    shapes
        Of the maps of input and state.
    all_cells
        Whether c of an LSTM is wanted at all times, not only at the last.
    """

    cell: str
    shapes: tuple[ClosShape, ClosShape]
    all_cells: bool

    def walk(self, x: Tensor, tensors: tuple[Tensor | None, ...], pad: bool = True) -> Walk:
        """Return the walk over x [T, N, I] with the tensors that `fast_walk` takes."""
        first, second = tensors[:4], tensors[4:8]
        weights = tuple(ClosWeights(*cast(Any, one[:3])) for one in (first, second))
        maps = Maps(self.shapes, (weights[0], weights[1]), (first[3], second[3]))
        return Walk(CELLS[self.cell], maps, x, pad)

    def plain(self, x: Tensor, tensors: tuple[Tensor | None, ...]) -> tuple[Tensor, ...]:
        """Compute the same in operations that can be differentiated any number of times."""
        return self._by(plain_walk, x, tensors)

    def scanned(self, x: Tensor, tensors: tuple[Tensor | None, ...]) -> tuple[Tensor, ...]:
        """Compute the same without gradients, for a graph that serves sequences of any length."""
        constants = tuple(None if one is None else one.detach() for one in tensors)
        return self._by(scanned_walk, x.detach(), constants)

    def _by(self, walk: Any, x: Tensor, tensors: tuple[Tensor | None, ...]) -> tuple[Tensor, ...]:
        maps = [_map(shape, tensors[4 * i : 4 * i + 4]) for i, shape in enumerate(self.shapes)]
        y, *cells = walk(STEPS[self.cell], maps[0], maps[1], x, tensors[8:])
        return (y, *(one if self.all_cells else one[-1:] for one in cells))


def fast_walk(call: WalkCall, x: Tensor, *tensors: Tensor | None) -> tuple[Tensor, ...]:
    """Compute the outputs [T, N, H], and c of an LSTM [T, N, H] or [1, N, H].

    Parameters
    ----------
    call
        What is computed.
    x
        Inputs [T, N, I].
    tensors
        Weights of the three stages and bias or None of the input's map, the same of the state's
        map, and the states [N, H] before; all of one type and device.
    """
    y, cells = cast(Any, _Walked).apply(call, x, *tensors)
    return (y, cells) if CELLS[call.cell].states == 2 else (y,)


class _Walked(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, call: WalkCall, x: Tensor, *tensors: Tensor | None) -> tuple[Tensor, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        states = cast(tuple[Tensor, ...], tensors[8:])
        keep = any(ctx.needs_input_grad)
        y, cells, kept = call.walk(x, tensors).forward(states, keep, call.all_cells)
        ctx.call = call
        ctx.set_materialize_grads(False)
        if keep:
            ctx.save_for_backward(x, *tensors, kept.sums, kept.hidden, kept.more)
        return y, cells

    @staticmethod
    def backward(ctx: Any, *of_outputs: Tensor | None) -> tuple[Any, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        saved = ctx.saved_tensors  # Once: checkpointing computes them anew and gives them once.
        x, *tensors = saved[:-3]
        call: WalkCall = ctx.call
        if torch.is_grad_enabled():  # The gradients will be differentiated themselves.
            return None, *_differentiable(call, ctx.needs_input_grad[1:], [x, *tensors], of_outputs)
        walk = call.walk(x, tuple(tensors))
        kept = Kept(*saved[-3:])
        of_cells = of_outputs[1] if walk.cell.states == 2 else None
        found = walk.backward(kept, of_outputs[0], of_cells, call.all_cells)
        biases = [
            None if one is None else of_one
            for one, of_one in zip((tensors[3], tensors[7]), found.biases, strict=True)
        ]
        weights = found.weights
        return (None, found.inputs, *weights[0], biases[0], *weights[1], biases[1], *found.states)


def _differentiable(
    call: WalkCall,
    needed: tuple[bool, ...],
    tensors: list[Tensor | None],
    of_outputs: tuple[Tensor | None, ...],
) -> list[Tensor | None]:
    """Compute the gradients by a walk in PyTorch's own operations."""
    outputs = call.plain(cast(Tensor, tensors[0]), tuple(tensors[1:]))
    pairs = [(y, g) for y, g in zip(outputs, of_outputs, strict=False) if g is not None]
    wanted = [one for one, need in zip(tensors, needed, strict=True) if need]
    found = torch.autograd.grad(
        [y for y, _ in pairs],
        cast(list[Tensor], wanted),
        [g for _, g in pairs],
        create_graph=True,
        allow_unused=True,
    )
    by_input = iter(found)
    return [next(by_input) if need else None for need in needed]


def _map(shape: ClosShape, tensors: tuple[Tensor | None, ...]) -> Map:
    weights, bias = ClosWeights(*cast(Any, tensors[:3])), tensors[3]

    def computed(x: Tensor) -> Tensor:
        y = compute(shape, weights, x.reshape(-1, shape.in_features))
        return add_bias(y, bias).reshape(*x.shape[:-1], shape.out_features)

    return computed
