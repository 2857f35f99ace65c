"""The bit-exact integer model of training a net: what a training torus must compute.

`docs/arithmetic.md` is the definition in prose. Gradients backtrack their path through the network
(ClosNets, section III); everything is exact int64 arithmetic, written stage by stage from the
definition and not from the order in which the hardware adds.
"""

from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from golden.arguments import instance, tensor
from golden.errors import ModelError
from golden.fixed.format import CLEAR, KEEP, TrainingFormat
from golden.fixed.quantised import AnyLayerWords, QuantisedNet
from golden.fixed.results import LayerBackward, SampleBackward, StageBackward
from golden.fixed.state import LayerState, TrainingState
from golden.fixed.training_arguments import check_frozen, check_step, check_targets
from golden.fixed.update import UpdateMode, update_bias, update_weights
from golden.fixed.visits import Placement, check_tensor
from golden.fixed.words import (
    error_words,
    from_words,
    round_half_even_shift,
    saturate,
    signed_bits,
    to_words,
)
from golden.layers.routing import routing_of

__all__ = ["FixedTrainingNet"]


class FixedTrainingNet:
    """A net that trains in fixed point.

    Parameters
    ----------
    form
        Widths and fraction bits.
    state
        Weights and all else that changes; `backward` replaces its tensors.
    placement
        Where the weights are; by default all in one PE, visited in the order of the tensors.

    Raises
    ------
    ShapeError, ModelError
        If state or placement do not fit `form`.
    """

    def __init__(
        self, form: TrainingFormat, state: TrainingState, placement: Placement | None = None
    ) -> None:
        """Check the parts against each other; see the class."""
        instance("form", form, TrainingFormat)
        instance("state", state, TrainingState)
        placement = Placement.one_pe(form.shapes) if placement is None else placement
        instance("placement", placement, Placement)
        placement.check(form.shapes)
        state.check(form, placement.pes)
        self.form = form
        self.state = state
        self.placement = placement
        self._shifts = form.shifts
        self._routings = tuple(routing_of(shape) for shape in form.shapes)

    # Forward

    def operands(self, layers: Sequence[LayerState] | None = None) -> QuantisedNet:
        """Return the net of the weights that are multiplied, the upper bits of the stored ones.

        These are the weights of `layers`, by default those of `state`.
        """
        form = self.form
        dropped = form.dropped_bits
        layers = self.state.layers if layers is None else layers
        quantised = tuple(
            layer.quantised([master >> dropped for master in state.masters], state.bias, dropped)
            for layer, state in zip(form.layers, layers, strict=True)
        )
        return QuantisedNet(quantised, form.act_bits, form.weight_bits)

    def forward(self, x: Tensor) -> list[AnyLayerWords]:
        """Compute words [N, I] int64 with every intermediate; errors as for `layer_words`."""
        return self.operands().layer_words(x)

    def outputs(self, words: Sequence[AnyLayerWords]) -> Tensor:
        """Return the reals [N, O] float64 that the net's output words stand for."""
        return from_words(words[-1].output.words, self.form.output_fraction_bits)

    # Backward

    def quantise_gradient(self, gradient: Tensor) -> Tensor:
        """Turn a gradient of the outputs [N, O], times the learning rate, into words int64.

        Raises
        ------
        ModelError
            If a value is NaN or infinite, or saturates.
        """
        tensor("gradient", gradient, error=ModelError)
        bits, fraction = self.form.grad_bits, self.form.gradient_fraction_bits
        words = to_words(gradient, fraction, bits + 1)
        if signed_bits(words) > bits:
            raise ModelError(
                "the gradient of the outputs, times the learning rate, must be below "
                f"{2.0 ** (bits - 1 - fraction)} to fit {bits} bits with {fraction} fraction bits, "
                f"not {float(gradient.abs().max())}"
            )
        return words

    def target_gradients(
        self, outputs: Tensor, targets: Tensor, error_shift: int | None = None
    ) -> Tensor:
        """Return the gradients of a squared error: (output - target) / 2**error_shift.

        Both are words [N, O] int64 at the scale of the outputs; the shift is by default that of the
        format. Raises a `ShapeError` for other shapes, and a `ModelError` if the format has no
        shift or a target does not fit its width.
        """
        shift = check_targets(self.form, outputs, targets)
        shift = shift if error_shift is None else error_shift
        return error_words(outputs, targets, shift, self.form.grad_bits)

    def backward_batch(
        self,
        x: Tensor,
        words: Sequence[AnyLayerWords],
        gradients: Tensor,
        *,
        decay: int = CLEAR,
        frozen: Collection[int] = (),
        input_gradient: bool = False,
    ) -> list[SampleBackward]:
        """Train on a batch: accumulate the gradients of its samples, apply them with the last.

        Parameters
        ----------
        x, words
            Input words [N, I] int64, and what `forward` made of them.
        gradients
            [N, O] int64 words, as from `quantise_gradient`.
        decay
            What the accumulators begin with: `CLEAR`, or 1 to 14 for momentum 1 - 2**-decay.
        frozen
            Layers that do not change.
        input_gradient
            Whether to compute the gradient of the inputs.

        Raises
        ------
        ShapeError, ModelError
            As for `backward`.
        """
        check_step(self.form, x, words, 0)
        check_frozen(frozen, len(self.form.layers))
        self._check_gradients(gradients, len(x))
        last = len(x) - 1
        return [
            self.backward(
                x,
                words,
                gradients[sample],
                sample=sample,
                decay=decay if sample == 0 else KEEP,
                apply=sample == last,
                frozen=frozen,
                input_gradient=input_gradient,
            )
            for sample in range(len(x))
        ]

    def backward(
        self,
        x: Tensor,
        words: Sequence[AnyLayerWords],
        gradient: Tensor,
        *,
        sample: int = 0,
        decay: int = CLEAR,
        apply: bool = True,
        frozen: Collection[int] = (),
        input_gradient: bool = False,
    ) -> SampleBackward:
        """Train on one sample: element `sample` of `x` and `words`.

        Parameters
        ----------
        x, words, frozen, input_gradient
            As for `backward_batch`.
        gradient
            [O] int64 words.
        decay
            What the accumulators begin with: `CLEAR`, `KEEP`, or 1 to 14 for a decay by 2**-decay.
        apply
            Whether to update the weights; otherwise the accumulators alone change.

        Raises
        ------
        ShapeError
            If `gradient` is not int64 or does not fit the net.
        ModelError
            If a gradient does not fit its width; if the accumulators that `decay` or `apply` ask
            for are not there; if a frozen layer does not exist.
        """
        check_step(self.form, x, words, sample)
        check_frozen(frozen, len(self.form.layers))
        self._check_gradients(tensor("gradient", gradient)[None], 1)
        mode = UpdateMode(decay, apply)
        mode.check(self.form)
        random_words, lfsr = (
            self.placement.random_words(self.state.lfsr, frozen) if apply else ({}, self.state.lfsr)
        )
        done: list[LayerBackward] = []
        for index in reversed(range(len(self.form.layers))):
            before = words[index - 1].output.words if index > 0 else x
            results = (stage.words for stage in words[index].stages)
            stage_inputs = [one[sample] for one in (before, *results)]
            layer = self._layer(
                index,
                stage_inputs,
                gradient,
                None if index in frozen else mode,
                random_words,
                index > 0 or input_gradient,
            )
            done.append(layer)
            if layer.input.words is not None:
                gradient = layer.input.words
        self.state.lfsr = lfsr
        return SampleBackward(tuple(reversed(done)), self.form.grad_bits)

    def _layer(
        self,
        index: int,
        inputs: Sequence[Tensor],
        gradient: Tensor,
        mode: UpdateMode | None,
        random_words: dict[tuple[int, int], Tensor],
        input_gradient: bool,
    ) -> LayerBackward:
        """Carry the gradient [O] of a layer's results back to its inputs, and update (by `mode`).

        `inputs` begins with those of each stage that has weights. A stage behind these has none: it
        adds words, so the gradient of a sum is that of each of them.
        """
        form, shifts, routing = self.form, self._shifts[index], self._routings[index]
        old = self.state.layers[index]
        masters, velocities = list(old.masters), list(old.velocities)
        stages: list[StageBackward] = []
        dy = gradient
        for stage in reversed(range(len(masters))):
            sums = rounded = words = update = None
            shift = shifts.gradient[stage]
            if stage > 0 or input_gradient:
                operand = old.masters[stage] >> form.dropped_bits
                sums = routing.transposed(stage, operand, dy)
            if sums is not None and shift is not None:
                rounded = round_half_even_shift(sums, shift)
                words = saturate(rounded, form.grad_bits)
                if stage == 0 and form.layers[index - 1].relu:
                    words = torch.where(inputs[0] > 0, words, 0)
            if mode is not None:
                shift = shifts.update[stage]
                products = routing.products(stage, inputs[stage], dy)
                states = random_words.get((index, stage))
                rounding = None if states is None else self.rounding(states, shift)
                update = update_weights(
                    form, mode, old.masters[stage], velocities[stage], products, shift, rounding
                )
                masters[stage], velocities[stage] = update.after, update.kept
            stages.append(StageBackward(dy, sums, rounded, words, update))
            if words is not None:
                dy = words
        bias = None
        if mode is not None:
            bias = update_bias(form, mode, old.bias, old.bias_velocity, gradient, shifts.bias)
            self.state.layers[index] = LayerState(
                tuple(masters), bias.after, tuple(velocities), bias.kept
            )
        return LayerBackward(tuple(reversed(stages)), bias)

    def rounding(self, random_words: Tensor, shift: int) -> Tensor:
        """Return what is added to an accumulator before its lower `shift` bits are dropped.

        `random_words` holds the LFSR's state at the visit of each weight.
        """
        return random_words & ((1 << shift) - 1)

    def _check_gradients(self, gradients: Tensor, samples: int) -> None:
        check_tensor("gradients", gradients, (samples, self.form.shapes[-1].out_features))
        if signed_bits(gradients) > self.form.grad_bits:
            raise ModelError(
                f"gradients must fit grad_bits = {self.form.grad_bits} bits, "
                f"but need {signed_bits(gradients)}"
            )
