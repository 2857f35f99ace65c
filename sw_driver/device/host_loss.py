"""The host's part in a training step: from outputs to their loss and their gradient."""

import torch
from torch import Tensor

from golden import TrainingFormat
from golden.fixed.words import from_words
from golden.training.losses import LossFunction, loss_value
from sw_driver.arrays import IntArray
from sw_driver.device.gradients import gradient_words
from sw_driver.errors import DriverError

__all__ = ["MOST_EMPTY", "HostLoss"]

MOST_EMPTY = 100
"""Samples in a row whose gradients may be all zeros."""


class HostLoss:
    """Losses of samples, and the gradients that go back.

    Parameters
    ----------
    form
        Of the net's words.
    loss
        Of outputs [N, O] and their targets.
    patient
        Whether gradients that are all zeros are counted, and no more.

    Attributes
    ----------
    losses
        Of every call of `gradients`.
    empty
        Samples, up to the latest, whose gradients were all zeros.
    """

    def __init__(
        self, form: TrainingFormat, loss: LossFunction, *, patient: bool = False
    ) -> None:
        self._form = form
        self._loss = loss
        self._patient = patient
        self.losses: list[float] = []
        self.empty = 0

    def gradients(self, outputs: IntArray, targets: Tensor, rate: float) -> IntArray:
        """Take output words [N, O] to the words [N, O] of the gradient of their loss.

        Parameters
        ----------
        outputs
            Words of the device.
        targets
            What the loss wants: labels [N], or reals [N, O].
        rate
            What the gradient is scaled by: the learning rate, over the number of such calls in a
            batch.

        Raises
        ------
        GoldenError
            If the targets do not fit, or the loss is not finite.
        DriverError
            If a gradient saturates, or too many samples in a row had no gradient but zeros.
        """
        reals = from_words(torch.as_tensor(outputs), self._form.output_fraction_bits)
        value = loss_value(self._loss, reals, targets)
        words = gradient_words(self._form, value.gradient, reals, rate)
        for sample in words:
            self.empty = 0 if sample.any() else self.empty + 1
        if self.empty >= MOST_EMPTY and not self._patient:
            least = 2.0 ** -(self._form.gradient_fraction_bits + 1)
            raise DriverError(
                f"learning rate must be larger: scaled by {rate}, the gradients of {self.empty} "
                f"samples in a row have no element that reaches {least}, half of the least word"
            )
        self.losses.append(value.loss)
        return words
