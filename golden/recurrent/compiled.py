"""The steps of an LSTM and of a GRU in compiled code: one call for all of a chunk."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor

from golden.clos.forms import ClosWeights
from golden.clos.shape import ClosShape
from golden.operators.library import Operators, shape_address
from golden.operators.switch import current
from golden.recurrent.cells import CELLS, Cell, Steps

__all__ = ["Parts", "compiled_parts"]

# Measured on an x86 processor with AVX-512, on one thread.
_MOST_SAMPLES = 128
# Of samples and weights of the state's map, up to which one thread is as fast as `bmm` on several.
_ONE_THREAD = 1 << 22

_private = cast(Any, torch)._C


class Parts(NamedTuple):
    """What a walk is made of.

    Attributes
    ----------
    cell
        Computes the steps.
    columns, gradients
        Make of a shape and weights what computes a map of many samples, and its gradients.
    """

    cell: Cell
    columns: Callable[[ClosShape, ClosWeights], Any]
    gradients: Callable[[ClosShape, ClosWeights], Any]


def compiled_parts(
    cell: Cell,
    shapes: tuple[ClosShape, ClosShape],
    weights: tuple[ClosWeights, ClosWeights],
    x: Tensor,
) -> Parts | None:
    """Return the parts in compiled code; None where that does not serve, or is slower.

    Parameters
    ----------
    cell
        Of `golden.recurrent.cells.CELLS`.
    shapes, weights
        Of the maps of input and state.
    x
        Inputs [T, N, I].
    """
    operators = current()
    if operators is None or _private._len_torch_dispatch_stack():
        return None
    samples = x.shape[1]
    if samples > _MOST_SAMPLES or (
        torch.get_num_threads() > 1 and samples * shapes[1].parameters > _ONE_THREAD
    ):
        return None
    for one in (x, *weights[0], *weights[1]):
        plain = type(one) in (Tensor, torch.nn.Parameter) and one.layout is torch.strided
        if not (plain and one.is_cpu and one.dtype is torch.float32 and not one.is_neg()):
            return None
    kind = _CompiledLstm if cell.states == 2 else _CompiledGru
    return Parts(
        kind(operators, shapes[1], weights[1]),
        functools.partial(_CompiledMap, operators),
        functools.partial(_CompiledMapGradients, operators),
    )


class _Compiled:
    """The state's map of a cell, as compiled code takes it; it holds the weights."""

    def __init__(self, operators: Operators, shape: ClosShape, weights: ClosWeights) -> None:
        self._operators, self._shape = operators, shape_address(shape.as_tuple())
        self._weights = tuple(one.contiguous() for one in weights)

    def state_map(self, shape: ClosShape, weights: ClosWeights) -> None:
        """Return none: the cell has it."""

    def _given(self, steps: Steps) -> tuple[int, ...]:
        times, _, samples = steps.sums.shape
        return self._shape, times, samples, *(one.data_ptr() for one in self._weights)


class _CompiledLstm(_Compiled):
    """As the LSTM of `golden.recurrent.cells`, but for the sums of g, which are not doubled."""

    gates = 4
    states = 2

    def fill(self, given: Tensor, biases: tuple[Tensor, Tensor], steps: Steps) -> None:
        torch.add(given, (biases[0] + biases[1])[:, None], out=steps.sums)

    def forward(self, columns: Any, steps: Steps) -> None:
        values = steps.sums, steps.hidden, steps.more
        self._operators.lstm_forward(*self._given(steps), *map(_address, values))

    def backward(
        self,
        columns: Any,
        steps: Steps,
        of_outputs: Tensor,
        carry: Tensor,
        of_cells: Tensor | None,
        of_sums: Tensor,
    ) -> Tensor:
        sums, more = steps.sums.contiguous(), steps.more.contiguous()
        values = sums, more, of_outputs, carry, of_cells, of_sums
        self._operators.lstm_backward(*self._given(steps), *map(_address, values))
        return of_sums


class _CompiledGru(_Compiled):
    """As the GRU of `golden.recurrent.cells`."""

    gates = 3
    states = 1

    def fill(self, given: Tensor, biases: tuple[Tensor, Tensor], steps: Steps) -> None:
        CELLS["gru"].fill(given, biases, steps)

    def forward(self, columns: Any, steps: Steps) -> None:
        values = steps.sums, steps.hidden, steps.more
        self._operators.gru_forward(*self._given(steps), *map(_address, values))

    def backward(
        self,
        columns: Any,
        steps: Steps,
        of_outputs: Tensor,
        carry: Tensor,
        of_cells: Tensor | None,
        of_sums: Tensor,
    ) -> Tensor:
        of_given = torch.empty_like(of_sums)
        kept = [one.contiguous() for one in (steps.sums, steps.hidden, steps.more)]
        values = *kept, of_outputs, of_sums, of_given
        self._operators.gru_backward(*self._given(steps), *map(_address, values))
        return of_given


class _CompiledMap:
    """As `Columns` of a map, in compiled code."""

    def __init__(self, operators: Operators, shape: ClosShape, weights: ClosWeights) -> None:
        """Hold the weights."""
        self._operators, self._shape = operators, shape_address(shape.as_tuple())
        self._weights = tuple(one.contiguous() for one in weights)

    def add(self, values: Tensor, sums: Tensor, beta: int = 0) -> None:
        """Write the map of values [I, M] to sums [O, M], which lie in order."""
        tensors = *self._weights, values, sums
        samples, strides = values.shape[1], values.stride()
        self._operators.map_forward(self._shape, samples, *strides, *map(_address, tensors))


class _CompiledMapGradients(_CompiledMap):
    """As `MapGradients`, in compiled code."""

    def __init__(self, operators: Operators, shape: ClosShape, weights: ClosWeights) -> None:
        """Begin with zeros."""
        super().__init__(operators, shape, weights)
        self.sums = ClosWeights(*(torch.zeros_like(one) for one in self._weights))

    def add(
        self, values: Tensor, gradient: Tensor, of_values: Tensor | None, beta: int = 0
    ) -> None:
        """Add those of inputs [I, M] and of outputs [O, M]; write those of inputs."""
        tensors = *self._weights, values, gradient.contiguous(), of_values, *self.sums
        samples, strides = values.shape[1], values.stride()
        self._operators.map_backward(self._shape, samples, *strides, *map(_address, tensors))


def _address(one: Tensor | None) -> int | None:
    return None if one is None else one.data_ptr()
