"""Losses on the outputs of a device, computed on the host in float64, and their gradients."""

import dataclasses
import math
from collections.abc import Callable

import torch
from torch import Tensor

from golden.arguments import shown, tensor
from golden.errors import ModelError, ShapeError

__all__ = [
    "LossFunction",
    "LossValue",
    "loss_value",
    "mask_relu",
    "mean_squared_error",
    "softmax_cross_entropy",
    "squared_error",
]


@dataclasses.dataclass(frozen=True, eq=False)
class LossValue:
    """A loss, the mean over the batch, and its gradient by the outputs.

    Parameters
    ----------
    loss
        Of the N samples of the batch.
    gradient
        [N, O] float64.
    bound
        What no element of any gradient of N samples exceeds; infinity where there is no bound.
    """

    loss: float
    gradient: Tensor
    bound: float


LossFunction = Callable[[Tensor, Tensor], LossValue]
"""From outputs [N, O] and targets to their loss."""


def softmax_cross_entropy(outputs: Tensor, labels: Tensor) -> LossValue:
    """Return the mean cross-entropy, in nats, of the softmax of `outputs` [N, O].

    Parameters
    ----------
    outputs
        Real [N, O].
    labels
        [N] int64 classes, 0 to O - 1.

    Raises
    ------
    ShapeError
        If the shapes do not fit, or there is no sample.
    ModelError
        If an output is NaN or infinite, or a label is out of range.
    """
    outputs = _checked("outputs", outputs)
    samples, classes = outputs.shape
    labels = tensor("labels", labels)
    if labels.shape != (samples,) or labels.dtype != torch.int64:
        raise ShapeError(
            f"labels must be int64 [{samples}], not {labels.dtype} {list(labels.shape)}"
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise ModelError(f"labels must be 0 to {classes - 1}, the outputs, not {low} to {high}")
    scores = torch.log_softmax(outputs, dim=1)
    rows = torch.arange(samples)
    gradient = scores.exp()
    gradient[rows, labels] -= 1.0
    return _value(float(-scores[rows, labels].mean()), gradient / samples, 1.0 / samples)


def mean_squared_error(outputs: Tensor, targets: Tensor) -> LossValue:
    """Return the mean of (output - target)**2 over all elements of `outputs` [N, O].

    Parameters
    ----------
    outputs, targets
        Real [N, O].

    Raises
    ------
    ShapeError
        If the shapes differ, or there is no sample.
    ModelError
        If a value is NaN or infinite, or the loss is.
    """
    error = _errors(outputs, targets)
    return _value(float((error * error).mean()), 2.0 * error / error.numel(), math.inf)


def squared_error(outputs: Tensor, targets: Tensor) -> LossValue:
    """Return half of the squared distance of each sample, mean over the samples.

    Its gradient is (output - target) / N, which a torus with targets makes by itself.

    Parameters
    ----------
    outputs, targets
        Real [N, O].

    Raises
    ------
    ShapeError
        If the shapes differ, or there is no sample.
    ModelError
        If a value is NaN or infinite, or the loss is.
    """
    error = _errors(outputs, targets)
    samples = len(error)
    return _value(float((error * error).sum()) / (2 * samples), error / samples, math.inf)


def loss_value(loss: LossFunction, outputs: Tensor, targets: Tensor) -> LossValue:
    """Return what a user's loss makes of outputs [N, O].

    Raises
    ------
    ModelError
        If it is something else than a `LossValue` of finite numbers of these shapes.
    """
    how = (
        "loss must be a function of outputs and targets that returns a "
        "golden.training.losses.LossValue (the loss, its gradient and a bound), such as "
        "golden.softmax_cross_entropy or golden.mean_squared_error"
    )
    if not callable(loss):
        raise ModelError(f"{how}, not {shown(loss)}")
    if isinstance(loss, torch.nn.Module):
        raise ModelError(f"{how}, not {type(loss).__name__} of PyTorch")
    value: object = loss(outputs, targets)
    if not isinstance(value, LossValue):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ModelError(f"{how}, but it returned a {type(value).__name__}")
    if value.gradient.shape != outputs.shape:
        raise ModelError(
            f"loss must return a gradient of shape {list(outputs.shape)}, that of the outputs, "
            f"not {list(value.gradient.shape)}"
        )
    return value


def mask_relu(gradient: Tensor, outputs: Tensor) -> Tensor:
    """Return `gradient` through a ReLU whose results are `outputs`: 0 where it gave 0.

    For a net whose last layer has a ReLU: a device takes the gradient of the sums before it.

    Raises
    ------
    ShapeError
        If the two shapes differ.
    """
    gradient, outputs = tensor("gradient", gradient), tensor("outputs", outputs)
    if gradient.shape != outputs.shape or outputs.is_complex():
        raise ShapeError(
            f"gradient must be of real numbers {list(outputs.shape)}, as outputs, "
            f"not {list(gradient.shape)}"
        )
    return torch.where(outputs > 0, gradient, 0)


def _errors(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return how far outputs [N, O] are from their targets [N, O]."""
    outputs, targets = _checked("outputs", outputs), tensor("targets", targets)
    if targets.shape != outputs.shape:
        raise ShapeError(f"targets must be {list(outputs.shape)}, not {list(targets.shape)}")
    return outputs - _checked("targets", targets)


def _checked(name: str, values: Tensor) -> Tensor:
    values = tensor(name, values)
    if values.ndim != 2 or 0 in values.shape or values.is_complex():
        raise ShapeError(
            f"{name} must be real [N, O] with both at least 1, "
            f"not {values.dtype} {list(values.shape)}"
        )
    values = values.detach().to("cpu", torch.float64)
    if not bool(torch.isfinite(values).all()):
        raise ModelError(f"{name} must be finite, but hold NaN or infinity")
    return values


def _value(loss: float, gradient: Tensor, bound: float) -> LossValue:
    if not (bool(torch.isfinite(gradient).all()) and loss < math.inf):
        raise ModelError(f"the loss and its gradient must be finite, but the loss is {loss}")
    return LossValue(loss, gradient, bound)
