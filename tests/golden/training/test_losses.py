"""Losses and their gradients against PyTorch's, and what they refuse."""

import math

import pytest
import torch
from torch.nn import functional

from golden import ModelError, ShapeError, mean_squared_error, softmax_cross_entropy
from golden.training.losses import mask_relu


@pytest.mark.parametrize("samples", [1, 4])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (softmax_cross_entropy, functional.cross_entropy),
        (mean_squared_error, functional.mse_loss),
    ],
)
def test_losses_equal_pytorch(ours, theirs, samples):
    generator = torch.Generator().manual_seed(samples)
    outputs = (4 * torch.randn(samples, 5, generator=generator)).double().requires_grad_()
    targets = torch.randn(samples, 5, generator=generator).double()
    if ours is softmax_cross_entropy:
        targets = torch.randint(5, (samples,), generator=generator)
    expected = theirs(outputs, targets)
    expected.backward()
    found = ours(outputs, targets)
    assert found.loss == pytest.approx(expected.item(), rel=1e-12)
    torch.testing.assert_close(found.gradient, outputs.grad, rtol=1e-12, atol=1e-15)
    assert found.gradient.abs().max() <= found.bound


def test_bounds_are_reached_by_the_most_wrong_outputs():
    value = softmax_cross_entropy(torch.tensor([[1e4, 0.0]] * 4), torch.tensor([1] * 4))
    assert value.gradient.tolist() == [[0.25, -0.25]] * 4
    assert value.bound == 0.25 and value.loss == pytest.approx(1e4)
    assert math.isinf(mean_squared_error(torch.zeros(1, 1), torch.ones(1, 1)).bound)


def test_relu_masks_where_it_gave_zero():
    gradient = torch.tensor([[1.0, 2.0, 3.0]])
    assert mask_relu(gradient, torch.tensor([[0.0, 0.5, 0.0]])).tolist() == [[0.0, 2.0, 0.0]]


@pytest.mark.parametrize(
    ("loss", "outputs", "targets", "error", "message"),
    [
        (softmax_cross_entropy, torch.zeros(2, 3), torch.zeros(3).long(), ShapeError, "int64 .2"),
        (softmax_cross_entropy, torch.zeros(2, 3), torch.zeros(2), ShapeError, "torch.float32"),
        (softmax_cross_entropy, torch.zeros(3), torch.zeros(3).long(), ShapeError, "N, O"),
        (softmax_cross_entropy, torch.zeros(0, 3), torch.zeros(0).long(), ShapeError, "at least 1"),
        (softmax_cross_entropy, torch.zeros(1, 3), torch.tensor([3]), ModelError, "0 to 2.*3 to 3"),
        (softmax_cross_entropy, torch.zeros(1, 3), torch.tensor([-1]), ModelError, "not -1 to -1"),
        (
            softmax_cross_entropy,
            torch.tensor([[0.0, math.nan]]),
            torch.tensor([0]),
            ModelError,
            "outputs must be finite",
        ),
        (mean_squared_error, torch.zeros(2, 3), torch.zeros(2, 2), ShapeError, r"\[2, 3\], not"),
        (
            mean_squared_error,
            torch.zeros(1, 1),
            torch.tensor([[math.inf]]),
            ModelError,
            "targets must be finite",
        ),
        (
            mean_squared_error,
            torch.zeros(1, 1).double(),
            torch.tensor([[1e300]], dtype=torch.float64),
            ModelError,
            "the loss and its gradient must be finite, but the loss is inf",
        ),
    ],
)  # fmt: skip
def test_bad_values_are_refused(loss, outputs, targets, error, message):
    with pytest.raises(error, match=message):
        loss(outputs, targets)
