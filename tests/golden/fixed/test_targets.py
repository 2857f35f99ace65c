"""Gradients of a squared error, made of words: rounding, saturation, and what is refused."""

import dataclasses

import pytest
import torch

from golden import ClosShape, FixedTrainingNet, GoldenError, squared_error
from golden.fixed.words import error_words, from_words
from tests.support.training_nets import random_format, random_state

SHAPES = [ClosShape(8, 6, 2, 2, 3)]


def net_of(**changes):
    form = dataclasses.replace(random_format(SHAPES, seed=1), **changes)
    return FixedTrainingNet(form, random_state(form, 1, 1, seed=1))


@pytest.mark.parametrize(("shift", "outputs", "targets", "wanted"), [
    (0, [5, -5, 0], [3, 3, 0], [2, -8, 0]),
    (1, [1, 2, 3, 5, -1, -3], [0, 1, 0, 0, 0, 0], [0, 0, 2, 2, 0, -2]),  # Ties go to even.
    (2, [7, 6, 10, -6, -10], [0, 0, 0, 0, 0], [2, 2, 2, -2, -2]),
    (-3, [1, -2, 16, -17], [0, 0, 0, 0], [8, -16, 127, -128]),
    (0, [127, -128, 127], [-128, 127, 127], [127, -128, 0]),
])
def test_by_hand(shift, outputs, targets, wanted):
    found = error_words(torch.tensor(outputs), torch.tensor(targets), shift, 8)
    assert found.tolist() == wanted


def test_the_gradient_is_that_of_the_loss_within_half_a_word():
    net = net_of(error_shift=2)
    form = net.form
    generator = torch.Generator().manual_seed(3)
    outputs, targets = (torch.randint(-999, 999, (5, 6), generator=generator) for _ in range(2))
    fraction = form.output_fraction_bits
    gradient = squared_error(
        from_words(outputs, fraction), from_words(targets, fraction)).gradient * len(outputs)
    words = net.target_gradients(outputs, targets)
    assert (words - gradient * 2.0 ** (fraction - 2)).abs().max() <= 0.5
    halved = net.target_gradients(outputs, targets, 3)
    assert (halved - gradient * 2.0 ** (fraction - 3)).abs().max() <= 0.5


@pytest.mark.parametrize(("changes", "targets", "message"), [
    ({}, torch.zeros(2, 6, dtype=torch.int64), "must have an error_shift for targets, not None"),
    ({"error_shift": 0}, torch.zeros(2, 5, dtype=torch.int64), "targets must"),
    ({"error_shift": 0}, torch.zeros(2, 6), "targets must"),
    ({"error_shift": 0}, torch.full((2, 6), 1 << 15), "targets must fit 16 bits, but need 17"),
])
def test_what_cannot_be_a_target(changes, targets, message):
    with pytest.raises(GoldenError, match=message):
        net_of(**changes).target_gradients(torch.zeros(2, 6, dtype=torch.int64), targets)


@pytest.mark.parametrize(("shift", "message"), [
    (41, "error_shift must be .*-40 to 40, not 41"), (-41, "error_shift must be .*-40 to 40"),
    (1.5, "error_shift must be a whole number"),
])
def test_shifts_that_no_format_has(shift, message):
    with pytest.raises(GoldenError, match=message):
        net_of(error_shift=shift)


def test_a_last_layer_with_a_relu_has_no_targets():
    form = random_format(SHAPES, seed=1)
    layers = (dataclasses.replace(form.layers[0], relu=True),)
    with pytest.raises(GoldenError, match="last layer must have no ReLU where there is an error_s"):
        dataclasses.replace(form, layers=layers, error_shift=0)
