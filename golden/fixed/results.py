"""What one backward pass of fixed-point training computed: every intermediate, and counts of it."""

import dataclasses
from collections.abc import Iterator

import torch
from torch import Tensor

__all__ = ["Counts", "LayerBackward", "SampleBackward", "StageBackward", "Update"]


@dataclasses.dataclass(frozen=True)
class Counts:
    """How often something happened that a comparison should have met.

    Of gradient words: how many there were, were zero, negative, or saturated on leaving a stage. Of
    weights and biases: how many there were that may change, changed, and saturated; and of
    their accumulators, how many saturated.
    """

    gradients: int = 0
    zero_gradients: int = 0
    negative_gradients: int = 0
    saturated_gradients: int = 0
    weights: int = 0
    changed_weights: int = 0
    saturated_weights: int = 0
    saturated_velocities: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        pairs = zip(dataclasses.astuple(self), dataclasses.astuple(other), strict=True)
        return Counts(*(left + right for left, right in pairs))


@dataclasses.dataclass(frozen=True, eq=False)
class Update:
    """What a sample did to the weights of a stage, or to the biases; each int64 of their shape.

    Parameters
    ----------
    velocity_sum, velocity
        The accumulator with this sample added, before and after saturation.
    kept
        What stays of it: `velocity`, or 0 where there is no memory for it.
    before, after
        The weights; equal where the sample is not the last of its batch.
    unclipped
        The new weights before saturation.
    """

    velocity_sum: Tensor
    velocity: Tensor
    kept: Tensor
    before: Tensor
    unclipped: Tensor
    after: Tensor

    def counts(self) -> Counts:
        """Return the counts of weights and accumulators."""
        return Counts(
            weights=self.before.numel(),
            changed_weights=_differ(self.before, self.after),
            saturated_weights=_differ(self.unclipped, self.after),
            saturated_velocities=_differ(self.velocity_sum, self.velocity),
        )


@dataclasses.dataclass(frozen=True, eq=False)
class StageBackward:
    """One stage's pass. A stage's inputs and results have the shapes of `StageWords`, without N.

    Parameters
    ----------
    gradient
        Words: the gradient of the stage's results.
    sums
        The exact sums that are the gradient of the stage's inputs; None where nobody asked.
    rounded, words
        The gradient of the inputs as words, before and after saturation; `words` is masked by the
        ReLU that made the inputs too. None for the first layer's input stage.
    update
        None in a frozen layer.
    """

    gradient: Tensor
    sums: Tensor | None
    rounded: Tensor | None
    words: Tensor | None
    update: Update | None


@dataclasses.dataclass(frozen=True, eq=False)
class LayerBackward:
    """One layer's passes, and the update of its biases (None in a frozen layer).

    `stages` are those that have weights: the input, middle and output stage of a Clos layer, or the
    one of a dense layer.
    """

    stages: tuple[StageBackward, ...]
    bias: Update | None

    @property
    def input(self) -> StageBackward:
        """The first stage."""
        return self.stages[0]

    @property
    def middle(self) -> StageBackward:
        """The middle stage of a Clos layer."""
        return self.stages[1]

    @property
    def output(self) -> StageBackward:
        """The last stage that has weights."""
        return self.stages[-1]


@dataclasses.dataclass(frozen=True, eq=False)
class SampleBackward:
    """One sample's passes.

    Parameters
    ----------
    layers
        In the order of the net.
    grad_bits
        Width of a gradient word.
    """

    layers: tuple[LayerBackward, ...]
    grad_bits: int

    @property
    def input_gradient(self) -> Tensor | None:
        """The exact sums [I] int64 that are the gradient of the net's inputs, where asked for."""
        return self.layers[0].input.sums

    def counts(self) -> Counts:
        """Return the counts over all layers."""
        total = Counts()
        for part in self._counts():
            total = total + part
        return total

    def _counts(self) -> Iterator[Counts]:
        limit = 1 << (self.grad_bits - 1)
        for layer in self.layers:
            for stage in layer.stages:
                saturated = 0
                if stage.rounded is not None:
                    outside = (stage.rounded < -limit) | (stage.rounded >= limit)
                    saturated = int(outside.sum())
                yield Counts(
                    gradients=stage.gradient.numel(),
                    zero_gradients=int((stage.gradient == 0).sum()),
                    negative_gradients=int((stage.gradient < 0).sum()),
                    saturated_gradients=saturated,
                )
            for update in (*(stage.update for stage in layer.stages), layer.bias):
                if update is not None:
                    yield update.counts()


def _differ(left: Tensor, right: Tensor) -> int:
    return int(torch.count_nonzero(left != right))
