"""The steps of a part of a walk and all that their maps compute: in products of PyTorch."""

import dataclasses

import torch
from torch import Tensor

from golden.clos.forms import ClosWeights
from golden.clos.shape import ClosShape
from golden.recurrent.cells import Cell, Steps
from golden.recurrent.columns import Columns, MapGradients, TransposedColumns

__all__ = ["Maps", "PlainChunks"]

_FEWEST_STEPWISE = 16  # Samples of which the gradients of weights are added up step by step.


@dataclasses.dataclass(frozen=True, eq=False)
class Maps:
    """The maps of input and state: shapes, weights, and biases [gates H] or None."""

    shapes: tuple[ClosShape, ClosShape]
    weights: tuple[ClosWeights, ClosWeights]
    biases: tuple[Tensor | None, Tensor | None]


class PlainChunks:
    """Computes chunks of a walk one after the other, forward or back.

    Parameters
    ----------
    cell
        What the steps compute.
    maps
        Of input and state.
    """

    def __init__(self, cell: Cell, maps: Maps) -> None:
        """Prepare nothing yet."""
        self._cell, self._maps = cell, maps
        self._forward: tuple[Columns, Columns] | None = None
        self._back: tuple[MapGradients, MapGradients] | None = None
        first = maps.weights[0].input_weight
        outputs = maps.shapes[0].out_features
        self._zeros = first.new_zeros(outputs)
        self._of_biases = first.new_zeros(outputs), first.new_zeros(outputs)

    def forward(self, x: Tensor, steps: Steps) -> None:
        """Compute the sums, h and what is more of the steps of inputs [T, N, I]."""
        cell, maps = self._cell, self._maps
        if self._forward is None:
            self._forward = (
                Columns(maps.shapes[0], maps.weights[0]),
                Columns(maps.shapes[1], cell.scaled(maps.weights[1])),
            )
        times, samples, _ = x.shape
        given = x.new_empty(maps.shapes[0].out_features, times * samples)
        self._forward[0].add(x.flatten(0, 1).T, given, beta=0)
        biases = [self._zeros if bias is None else bias for bias in maps.biases]
        given = given.view(-1, times, samples).transpose(0, 1)
        cell.fill(given, (biases[0], biases[1]), _narrow(steps, samples))
        cell.forward(self._forward[1], steps)

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
        """Add up gradients, and compute those of the inputs.

        Parameters
        ----------
        x
            Inputs [T, N, I].
        steps, of_outputs, carry, of_cells, of_sums
            As `Cell.backward` has them.
        of_x
            Receives the gradients of the inputs [T, N, I].
        """
        maps, (times, samples, _) = self._maps, x.shape
        if self._back is None:
            inputs, states = map(MapGradients, maps.shapes, maps.weights)
            self._back = inputs, states
        inputs, states = self._back
        at_once = samples < _FEWEST_STEPWISE
        state_map = TransposedColumns(maps.shapes[1], maps.weights[1]) if at_once else states
        given = self._cell.backward(state_map, steps, of_outputs, carry, of_cells, of_sums)
        of_held = _flat(of_sums, samples)
        of_given = of_held if given is of_sums else _flat(given, samples)
        if at_once:
            states.add(_flat(steps.hidden[:-1], samples), of_held, None)
        of_inputs = x.new_empty(x.shape[2], times * samples)
        inputs.add(x.flatten(0, 1).T, of_given, of_inputs, beta=0)
        of_x.copy_(of_inputs.T.view(times, samples, -1))
        for total, part in zip(self._of_biases, (of_given, of_held), strict=True):
            total += part.sum(1)

    def gradients(
        self,
    ) -> tuple[tuple[ClosWeights, ClosWeights], tuple[Tensor, Tensor]]:
        """Return what was added up: of the weights of both maps, and of both biases."""
        assert self._back is not None
        return (self._back[0].sums, self._back[1].sums), self._of_biases


def _narrow(steps: Steps, samples: int) -> Steps:
    values = (steps.sums, steps.hidden, steps.more)
    return Steps(*(each[..., :samples] for each in values))


def _flat(values: Tensor, samples: int) -> Tensor:
    """Copy [T, K, N] to [K, samples of these steps]."""
    values = values[:, :, :samples].transpose(0, 1)
    return values.clone(memory_format=torch.contiguous_format).flatten(1)
