"""How an accumulator takes a sample's gradient, and a stored weight or bias takes the accumulator.

`docs/arithmetic.md` is the definition in prose.
"""

import dataclasses

from torch import Tensor

from golden.arguments import instance, whole_number
from golden.errors import ModelError
from golden.fixed.format import CLEAR, KEEP, MAX_DECAY, TrainingFormat
from golden.fixed.results import Update
from golden.fixed.words import saturate

__all__ = ["UpdateMode", "update_bias", "update_weights"]


@dataclasses.dataclass(frozen=True)
class UpdateMode:
    """What a sample's accumulators begin with, and whether it changes the weights.

    Parameters
    ----------
    decay
        `CLEAR`, `KEEP`, or 1 to 14 for a decay by 2**-decay.
    apply
        Whether to update the weights; otherwise the accumulators alone change.
    """

    decay: int
    apply: bool

    def check(self, form: TrainingFormat) -> None:
        """Check the values, and that the accumulators that they ask for are there.

        Raises
        ------
        ModelError
            If they are not.
        """
        whole_number("decay", self.decay, error=ModelError)
        instance("apply", self.apply, bool, error=ModelError)
        if self.decay not in (KEEP, CLEAR) and not 1 <= self.decay <= MAX_DECAY:
            raise ModelError(
                f"decay must be {KEEP} (keep), {CLEAR} (clear) or 1 to {MAX_DECAY}, "
                f"not {self.decay}"
            )
        if form.velocity_bits == 0 and (self.decay != CLEAR or not self.apply):
            raise ModelError(
                "batches and momentum need velocity_bits of at least 16, not 0: "
                "there is no memory for accumulators"
            )


def update_weights(
    form: TrainingFormat,
    mode: UpdateMode,
    before: Tensor,
    held: Tensor,
    products: Tensor,
    shift: int,
    rounding: Tensor | None,
) -> Update:
    """Update the stored weights of a stage.

    Parameters
    ----------
    form, mode
        The widths, and what to do.
    before, held
        The weights and their accumulators.
    products
        This sample's gradient of each weight: its input times the gradient of its result.
    shift
        Right shift from an accumulator to a weight.
    rounding
        Added before the shift; None if `mode` does not apply.
    """
    total, velocity, kept = _accumulate(form, mode, held, products)
    if rounding is None:
        return Update(total, velocity, kept, before, before, before)
    unclipped = before - ((velocity + rounding) >> shift)
    after = saturate(unclipped, form.master_bits)
    return Update(total, velocity, kept, before, unclipped, after)


def update_bias(
    form: TrainingFormat,
    mode: UpdateMode,
    before: Tensor,
    held: Tensor,
    gradient: Tensor,
    shift: int,
) -> Update:
    """Update the biases, which are finer than their gradients: `shift` is a left shift."""
    total, velocity, kept = _accumulate(form, mode, held, gradient)
    if not mode.apply:
        return Update(total, velocity, kept, before, before, before)
    # Beyond this bound any bias saturates; within it 64 bits hold the shifted word.
    bound = 1 << (form.bias_bits - shift)
    unclipped = before - (velocity.clamp(-bound, bound) << shift)
    after = saturate(unclipped, form.bias_bits)
    return Update(total, velocity, kept, before, unclipped, after)


def _accumulate(
    form: TrainingFormat, mode: UpdateMode, held: Tensor, products: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the accumulator before and after saturation, and what is kept of it."""
    if form.velocity_bits == 0:
        return products, products, held
    if mode.decay == CLEAR:
        total = products
    elif mode.decay == KEEP:
        total = held + products
    else:
        total = held - (held >> mode.decay) + products
    velocity = saturate(total, form.velocity_bits)
    return total, velocity, velocity
