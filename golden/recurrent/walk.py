"""A recurrent layer in one direction over a whole sequence, and its gradients.

Steps are taken in chunks, whose inputs and gradients are multiplied at once: chunks are so large
that these products are fast, and so small that what is between their stages stays in the cache.
"""

import dataclasses
from collections.abc import Iterator

import torch
from torch import Tensor

from golden.clos.forms import FEWEST_COLUMNS, ClosWeights, padding_pays
from golden.clos.shape import ClosShape
from golden.recurrent.cells import Cell, Steps
from golden.recurrent.columns import Columns, MapGradients, TransposedColumns
from golden.recurrent.compiled import Parts, compiled_parts

__all__ = ["Gradients", "Kept", "Maps", "Walk"]

_CHUNK = 512  # Samples of all its steps.
_FEWEST_STEPWISE = 16  # Samples of which the gradients of weights are added up step by step.


@dataclasses.dataclass(frozen=True, eq=False)
class Maps:
    """The maps of input and state: shapes, weights, and biases [gates H] or None."""

    shapes: tuple[ClosShape, ClosShape]
    weights: tuple[ClosWeights, ClosWeights]
    biases: tuple[Tensor | None, Tensor | None]


@dataclasses.dataclass(frozen=True, eq=False)
class Kept:
    """What is kept of a walk for its gradients: `Steps` of the whole."""

    sums: Tensor
    hidden: Tensor
    more: Tensor


@dataclasses.dataclass(frozen=True, eq=False)
class Gradients:
    """Of the inputs [T, N, I], of the states [N, H] before, and of weights and biases."""

    inputs: Tensor
    states: tuple[Tensor, ...]
    weights: tuple[ClosWeights, ClosWeights]
    biases: tuple[Tensor, Tensor]


class Walk:
    """T steps of N samples; few samples are computed as 16 where that is faster.

    Parameters
    ----------
    cell
        What a step computes.
    maps
        Of input and state.
    x
        Inputs [T, N, I].
    pad
        Whether few samples may be computed as 16.
    """

    def __init__(self, cell: Cell, maps: Maps, x: Tensor, pad: bool = True) -> None:
        """Find the sizes."""
        self.maps, self.x = maps, x.contiguous()
        self.times, self.samples, _ = x.shape
        self.neurons = maps.shapes[1].in_features
        compiled = compiled_parts(cell, maps.shapes, maps.weights, self.x)
        self._plain = Parts(cell, Columns, MapGradients)
        self._parts, self.cell = compiled or self._plain, cell
        state = maps.shapes[1]
        padded = pad and compiled is None and padding_pays(state, self.samples, x.device.type)
        self.columns = FEWEST_COLUMNS if padded else self.samples

    def forward(
        self, states: tuple[Tensor, ...], keep: bool, all_cells: bool
    ) -> tuple[Tensor, Tensor, Kept]:
        """Compute the outputs [T, N, H], and c [T, N, H] of an LSTM, or the last one.

        Parameters
        ----------
        states
            h, and c of an LSTM, [N, H], before the first step.
        keep
            Whether all is kept that the gradients need.
        all_cells
            Whether c is wanted at all times.
        """
        (cell, columns, _), maps = self._parts, self.maps
        input_map = columns(maps.shapes[0], maps.weights[0])
        state_map = cell.state_map(maps.shapes[1], maps.weights[1])
        outputs = cell.gates * self.neurons
        biases = tuple(self._bias(bias) for bias in maps.biases)
        chunk = self._chunk()
        hidden = self._room(self.times + 1, self.neurons)
        hidden[0, :, : self.samples] = states[0].T
        more = self._room(self.times + cell.states - 1, self.neurons)
        if cell.states == 2:
            more[0, :, : self.samples] = states[1].T * 2
        sums = self._room(self.times if keep else chunk, outputs)
        for start, stop in self._chunks(chunk):
            part = sums[start:stop] if keep else sums[: stop - start]
            own = slice(start, stop + cell.states - 1)
            steps = Steps(part, hidden[start : stop + 1], more[own])
            given = self.x.new_empty(outputs, (stop - start) * self.samples)
            input_map.add(self._inputs(start, stop), given, beta=0)
            given = given.view(outputs, stop - start, self.samples).transpose(0, 1)
            cell.fill(given, (biases[0], biases[1]), self._narrow(steps))
            cell.forward(state_map, steps)
        y = self._rows(hidden[1:], 1)
        if cell.states == 1:
            return y, self.x.new_empty(0), Kept(sums, hidden, more)
        cells = self._rows(more[1:] if all_cells else more[-1:], 0.5)
        return y, cells, Kept(sums, hidden, more)

    def backward(
        self, kept: Kept, of_outputs: Tensor | None, of_cells: Tensor | None, all_cells: bool
    ) -> Gradients:
        """Compute the gradients from those of what `forward` returned; None stands for zeros."""
        parts, maps, samples = self._parts, self.maps, self.samples
        self.columns = kept.hidden.shape[2]
        if self.columns > samples:  # Whatever is used now, it was not compiled code that kept it.
            parts = self._plain
        cell, _, gradients = parts
        input_gradients = gradients(maps.shapes[0], maps.weights[0])
        state_gradients = gradients(maps.shapes[1], maps.weights[1])
        compiled = parts is not self._plain
        at_once = compiled or samples < _FEWEST_STEPWISE
        state_map = state_gradients
        if at_once and not compiled:
            state_map = TransposedColumns(maps.shapes[1], maps.weights[1])
        biases = tuple(self.x.new_zeros(cell.gates * self.neurons) for _ in range(2))
        carry, of_state = self.x.new_zeros(2, self.neurons, self.columns).unbind()
        if of_cells is not None and not all_cells:
            carry[:, :samples] = of_cells[0].T
        of_inputs = torch.empty_like(self.x)
        chunk = self._chunk()
        outer = self._room(chunk + 1, self.neurons)
        of_sums = self._room(chunk, cell.gates * self.neurons)
        for start, stop in reversed(list(self._chunks(chunk))):
            count = stop - start
            own = slice(start, stop + cell.states - 1)
            steps = Steps(kept.sums[start:stop], kept.hidden[start : stop + 1], kept.more[own])
            around = outer[: count + 1].zero_()
            around[count] = of_state
            if of_outputs is not None:
                around[1:, :, :samples] += of_outputs[start:stop].transpose(1, 2)
            cells = None
            if of_cells is not None and all_cells:
                cells = self._room(count, self.neurons)
                cells[:, :, :samples] = of_cells[start:stop].transpose(1, 2)
            held = of_sums[:count]
            given = cell.backward(state_map, steps, around, carry, cells, held)
            of_state.copy_(around[0])
            of_held = self._flat(held)
            of_given = of_held if given is held else self._flat(given)
            inputs = self.x.new_empty(self.x.shape[2], count * samples)
            if at_once:
                state_gradients.add(self._flat(steps.hidden[:-1]), of_held, None)
            input_gradients.add(self._inputs(start, stop), of_given, inputs, beta=0)
            of_inputs[start:stop] = inputs.T.unflatten(0, (count, samples))
            for total, part in zip(biases, (of_given, of_held), strict=True):
                total += part.sum(1)
        before = (of_state, carry)[: cell.states]
        states = tuple(
            state[:, :samples].T.clone(memory_format=torch.contiguous_format) for state in before
        )
        weights = (input_gradients.sums, state_gradients.sums)
        return Gradients(of_inputs, states, weights, (biases[0], biases[1]))

    def _room(self, times: int, neurons: int) -> Tensor:
        """Make memory [T, K, columns], with zeros for what samples there are not."""
        size = (times, neurons, self.columns)
        return self.x.new_zeros(size) if self.columns > self.samples else self.x.new_empty(size)

    def _bias(self, bias: Tensor | None) -> Tensor:
        return self.x.new_zeros(self.cell.gates * self.neurons) if bias is None else bias

    def _narrow(self, steps: Steps) -> Steps:
        if self.columns == self.samples:
            return steps
        values = (steps.sums, steps.hidden, steps.more)
        return Steps(*(each[..., : self.samples] for each in values))

    def _chunk(self) -> int:
        return min(max(_CHUNK // self.samples, 1), self.times)

    def _chunks(self, chunk: int) -> Iterator[tuple[int, int]]:
        for start in range(0, self.times, chunk):
            yield start, min(start + chunk, self.times)

    def _inputs(self, start: int, stop: int) -> Tensor:
        """View inputs as [I, samples of these steps]."""
        return self.x[start:stop].flatten(0, 1).T

    def _flat(self, values: Tensor) -> Tensor:
        """Copy [T, K, N] to [K, samples of these steps]."""
        values = values[:, :, : self.samples].transpose(0, 1)
        return values.clone(memory_format=torch.contiguous_format).flatten(1)

    def _rows(self, values: Tensor, factor: float) -> Tensor:
        """Bring [T, H, N] to [T, N, H], times a factor."""
        values = values[:, :, : self.samples].transpose(1, 2)
        return torch.mul(values, factor, out=values.new_empty(values.shape))
