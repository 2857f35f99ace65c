"""Training with one sample a step, in float and in fixed point, from the same start."""

from torch import Tensor, nn

from golden.compiled.training import CompiledTrainingNet
from golden.fixed.format import TrainingFormat
from golden.fixed.state import initial_state
from golden.fixed.training import FixedTrainingNet
from golden.fixed.words import to_words
from golden.training.losses import softmax_cross_entropy
from golden.training.ranges import Ranges, profile_ranges
from golden.training.scales import TrainingWidths, format_for
from golden.training.schedule import epoch_order, falling_rate
from golden.training.trainer import accuracy, one_thread
from golden.training.twin import FloatTwin

__all__ = ["PROFILED_SAMPLES", "fixed_accuracy", "float_accuracy", "ranges_of", "train_fixed"]

PROFILED_SAMPLES = 2048
"""Samples of a dataset that the ranges of words are measured on."""

Samples = tuple[Tensor, Tensor]
"""Inputs float32 [N, I] and labels int64 [N]."""


def ranges_of(model: nn.Module, train: Samples, rate: float, seed: int) -> Ranges:
    """Measure the ranges of all tensors, on some of the samples."""
    x, labels = (part[:PROFILED_SAMPLES] for part in train)
    with one_thread():
        return profile_ranges(model, x, labels, softmax_cross_entropy, rate, seed=seed)


def float_accuracy(
    model: nn.Module, train: Samples, test: Samples, *, rate: float, epochs: int, seed: int
) -> float:
    """Train by SGD in float; return the part of `test` that is put into the right class."""
    x, labels = train
    twin = FloatTwin.of_model(model)
    with one_thread():
        for epoch in range(epochs):
            now = falling_rate(rate, epoch, epochs)
            order = epoch_order(len(x), 1, seed, epoch)
            for number in range(len(order)):
                sample = order[number : number + 1]
                reals = twin.forward(x[sample])
                loss = softmax_cross_entropy(reals[-1].output, labels[sample])
                twin.update(twin.gradients(x[sample], reals, loss.gradient * now), 0.0)
        return accuracy(twin.forward(test[0])[-1].output, test[1])


def fixed_accuracy(
    model: nn.Module,
    ranges: Ranges,
    train: Samples,
    test: Samples,
    *,
    widths: TrainingWidths,
    rounding: str,
    epochs: int,
    seed: int,
) -> float:
    """Train in fixed point, from the rate of `ranges` on; otherwise as `float_accuracy`."""
    form = format_for(model, ranges, widths=widths)
    net = CompiledTrainingNet(form, initial_state(model, form, seed=seed), rounding=rounding)
    for epoch in range(epochs):
        now = falling_rate(ranges.learning_rate, epoch, epochs)
        order = epoch_order(len(train[0]), 1, seed, epoch)
        train_fixed(net, form, train[0][order], train[1][order], now)
    with one_thread():
        scores = FixedTrainingNet(form, net.state).operands().infer(test[0])
        return accuracy(scores, test[1])


def train_fixed(
    net: CompiledTrainingNet, form: TrainingFormat, x: Tensor, labels: Tensor, rate: float
) -> None:
    """Train on samples in their order, one a step."""
    words = to_words(x, form.input_fraction_bits, form.act_bits)
    done = 0
    while done < len(words):
        done += len(net.learn(words[done:], labels[done:], rate).outputs)
        if done < len(words):  # A sample whose gradient compiled code leaves to others.
            one = words[done : done + 1]
            outputs = net.forward_words(one).double() * 2.0**-form.output_fraction_bits
            loss = softmax_cross_entropy(outputs, labels[done : done + 1])
            gradient = to_words(
                loss.gradient[0] * rate, form.gradient_fraction_bits, form.grad_bits)
            net.backward(one, gradient)
            done += 1
