"""What the steps of an LSTM and of a GRU compute from the sums of their gates, and the gradients.

Values have their samples innermost: [T, neurons, N], T steps at once. Of the transcendental
functions only the sigmoid is computed, which in PyTorch takes a tenth of the time of tanh on a
CPU: tanh v = 2 sigmoid 2v - 1. It is right to a rounding of values of 1, so not of the last bits of
small ones. To save operations, twice the c of an LSTM is held.
"""

from typing import Protocol

import torch
from torch import Tensor

from golden.clos.forms import ClosWeights
from golden.recurrent.columns import Columns

__all__ = ["CELLS", "BackwardMap", "Cell", "Steps"]


class Steps:
    """T steps: views of what is kept of them.

    Parameters
    ----------
    sums
        [T, gates H, N]: sums of the gates, or what `Cell.forward` has made of them.
    hidden
        [T + 1, H, N]: h, before the first step and after each.
    more
        Of an LSTM twice c, like `hidden`; of a GRU [T, H, N], its new values.
    """

    def __init__(self, sums: Tensor, hidden: Tensor, more: Tensor) -> None:
        """Hold the views."""
        self.sums, self.hidden, self.more = sums, hidden, more
        self.neurons = hidden.shape[1]

    def gate(self, first: int, last: int | None = None) -> Tensor:
        """Return the gates from `first` to before `last`, one if there is none: [T, .. H, N]."""
        stop = first + 1 if last is None else last
        return self.sums[:, first * self.neurons : stop * self.neurons]


class BackwardMap(Protocol):
    """The state's map, transposed, with the gradients of its weights or without."""

    def back(self, values: Tensor, gradient: Tensor, sums: Tensor) -> None:
        """Add the transposed map of a gradient [O, N], for these values [I, N], to [I, N]."""
        ...


class Cell(Protocol):
    """A kind of recurrent layer; its states are h, and c of an LSTM."""

    gates: int
    states: int

    def scaled(self, weights: ClosWeights) -> ClosWeights:
        """Return the weights of the state's map, for the sums of `fill`."""
        ...

    def fill(self, given: Tensor, biases: tuple[Tensor, Tensor], steps: Steps) -> None:
        """Write what the input's map gives, [T, gates H, N], and both biases into the steps."""
        ...

    def forward(self, columns: Columns, steps: Steps) -> None:
        """Compute all steps, where the sums have been filled."""
        ...

    def backward(
        self,
        columns: BackwardMap,
        steps: Steps,
        of_outputs: Tensor,
        carry: Tensor,
        of_cells: Tensor | None,
        of_sums: Tensor,
    ) -> Tensor:
        """Compute all steps back.

        Parameters
        ----------
        columns
            The state's map.
        steps
            What `forward` has made of them.
        of_outputs
            Gradients of h [T + 1, H, N], to which those of later steps are added; the first one is
            of the h before these steps.
        carry
            Gradient of c [H, N], after these steps, then before them.
        of_cells
            Gradients [T, H, N] of c itself, if there are any.
        of_sums
            Receives the gradients [T, gates H, N] of what the state's map gave.

        Returns
        -------
        Tensor
            The gradients of what the input's map gave.
        """
        ...


class _Lstm:
    """Gates i, f, g and o: c = f c + i tanh(g), h = o tanh(c)."""

    gates = 4
    states = 2

    def scaled(self, weights: ClosWeights) -> ClosWeights:
        last = weights.output_weight.clone()
        neurons = last.shape[0] // 4
        last[2 * neurons : 3 * neurons].mul_(2)
        return weights._replace(output_weight=last)

    def fill(self, given: Tensor, biases: tuple[Tensor, Tensor], steps: Steps) -> None:
        torch.add(given, (biases[0] + biases[1])[:, None], out=steps.sums)
        steps.gate(2).mul_(2)

    def forward(self, columns: Columns, steps: Steps) -> None:
        hidden, cells = steps.hidden.unbind(), steps.more.unbind()
        signal = torch.empty_like(hidden[0])  # tanh(c)
        for step, (sums, keep_in, keep, new, out) in enumerate(
            zip(steps.sums.unbind(), *(steps.gate(gate).unbind() for gate in range(4)), strict=True)
        ):
            columns.add(hidden[step], sums)
            sums.sigmoid_()
            torch.add(-1, new, alpha=2, out=new)
            cell = torch.mul(keep, cells[step], out=cells[step + 1])
            cell.addcmul_(keep_in, new, value=2)
            torch.sigmoid(cell, out=signal)
            torch.add(-1, signal, alpha=2, out=signal)
            torch.mul(out, signal, out=hidden[step + 1])

    def backward(
        self,
        columns: BackwardMap,
        steps: Steps,
        of_outputs: Tensor,
        carry: Tensor,
        of_cells: Tensor | None,
        of_sums: Tensor,
    ) -> Tensor:
        times, _, samples = of_sums.shape
        size = (times, 3, steps.neurons, samples)
        keep_in, keep, new, out = (steps.gate(gate) for gate in range(4))
        signal = torch.sigmoid(steps.more[1:])
        torch.add(-1, signal, alpha=2, out=signal)
        by_out = torch.addcmul(out, out, out, value=-1).mul_(signal)
        by_cell = torch.addcmul(out, out, signal.square_(), value=-1)
        by_sums = out.new_empty(size)
        torch.addcmul(keep_in, keep_in, keep_in, value=-1, out=by_sums[:, 0]).mul_(new)
        torch.addcmul(keep, keep, keep, value=-1, out=by_sums[:, 1])
        by_sums[:, 1].mul_(steps.more[:-1]).mul_(0.5)
        torch.addcmul(keep_in, keep_in, torch.square(new), value=-1, out=by_sums[:, 2])
        of_others = of_sums[:, : 3 * steps.neurons].view(size).unbind()
        of_out = of_sums[:, 3 * steps.neurons :].unbind()
        factors = (by_out.unbind(), by_cell.unbind(), by_sums.unbind(), keep.unbind())
        outputs, sums, hidden = of_outputs.unbind(), of_sums.unbind(), steps.hidden.unbind()
        for step in reversed(range(times)):
            of_output = outputs[step + 1]
            if of_cells is not None:
                carry.add_(of_cells[step])
            carry.addcmul_(of_output, factors[1][step])
            torch.mul(of_output, factors[0][step], out=of_out[step])
            torch.mul(carry, factors[2][step], out=of_others[step])
            carry.mul_(factors[3][step])
            columns.back(hidden[step], sums[step], outputs[step])
        return of_sums


class _Gru:
    """Gates r and z, new values n = tanh(given + r held), h = z h + (1 - z) n."""

    gates = 3
    states = 1

    def scaled(self, weights: ClosWeights) -> ClosWeights:
        return weights

    def fill(self, given: Tensor, biases: tuple[Tensor, Tensor], steps: Steps) -> None:
        two = 2 * steps.neurons
        torch.add(given[:, :two], (biases[0] + biases[1])[:two, None], out=steps.gate(0, 2))
        steps.gate(2).copy_(biases[1][two:, None])
        torch.add(given[:, two:], biases[0][two:, None], out=steps.more).mul_(2)

    def forward(self, columns: Columns, steps: Steps) -> None:
        hidden, more = steps.hidden.unbind(), steps.more.unbind()
        for step, (sums, both, reset, keep, held) in enumerate(
            zip(
                steps.sums.unbind(),
                steps.gate(0, 2).unbind(),
                *(steps.gate(gate).unbind() for gate in range(3)),
                strict=True,
            )
        ):
            columns.add(hidden[step], sums)
            both.sigmoid_()
            new = more[step].addcmul_(reset, held, value=2).sigmoid_()
            torch.add(-1, new, alpha=2, out=new)
            torch.lerp(new, hidden[step], keep, out=hidden[step + 1])

    def backward(
        self,
        columns: BackwardMap,
        steps: Steps,
        of_outputs: Tensor,
        carry: Tensor,
        of_cells: Tensor | None,
        of_sums: Tensor,
    ) -> Tensor:
        reset, keep, held = (steps.gate(gate) for gate in range(3))
        new = steps.more
        size = (of_sums.shape[0], 3, steps.neurons, of_sums.shape[2])
        by_sums = of_sums.new_empty(size)
        by_reset, by_keep, by_held = by_sums.unbind(1)
        pull = torch.sub(1, keep)
        torch.sub(steps.hidden[:-1], new, out=by_keep).mul_(pull).mul_(keep)
        by_new = pull.addcmul_(pull, torch.square(new), value=-1)
        torch.mul(by_new, reset, out=by_held)
        torch.addcmul(held, held, reset, value=-1, out=by_reset).mul_(by_held)
        of_all = of_sums.view(size).unbind()
        factors, outputs, sums = by_sums.unbind(), of_outputs.unbind(), of_sums.unbind()
        keeps, hidden = keep.unbind(), steps.hidden.unbind()
        for step in reversed(range(len(sums))):
            of_output = outputs[step + 1]
            torch.mul(of_output, factors[step], out=of_all[step])
            outputs[step].addcmul_(of_output, keeps[step])
            columns.back(hidden[step], sums[step], outputs[step])
        given = of_sums.clone()
        torch.mul(of_outputs[1:], by_new, out=given[:, 2 * steps.neurons :])
        return given


CELLS: dict[str, Cell] = {"lstm": _Lstm(), "gru": _Gru()}
"""By name."""
