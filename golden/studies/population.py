"""Many runs of fixed-point training at once, each with its own layout: for studies.

A step of one small net is mostly overhead; here every tensor has the runs as its first dimension,
and every shift and limit is a tensor too. Run for run the words are those of `FixedTrainingNet`
with all weights in one processing element.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from golden.fixed.format import CLEAR, KEEP, TrainingFormat
from golden.fixed.lfsr import states_after
from golden.fixed.state import LayerState, TrainingState
from golden.layers.routing import routing_of

__all__ = ["ROUNDINGS", "Population"]

ROUNDINGS = ("lfsr", "ideal", "nearest")
"""How updates are rounded: as in hardware, with independent random bits, or to the nearest."""


class Population:
    """Runs of nets of the same layers.

    Parameters
    ----------
    forms
        One per run, of the same layers. The last must have no ReLU.
    states
        Of one processing element each. They are copied.
    roundings
        Of `ROUNDINGS`, one per run.
    seed
        Of "ideal" random bits.
    """

    def __init__(
        self,
        forms: Sequence[TrainingFormat],
        states: Sequence[TrainingState],
        roundings: Sequence[str],
        seed: int = 0,
    ) -> None:
        """Stack the runs; see the class."""
        self.forms = tuple(forms)
        layers = range(len(forms[0].layers))
        self._routings = [routing_of(shape) for shape in forms[0].shapes]
        self._relus = [layer.relu for layer in forms[0].layers]
        self._masters = [
            [
                torch.stack([run.layers[index].masters[stage] for run in states])
                for stage in range(3)
            ]
            for index in layers
        ]
        self._velocities = [
            [
                torch.stack([run.layers[index].velocities[stage] for run in states])
                for stage in range(3)
            ]
            for index in layers
        ]
        self._bias = [torch.stack([run.layers[index].bias for run in states]) for index in layers]
        self._bias_velocity = [
            torch.stack([run.layers[index].bias_velocity for run in states]) for index in layers
        ]
        self._lfsr = torch.cat([run.lfsr for run in states])
        self._generator = torch.Generator().manual_seed(seed)
        self._ideal = torch.tensor([rounding == "ideal" for rounding in roundings])
        self._nearest = torch.tensor([rounding == "nearest" for rounding in roundings])
        shifts = [form.shifts for form in forms]
        self._forward_shifts = [
            [torch.tensor([run[index].forward[stage] for run in shifts]) for stage in range(3)]
            for index in layers
        ]
        self._gradient_shifts = [
            [
                torch.tensor([run[index].gradient[stage] or 0 for run in shifts])
                for stage in range(3)
            ]
            for index in layers
        ]
        self._update_shifts = [
            [torch.tensor([run[index].update[stage] for run in shifts]) for stage in range(3)]
            for index in layers
        ]
        self._bias_shifts = [torch.tensor([run[index].bias for run in shifts]) for index in layers]
        self._act_bits = torch.tensor([form.act_bits for form in forms])
        self._grad_bits = torch.tensor([form.grad_bits for form in forms])
        self._master_bits = torch.tensor([form.master_bits for form in forms])
        self._bias_bits = torch.tensor([form.bias_bits for form in forms])
        # Without accumulators nothing is kept, and no product is wider than this.
        self._velocity_bits = torch.tensor([form.velocity_bits or 48 for form in forms])
        self._dropped = torch.tensor([form.dropped_bits for form in forms])
        self._output_scale = torch.tensor([2.0**-form.output_fraction_bits for form in forms])
        self._gradient_scale = torch.tensor([2.0**form.gradient_fraction_bits for form in forms])

    def state(self, run: int) -> TrainingState:
        """Return the state of one run."""
        layers = [
            LayerState(
                (masters[0][run], masters[1][run], masters[2][run]),
                self._bias[index][run],
                (velocities[0][run], velocities[1][run], velocities[2][run]),
                self._bias_velocity[index][run],
            )
            for index, (masters, velocities) in enumerate(
                zip(self._masters, self._velocities, strict=True)
            )
        ]
        return TrainingState(layers, self._lfsr[run : run + 1])

    def step(self, x: Tensor, label: int, rate: float, *, decay: int, apply: bool) -> None:
        """Train every run on one sample, by softmax cross-entropy.

        Parameters
        ----------
        x
            [runs, I] int64: each run's words for the sample.
        label
            The sample's class.
        rate
            Learning rate over the samples of the batch.
        decay, apply
            As for `FixedTrainingNet.backward`.
        """
        inputs = self._forward(x)
        gradient = torch.softmax(inputs.pop() * _wide(self._output_scale.double(), 2), dim=1)
        gradient[:, label] -= 1.0
        scaled = torch.round(gradient * rate * _wide(self._gradient_scale.double(), 2))
        dy = _saturate(scaled.to(torch.int64), self._grad_bits)
        visits = sum(master[0].numel() for layer in self._masters for master in layer)
        states = states_after(self._lfsr, visits).T if apply else None
        first = 0
        for index in reversed(range(len(self._masters))):
            bias_gradient = dy
            for stage in (2, 1, 0):
                weight, stage_input = self._masters[index][stage], inputs[3 * index + stage]
                products = self._routings[index].products(stage, stage_input, dy)
                if index > 0 or stage > 0:
                    operand = weight >> _wide(self._dropped, weight.ndim)
                    sums = self._routings[index].transposed(stage, operand, dy)
                    dy = _round(sums, self._gradient_shifts[index][stage])
                    dy = _saturate(dy, self._grad_bits)
                    if stage == 0 and self._relus[index - 1]:
                        dy = torch.where(stage_input > 0, dy, 0)
                velocity = self._accumulate(self._velocities[index][stage], products, decay)
                self._velocities[index][stage] = velocity
                if states is not None:
                    count = weight[0].numel()
                    words = states[:, first : first + count].reshape(weight.shape)
                    first += count
                    shift = _wide(self._update_shifts[index][stage], weight.ndim)
                    change = (velocity + self._rounding(words, shift)) >> shift
                    self._masters[index][stage] = _saturate(weight - change, self._master_bits)
            velocity = self._accumulate(self._bias_velocity[index], bias_gradient, decay)
            self._bias_velocity[index] = velocity
            if apply:
                change = velocity << _wide(self._bias_shifts[index], 2)
                self._bias[index] = _saturate(self._bias[index] - change, self._bias_bits)
        if states is not None:
            self._lfsr = states[:, -1]

    def _forward(self, x: Tensor) -> list[Tensor]:
        """Return the inputs of every stage of every layer, and the outputs of the last."""
        found = [x]
        for index, masters in enumerate(self._masters):
            for stage in range(3):
                operand = masters[stage] >> _wide(self._dropped, masters[stage].ndim)
                acc = self._routings[index].sums(stage, operand, found[-1])
                if stage == 2:
                    acc = acc + self._bias[index]
                words = _round(acc, self._forward_shifts[index][stage])
                words = _saturate(words, self._act_bits)
                if stage == 2 and self._relus[index]:
                    words = words.clamp(min=0)
                found.append(words)
        return found

    def _accumulate(self, held: Tensor, products: Tensor, decay: int) -> Tensor:
        if decay == CLEAR:
            total = products
        elif decay == KEEP:
            total = held + products
        else:
            total = held - (held >> decay) + products
        return _saturate(total, self._velocity_bits)

    def _rounding(self, words: Tensor, shift: Tensor) -> Tensor:
        added = words & ((1 << shift) - 1)
        if bool(self._ideal.any()):
            # The same for every run, so that a run does not depend on what others there are.
            draws = torch.randint(1 << 32, words.shape[1:], generator=self._generator)
            random = draws & ((1 << shift) - 1)
            added = torch.where(_wide(self._ideal, words.ndim), random, added)
        if bool(self._nearest.any()):
            added = torch.where(_wide(self._nearest, words.ndim), (1 << shift) >> 1, added)
        return added


def _wide(values: Tensor, dimensions: int) -> Tensor:
    """Turn [runs] to [runs, 1, ...]."""
    return values.reshape(-1, *(1,) * (dimensions - 1))


def _round(acc: Tensor, shift: Tensor) -> Tensor:
    """`golden.fixed.words.round_half_even_shift` with a shift [runs]; 0 is one of them."""
    shift = _wide(shift, acc.ndim)
    odd = torch.where(shift > 0, (acc >> shift) & 1, 1)
    return (acc + odd + ((1 << shift) >> 1) - 1) >> shift


def _saturate(values: Tensor, bits: Tensor) -> Tensor:
    limit = _wide(1 << (bits - 1), values.ndim)
    return torch.minimum(torch.maximum(values, -limit), limit - 1)
