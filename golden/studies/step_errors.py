"""How far a step of fixed-point training is from the same step in float64, tensor by tensor."""

import dataclasses

import torch
from torch import Tensor

from golden.fixed.format import CLEAR
from golden.fixed.results import SampleBackward
from golden.fixed.training import FixedTrainingNet
from golden.fixed.visits import weight_stages
from golden.fixed.words import from_words, to_words
from golden.training.losses import LossFunction, mask_relu
from golden.training.twin import FloatTwin, LayerGradients, TwinLayer

__all__ = ["TensorError", "error_table", "step_errors"]


@dataclasses.dataclass(frozen=True)
class TensorError:
    """One tensor: the root mean square of its float values and of the error, and the largest."""

    name: str
    rms: float
    rms_error: float
    largest_error: float

    @property
    def relative(self) -> float:
        """The error over the value, root mean squares; 0 for a tensor that is exact."""
        if self.rms_error == 0.0:
            return 0.0
        return self.rms_error / self.rms if self.rms > 0.0 else float("inf")


def step_errors(
    net: FixedTrainingNet,
    x: Tensor,
    targets: Tensor,
    loss: LossFunction,
    learning_rate: float,
    *,
    decay: int = CLEAR,
) -> list[TensorError]:
    """Train `net` on a batch, its float twin beside it, and compare every tensor.

    The twin begins with the weights and accumulators that the words stand for, so that the errors
    are those of this step alone.

    Parameters
    ----------
    net
        Trained in place.
    x, targets
        The batch: real [N, I], and what `loss` takes.
    loss, learning_rate, decay
        Of the step; decay as in `FixedTrainingNet.backward_batch`.

    Returns
    -------
    list
        Per layer its input, the stages' results, their gradients times the learning rate, and the
        changes of weights and biases.

    Raises
    ------
    ShapeError, ModelError
        If the data do not fit the net, or a gradient does not fit its words.
    """
    form = net.form
    twin = FloatTwin.of_state(form, net.state)
    first = FloatTwin.of_state(form, net.state)
    words_x = to_words(x, form.input_fraction_bits, form.act_bits)
    words = net.forward(words_x)
    reals = twin.forward(x)

    def gradient(outputs: Tensor) -> Tensor:
        found = loss(outputs, targets).gradient * learning_rate
        return mask_relu(found, outputs) if form.layers[-1].relu else found

    gradients = twin.gradients(x, reals, gradient(reals[-1].output))
    twin.update(gradients, 0.0 if decay == CLEAR else 1.0 - 2.0**-decay)
    results = net.backward_batch(
        words_x, words, net.quantise_gradient(gradient(net.outputs(words))), decay=decay
    )
    after = FloatTwin.of_state(form, net.state)

    lines: list[TensorError] = []
    for index, layer in enumerate(form.layers):
        inputs = (words[index - 1].output.words, reals[index - 1].output) if index else (words_x, x)
        fractions = layer.activation_fraction_bits
        activations = zip(
            ("input", *(f"{stage} result" for stage in layer.stage_names)),
            (inputs[0], *(stage.words for stage in words[index].stages)),
            fractions,
            (inputs[1], *reals[index].results),
            strict=False,
        )
        lines += [
            _line(f"layer {index} {name}", found, fraction, value)
            for name, found, fraction, value in activations
        ]
        lines += _gradient_errors(net, index, results, gradients[index])
        lines += _change_errors(index, *(one.layers[index] for one in (first, after, twin)))
    return lines


def _gradient_errors(
    net: FixedTrainingNet, index: int, results: list[SampleBackward], real: LayerGradients
) -> list[TensorError]:
    """Compare the gradients of the results of a layer's stages."""
    lines: list[TensorError] = []
    layer = net.form.layers[index]
    for position, value in enumerate(real.results):
        found = torch.stack([sample.layers[index].stages[position].gradient for sample in results])
        fraction = layer.gradient_fraction_bits[position]
        name = f"layer {index} {layer.stage_names[position]} gradient"
        lines.append(_line(name, found, fraction, value))
    return lines


def _change_errors(
    index: int, old: TwinLayer, new: TwinLayer, wanted: TwinLayer
) -> list[TensorError]:
    """Compare how a layer's weights and biases changed: from `old` to `new`, and to `wanted`."""
    names = (*(f"{stage} weight" for stage in weight_stages(old.shape)), "bias")
    tensors = ((*one.weights, one.bias) for one in (old, new, wanted))
    return [
        _error(f"layer {index} {name} change", after - before, right - before)
        for name, before, after, right in zip(names, *tensors, strict=True)
    ]


def error_table(lines: list[TensorError]) -> str:
    """Return the errors as a Markdown table."""
    rows = [
        f"| {line.name} | {line.rms:.3g} | {line.rms_error:.2g} | {line.largest_error:.2g} "
        f"| {100 * line.relative:.3g} |"
        for line in lines
    ]
    head = "| tensor | rms | rms error | largest error | error % |", "|---|---|---|---|---|"
    return "\n".join((*head, *rows))


def _line(name: str, words: Tensor, fraction: int, value: Tensor) -> TensorError:
    return _error(name, from_words(words, fraction), value)


def _error(name: str, found: Tensor, value: Tensor) -> TensorError:
    value = value.to(torch.float64)
    error = found - value
    return TensorError(
        name,
        float(value.square().mean().sqrt()),
        float(error.square().mean().sqrt()),
        float(error.abs().max()),
    )
