"""A Clos map that is applied many times, with the samples innermost and its memory reused."""

from typing import NamedTuple

import torch
from torch import Tensor

from golden.clos.forms import ClosWeights
from golden.clos.shape import ClosShape

__all__ = ["Columns", "MapGradients", "TransposedColumns"]


class _Run(NamedTuple):
    """Routers of equal size: which they are, and which rows they have; None where it is all."""

    routers: slice | None
    rows: slice
    sizes: tuple[int, int]

    def of(self, rows: Tensor) -> Tensor:
        """View rows [I, K] as [routers, rows a router, K]."""
        own = rows if self.routers is None else rows[self.rows]
        return own.view(*self.sizes, own.shape[1])

    def among(self, values: Tensor) -> Tensor:
        """View the values of these routers, of those of all."""
        return values if self.routers is None else values[self.routers]


class _Room(NamedTuple):
    """Memory for the values between the stages, and its views by the routers of each."""

    inner: Tensor  # [Ri, Rm, M]; transposed [Rm, Ri, M].
    outer: Tensor  # [Rm, Ro, M]; transposed [Ro, Rm, M].
    by_input: list[Tensor]  # [routers of a run, Rm, M]
    by_output: list[Tensor]
    inner_by_middle: Tensor  # [Rm, Ri, M]
    outer_by_middle: Tensor  # [Rm, Ro, M]


class _Map:
    """The routers of a map, and memory between its stages by the number of samples."""

    def __init__(self, shape: ClosShape, weights: ClosWeights, transposed: bool) -> None:
        self._shape, self._like, self._transposed = shape, weights.middle_weight, transposed
        self.inputs, self.outputs = _runs(shape.input_groups), _runs(shape.output_groups)
        self._rooms: dict[int, _Room] = {}

    def room(self, columns: int) -> _Room:
        """Return the memory for so many samples, whatever it holds."""
        if columns not in self._rooms:
            self._rooms[columns] = self._made(columns)
        return self._rooms[columns]

    def _made(self, columns: int) -> _Room:
        shape = self._shape
        ri, rm, ro = shape.input_routers, shape.middle_routers, shape.output_routers
        sizes = ((rm, ri), (ro, rm)) if self._transposed else ((ri, rm), (rm, ro))
        inner, outer = (self._like.new_empty(*size, columns) for size in sizes)
        inner_swapped, outer_swapped = inner.transpose(0, 1), outer.transpose(0, 1)
        by_input, by_output = inner, outer_swapped
        if self._transposed:
            by_input, by_output = inner_swapped, outer
        return _Room(
            inner,
            outer,
            [run.among(by_input) for run in self.inputs],
            [run.among(by_output) for run in self.outputs],
            inner if self._transposed else inner_swapped,
            outer_swapped if self._transposed else outer,
        )


class Columns:
    """A Clos map as three `bmm` (one more where routers differ in size) of weights laid out once.

    Parameters
    ----------
    shape, weights
        Of the map.
    """

    def __init__(self, shape: ClosShape, weights: ClosWeights) -> None:
        """Lay the weights out."""
        self._map = _Map(shape, weights, False)
        first, middle, last = weights
        self._first = [(run, _turned(run.of(first))) for run in self._map.inputs]
        self._middle = _turned(middle)
        self._last = [(run, run.of(last)) for run in self._map.outputs]

    def add(self, values: Tensor, sums: Tensor, beta: int = 1) -> None:
        """Add the map of values [I, M] to `beta` times sums [O, M], which may hold NaN for 0."""
        room = self._map.room(values.shape[1])
        for (run, weight), part in zip(self._first, room.by_input, strict=True):
            torch.bmm(weight, run.of(values), out=part)
        torch.bmm(self._middle, room.inner_by_middle, out=room.outer)
        for (run, weight), part in zip(self._last, room.by_output, strict=True):
            own = run.of(sums)
            torch.baddbmm(own, weight, part, beta=beta, out=own)


class TransposedColumns:
    """The transposed map, as `Columns`."""

    def __init__(self, shape: ClosShape, weights: ClosWeights) -> None:
        """Lay the weights out."""
        self._map = _Map(shape, weights, True)
        first, self._middle, last = weights
        self._first = [(run, run.of(first)) for run in self._map.inputs]
        self._last = [(run, _turned(run.of(last))) for run in self._map.outputs]

    def add(self, gradient: Tensor, sums: Tensor, beta: int = 1) -> _Room:
        """Add the transposed map of a gradient [O, M] to `beta` times sums [I, M]."""
        room = self.inner(gradient)
        for (run, weight), part in zip(self._first, room.by_input, strict=True):
            own = run.of(sums)
            torch.baddbmm(own, weight, part, beta=beta, out=own)
        return room

    def back(self, values: Tensor, gradient: Tensor, sums: Tensor) -> None:
        """Add the transposed map of a gradient [O, M] to sums [I, M]; the values do not count."""
        self.add(gradient, sums)

    def inner(self, gradient: Tensor) -> _Room:
        """Return the gradients of the values between the stages alone."""
        room = self._map.room(gradient.shape[1])
        for (run, weight), part in zip(self._last, room.by_output, strict=True):
            torch.bmm(weight, run.of(gradient), out=part)
        torch.bmm(self._middle, room.outer_by_middle, out=room.inner)
        return room


class MapGradients:
    """The gradients of a map's weights and inputs, summed over many calls.

    The values between the stages are computed again: that is as fast as to read them from memory,
    and they need not be kept.

    Attributes
    ----------
    sums : ClosWeights
        The gradients of the weights.
    """

    def __init__(self, shape: ClosShape, weights: ClosWeights) -> None:
        """Start from gradients of 0."""
        first, middle, _ = weights
        self._map = _Map(shape, weights, False)
        self._first = [_turned(run.of(first)) for run in self._map.inputs]
        self._middle = _turned(middle)
        self._back = TransposedColumns(shape, weights)
        self.sums = ClosWeights(*(torch.zeros_like(one) for one in weights))
        self._sums = (
            [run.of(self.sums.input_weight) for run in self._map.inputs],
            [run.of(self.sums.output_weight) for run in self._map.outputs],
        )

    def back(self, values: Tensor, gradient: Tensor, sums: Tensor) -> None:
        """Add them, and those of the inputs to sums [I, M]."""
        self.add(values, gradient, sums)

    def add(
        self, values: Tensor, gradient: Tensor, of_values: Tensor | None, beta: int = 1
    ) -> None:
        """Add those of inputs [I, M] and of outputs [O, M].

        Parameters
        ----------
        values, gradient
            Inputs, and gradients of the outputs.
        of_values
            Receives the gradients of the inputs, added to `beta` times what it holds.
        beta
            1 or 0.
        """
        room = self._map.room(values.shape[1])
        parts = [run.of(values) for run in self._map.inputs]
        for weight, part, own in zip(self._first, parts, room.by_input, strict=True):
            torch.bmm(weight, part, out=own)
        torch.bmm(self._middle, room.inner_by_middle, out=room.outer)
        for sums, run, own in zip(self._sums[1], self._map.outputs, room.by_output, strict=True):
            torch.baddbmm(sums, run.of(gradient), own.transpose(1, 2), out=sums)
        back = self._back
        of = back.inner(gradient) if of_values is None else back.add(gradient, of_values, beta)
        sums = self.sums.middle_weight
        by_middle = of.outer_by_middle.transpose(1, 2)
        torch.baddbmm(sums, room.inner_by_middle, by_middle, out=sums)
        for sums, part, own in zip(self._sums[0], parts, of.by_input, strict=True):
            torch.baddbmm(sums, part, own.transpose(1, 2), out=sums)


def _turned(weights: Tensor) -> Tensor:
    return weights.transpose(1, 2).contiguous()


def _runs(groups: tuple[tuple[int, int], ...]) -> list[_Run]:
    found: list[_Run] = []
    router = row = 0
    for count, size in groups:
        routers = None if len(groups) == 1 else slice(router, router + count)
        found.append(_Run(routers, slice(row, row + count * size), (count, size)))
        router, row = router + count, row + count * size
    return found
