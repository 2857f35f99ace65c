"""The host's part in a training step: from outputs to their loss and their gradient."""

from collections.abc import Callable

import torch
from torch import Tensor

from golden import TrainingFormat
from golden.arguments import shown
from golden.fixed.words import from_words
from golden.training.losses import LossFunction, loss_value, softmax_cross_entropy
from sw_driver.arrays import IntArray
from sw_driver.compiled import Compiled
from sw_driver.device.gradients import gradient_words, zeros_in_a_row
from sw_driver.errors import DriverError

__all__ = ["MOST_EMPTY", "HostLoss", "LossGradients", "check_bounded"]

MOST_EMPTY = 100
"""Samples in a row whose gradients may be all zeros."""


def check_bounded(compiled: Compiled, loss: LossFunction) -> None:
    """Refuse a loss whose gradients have no bound for a net that trains stale.

    Whether they fit is looked at before a run, by outputs that would be others in it.

    Raises
    ------
    DriverError
        If the net trains so.
    """
    if compiled.staleness is not None:
        raise DriverError(
            "loss must be one whose gradients have a bound, such as golden.softmax_cross_entropy, "
            f"for a net that trains stale, not {shown(loss)}; or the net must train on targets"
        )


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

    @property
    def is_softmax(self) -> bool:
        """Whether the loss is `golden.softmax_cross_entropy`."""
        return self._loss is softmax_cross_entropy

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
        self._count(words, rate)
        self.losses.append(value.loss)
        return words

    def take(self, outputs: IntArray, labels: Tensor, words: IntArray, rate: float) -> None:
        """Take note of samples whose words [N, O] a device has made by `softmax_cross_entropy`.

        The losses are those of as many calls of `gradients` with a sample each, bit by bit.

        Raises
        ------
        DriverError
            If too many samples in a row had no gradient but zeros.
        """
        reals = from_words(torch.as_tensor(outputs), self._form.output_fraction_bits)
        scores = torch.log_softmax(reals, dim=1)
        losses = [float(loss) for loss in -scores[torch.arange(len(labels)), labels].numpy()]
        if words.any(axis=1).all():
            self.empty = 0
            self.losses += losses
            return
        for sample, loss in zip(words, losses, strict=True):
            self._count(sample[None], rate)
            self.losses.append(loss)

    def _count(self, words: IntArray, rate: float) -> None:
        """Count the samples whose words [N, O] are zeros, and refuse too many in a row."""
        self.empty = zeros_in_a_row(self.empty, words)
        if self.empty >= MOST_EMPTY and not self._patient:
            least = 2.0 ** -(self._form.gradient_fraction_bits + 1)
            raise DriverError(
                f"learning rate must be larger: scaled by {rate}, the gradients of {self.empty} "
                f"samples in a row have no element that reaches {least}, half of the least word"
            )


class LossGradients:
    """The gradients of a run by a loss: what `WordDevice.train_words` asks for a sample's words.

    A device that knows the loss may make the words itself, and have them noted by `take`.

    Parameters
    ----------
    host
        The loss, which keeps the losses.
    targets
        Of all samples of the run.
    rate
        As for `HostLoss.gradients`.
    seen
        Called with each sample's number and its output words [O], after its loss.
    """

    def __init__(
        self,
        host: HostLoss,
        targets: Tensor,
        rate: float,
        seen: Callable[[int, IntArray], object] = lambda sample, y: None,
    ) -> None:
        self.rate = rate
        self._host = host
        self._targets = targets
        self._seen = seen

    def __call__(self, sample: int, y: IntArray) -> IntArray:
        """Return the words [O] of the gradient of a sample; errors as for `HostLoss.gradients`."""
        words = self._host.gradients(y[None], self._targets[sample : sample + 1], self.rate)
        self._seen(sample, y)
        return words[0]

    def labels(self, outputs: int) -> Tensor | None:
        """Return the classes [N] int64 if the loss is their cross-entropy, and all of them fit."""
        found = self._targets
        if not self._host.is_softmax or found.ndim != 1 or found.dtype != torch.int64:
            return None
        fits = bool(((found >= 0) & (found < outputs)).all())
        return found if fits else None

    def take(self, first: int, outputs: IntArray, words: IntArray) -> None:
        """Take note of the samples from number `first` on; errors as for `HostLoss.take`."""
        labels = self._targets[first : first + len(outputs)]
        self._host.take(outputs, labels, words, self.rate)
        for sample, y in enumerate(outputs, first):
            self._seen(sample, y)
