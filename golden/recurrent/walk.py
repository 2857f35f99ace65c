"""A recurrent layer in one direction over a whole sequence, and its gradients.

Steps are taken in chunks, whose inputs and gradients are multiplied at once: chunks are so large
that these products are fast, and so small that what is between their stages stays in the cache.
"""

import dataclasses
from collections.abc import Iterator

import torch
from torch import Tensor

from golden.clos.forms import FEWEST_COLUMNS, ClosWeights, padding_pays
from golden.recurrent.cells import Cell, Steps
from golden.recurrent.chunks import Maps, PlainChunks
from golden.recurrent.compiled import compiled_chunks

__all__ = ["Gradients", "Kept", "Walk"]

_CHUNK = 512  # Samples of all its steps.


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
        self.cell, self.maps, self.x = cell, maps, x.contiguous()
        self.times, self.samples, _ = x.shape
        self.neurons = maps.shapes[1].in_features
        self._compiled = compiled_chunks(cell, maps, self.x)
        state = maps.shapes[1]
        padded = pad and self._compiled is None and padding_pays(state, self.samples, x.device.type)
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
        cell = self.cell
        chunks = self._compiled or PlainChunks(cell, self.maps)
        outputs = cell.gates * self.neurons
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
            chunks.forward(self.x[start:stop], steps)
        y = self._rows(hidden[1:], 1)
        if cell.states == 1:
            return y, self.x.new_empty(0), Kept(sums, hidden, more)
        cells = self._rows(more[1:] if all_cells else more[-1:], 0.5)
        return y, cells, Kept(sums, hidden, more)

    def backward(
        self, kept: Kept, of_outputs: Tensor | None, of_cells: Tensor | None, all_cells: bool
    ) -> Gradients:
        """Compute the gradients from those of what `forward` returned; None stands for zeros."""
        cell, samples = self.cell, self.samples
        self.columns = kept.hidden.shape[2]
        chunks = self._compiled
        if chunks is None or self.columns > samples:  # Others kept them.
            chunks = PlainChunks(cell, self.maps)
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
            chunks.backward(
                self.x[start:stop], steps, around, carry, cells, held, of_inputs[start:stop]
            )
            of_state.copy_(around[0])
        before = (of_state, carry)[: cell.states]
        states = tuple(
            state[:, :samples].T.clone(memory_format=torch.contiguous_format) for state in before
        )
        return Gradients(of_inputs, states, *chunks.gradients())

    def _room(self, times: int, neurons: int) -> Tensor:
        """Make memory [T, K, columns], with zeros for what samples there are not."""
        size = (times, neurons, self.columns)
        return self.x.new_zeros(size) if self.columns > self.samples else self.x.new_empty(size)

    def _chunk(self) -> int:
        return min(max(_CHUNK // self.samples, 1), self.times)

    def _chunks(self, chunk: int) -> Iterator[tuple[int, int]]:
        for start in range(0, self.times, chunk):
            yield start, min(start + chunk, self.times)

    def _rows(self, values: Tensor, factor: float) -> Tensor:
        """Bring [T, H, N] to [T, N, H], times a factor."""
        values = values[:, :, : self.samples].transpose(1, 2)
        return torch.mul(values, factor, out=values.new_empty(values.shape))
