"""The steps of a part of a walk and all that their maps compute: in compiled code."""

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor

from golden.clos.forms import ClosWeights
from golden.clos.shape import ClosShape
from golden.operators.library import Operators, shape_address
from golden.operators.switch import current
from golden.recurrent.cells import CELLS, Cell, Steps
from golden.recurrent.chunks import Maps

__all__ = ["CompiledChunks", "compiled_chunks"]

# Measured on an x86 processor with AVX-512, on one thread.
_MOST_SAMPLES = 128
# Samples times weights of the state's map, up to which one thread is as fast as `bmm` on several.
_ONE_THREAD = 1 << 21

_private = cast(Any, torch)._C


def compiled_chunks(cell: Cell, maps: Maps, x: Tensor) -> "CompiledChunks | None":
    """Return what computes chunks of inputs [T, N, I]; None where it does not serve, or is slower.

    It serves plain float32 tensors in order on the CPU, outside of modes.
    """
    operators = current()
    if operators is None or _private._len_torch_dispatch_stack():
        return None
    samples = x.shape[1]
    work = samples * maps.shapes[1].parameters
    if samples > _MOST_SAMPLES or (work > _ONE_THREAD and torch.get_num_threads() > 1):
        return None
    for one in (x, *maps.weights[0], *maps.weights[1]):
        plain = type(one) in (Tensor, torch.nn.Parameter) and one.layout is torch.strided
        if not (plain and one.is_cpu and one.dtype is torch.float32 and not one.is_neg()):
            return None
    return CompiledChunks(operators, cell, maps)


class CompiledChunks:
    """As `PlainChunks`; all tensors lie in order."""

    def __init__(self, operators: Operators, cell: Cell, maps: Maps) -> None:
        """Hold the weights."""
        self._operators, self._is_lstm = operators, cell.states == 2
        shapes, weights = maps.shapes, maps.weights
        self._input_map = _Map(shapes[0], weights[0])
        self._state_map = _Map(shapes[1], weights[1])
        outputs = shapes[0].out_features
        zeros = weights[0].input_weight.new_zeros
        biases = [zeros(outputs) if bias is None else bias for bias in maps.biases]
        self._biases = biases[0], biases[1]
        self._of_biases = zeros(outputs), zeros(outputs)

    def forward(self, x: Tensor, steps: Steps) -> None:
        """Compute the sums, h and what is more of the steps of inputs [T, N, I]."""
        operators, (times, samples, _) = self._operators, x.shape
        if self._is_lstm:
            bias = self._biases[0] + self._biases[1]
            self._input_map.call(operators.map_forward, times, samples, bias, x, steps.sums)
        else:
            given = torch.empty_like(steps.sums)
            self._input_map.call(operators.map_forward, times, samples, None, x, given)
            CELLS["gru"].fill(given, self._biases, steps)
        operator = operators.lstm_forward if self._is_lstm else operators.gru_forward
        kept = steps.sums, steps.hidden, steps.more
        self._state_map.call(operator, times, samples, *kept)

    def backward(
        self,
        x: Tensor,
        steps: Steps,
        of_outputs: Tensor,
        carry: Tensor,
        of_cells: Tensor | None,
        of_sums: Tensor,
        of_x: Tensor,
    ) -> None:
        """Add up gradients, and compute those of the inputs, as `PlainChunks.backward`."""
        operators, (times, samples, _) = self._operators, x.shape
        sums, hidden, more = (one.contiguous() for one in (steps.sums, steps.hidden, steps.more))
        given = of_sums
        if self._is_lstm:
            rest = sums, more, of_outputs, carry, of_cells, of_sums
            self._state_map.call(operators.lstm_backward, times, samples, *rest)
        else:
            given = torch.empty_like(of_sums)
            rest = sums, hidden, more, of_outputs, of_sums, given
            self._state_map.call(operators.gru_backward, times, samples, *rest)
        of_biases, back = self._of_biases, operators.map_backward
        self._input_map.back(back, x.transpose(1, 2), given, of_x, of_biases[0])
        self._state_map.back(back, hidden[:-1], of_sums, None, of_biases[1])

    def gradients(
        self,
    ) -> tuple[tuple[ClosWeights, ClosWeights], tuple[Tensor, Tensor]]:
        """Return what was added up: of the weights of both maps, and of both biases."""
        return (self._input_map.sums, self._state_map.sums), self._of_biases


class _Map:
    """Weights in order, and the sums of their gradients."""

    def __init__(self, shape: ClosShape, weights: ClosWeights) -> None:
        self._shape = shape_address(shape.as_tuple())
        self._weights = ClosWeights(*(one.contiguous() for one in weights))
        self._sums: ClosWeights | None = None

    @property
    def sums(self) -> ClosWeights:
        if self._sums is None:
            self._sums = ClosWeights(*(torch.zeros_like(one) for one in self._weights))
        return self._sums

    def call(
        self, operator: Callable[..., None], times: int, samples: int, *tensors: Tensor | None
    ) -> None:
        operator(self._shape, times, samples, *map(_address, (*self._weights, *tensors)))

    def back(
        self,
        operator: Callable[..., None],
        x: Tensor,
        of_y: Tensor,
        of_x: Tensor | None,
        of_bias: Tensor,
    ) -> None:
        """Add up gradients, for x [T, I, N] and gradients of y [T, O, N]."""
        times, _, samples = x.shape
        tensors = *self._weights, x, of_y, of_x, *self.sums, of_bias
        operator(self._shape, times, samples, *x.stride(), *map(_address, tensors))


def _address(one: Tensor | None) -> int | None:
    return None if one is None else one.data_ptr()
