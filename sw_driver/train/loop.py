"""The training loop: passes over a dataset on a device that trains, stopped and gone on anywhere.

Every step is the same on every device, so that two of them can go through the same training one
after the other, or one go on where another stopped.
"""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from golden import CheckpointError, Split
from golden.fixed.words import saturated_values, to_words
from golden.training.trainer import check_data
from sw_driver.arrays import IntArray
from sw_driver.device.device import Device
from sw_driver.device.host_loss import HostLoss, LossGradients
from sw_driver.device.saturation import warn_of_saturation
from sw_driver.device.targets import TargetGradients
from sw_driver.errors import DriverError
from sw_driver.train.recipe import Recipe

__all__ = ["STALE_RUN", "EpochFigures", "Position", "TrainingLoop", "check_batch"]

STALE_RUN = 500
"""Samples of a run that is stale by one, counted from the beginning of an epoch."""


@dataclasses.dataclass(frozen=True)
class EpochFigures:
    """What one epoch did.

    Parameters
    ----------
    epoch
        From 1.
    loss
        Mean over its samples, each before the step that it took part in.
    train_accuracy
        Part of its samples that were right then, 0 to 1.
    test_accuracy
        After the epoch, 0 to 1.
    """

    epoch: int
    loss: float
    train_accuracy: float
    test_accuracy: float


@dataclasses.dataclass
class Position:
    """How far a training has come.

    Parameters
    ----------
    epoch
        Whole epochs.
    samples
        Of the epoch after them.
    loss, hits
        Their summed losses, and how many of them were right.
    empty
        Samples in a row, up to the latest, whose gradient was all zeros.
    history
        Figures of the whole epochs.
    """

    epoch: int = 0
    samples: int = 0
    loss: float = 0.0
    hits: int = 0
    empty: int = 0
    history: list[EpochFigures] = dataclasses.field(default_factory=list[EpochFigures])

    def as_dict(self) -> dict[str, Any]:
        """Return what `from_dict` and JSON can read."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Position":
        """Read what `as_dict` returned.

        Raises
        ------
        CheckpointError
            If it is something else.
        """
        try:
            history = [EpochFigures(**figures) for figures in values["history"]]
            others = {name: value for name, value in values.items() if name != "history"}
            found = cls(**others, history=history)
            counts = found.epoch, found.samples, found.hits, found.empty
            if any(type(count) is not int or count < 0 for count in counts):
                raise TypeError(f"counts must be whole numbers, not {counts}")
            if len(history) != found.epoch:
                raise TypeError(f"history must be of {found.epoch} epochs, not {len(history)}")
            found.loss += 0.0
        except (KeyError, TypeError) as error:
            raise CheckpointError(f"the position of the training is damaged: {error!r}") from error
        return found


def check_batch(split: Split, size: int) -> None:
    """Refuse batches of more samples than there are.

    Raises
    ------
    DriverError
        The message says how many there are.
    """
    if size > len(split.train_x):
        raise DriverError(
            f"batch must be at most {len(split.train_x)}, the training samples of {split.name}, "
            f"not {size}"
        )


class TrainingLoop:
    """Trains the net of a device by a recipe.

    Parameters
    ----------
    device
        Loaded with the net, in the state that `position` says.
    recipe
        How.
    split
        The data.
    position
        Where to begin; kept up to date.
    part
        Samples between two moments at which the training can stop, rounded up to a whole batch; or
        to whole runs of `STALE_RUN` samples, if the recipe is stale.
    watch
        Called with the samples of the current epoch that have been given to the device, after each
        one, and the number of all of them.

    Attributes
    ----------
    losses
        Of every sample that this loop trained on.
    cycles
        Clock cycles of all its runs; None on a device without a clock.

    Raises
    ------
    ModelError, DriverError
        If the data do not fit the net, or are fewer than a batch.
    """

    def __init__(
        self,
        device: Device,
        recipe: Recipe,
        split: Split,
        *,
        position: Position | None = None,
        part: int = 512,
        watch: Callable[[int, int], object] = lambda done, total: None,
    ) -> None:
        """Turn the data into words; see the class."""
        form = device.compiled.format
        check_data(split, form.shapes)
        check_batch(split, recipe.batch_size)
        self.position = Position() if position is None else position
        if self.position.samples > len(split.train_x):
            raise CheckpointError(
                f"the position of the training must be within the {len(split.train_x)} samples of "
                f"an epoch, not {self.position.samples}"
            )
        self.losses: list[float] = []
        self.cycles: int | None = None
        self._device, self._recipe, self._watch = device, recipe, watch
        whole = STALE_RUN if recipe.stale else recipe.batch_size
        if self.position.samples % whole and recipe.stale:
            raise CheckpointError(
                f"the position of the training must be after whole runs of {STALE_RUN} samples, "
                f"since it is stale, not after {self.position.samples} samples"
            )
        self._part = -(-part // whole) * whole
        train, test = torch.as_tensor(split.train_x), torch.as_tensor(split.test_x)
        fraction, bits = form.input_fraction_bits, form.act_bits
        clipped = sum(saturated_values(part, fraction, bits) for part in (train, test))
        warn_of_saturation(clipped, train.numel() + test.numel(), bits, fraction)
        self._train_x, self._test_x = (
            to_words(part, fraction, bits).numpy() for part in (train, test)
        )
        self._train_y = torch.as_tensor(split.train_y)
        self._targets = recipe.targets(self._train_y, form.shapes[-1].out_features)
        self._test_y = split.test_y
        self._host = HostLoss(form, recipe.loss_function)
        self._host.empty = self.position.empty

    def run(self, save: Callable[[], object] = lambda: None) -> Iterator[EpochFigures]:
        """Train to the end of the recipe, and yield the figures of every epoch.

        `save` is called at every moment at which device and `position` belong together.

        Raises
        ------
        GoldenError, DriverError
            If the loss is not finite, a gradient saturates, or too many in a row are all zeros.
        """
        at, recipe = self.position, self._recipe
        while at.epoch < recipe.epochs:
            order = recipe.order(len(self._train_x), at.epoch)
            while at.samples < len(order):
                self._train(order, order[at.samples : at.samples + self._part])
                if at.samples < len(order):
                    save()
            found = self._device.infer_words(self._test_x).argmax(axis=1)
            at.history.append(
                EpochFigures(
                    at.epoch + 1,
                    at.loss / len(order),
                    at.hits / len(order),
                    float((found == self._test_y).mean()),
                )
            )
            at.epoch, at.samples, at.loss, at.hits = at.epoch + 1, 0, 0.0, 0
            save()
            yield at.history[-1]

    def _train(self, order: Tensor, part: Tensor) -> None:
        """Train on some samples of the order of an epoch, and move the position."""
        at, recipe, host = self.position, self._recipe, self._host
        rate = recipe.rate(at.epoch) / recipe.batch_size
        host.losses = []
        host.empty = at.empty  # A part that was broken off has counted, too.
        hits = 0
        # A run is one batch where gradients are summed, else as many samples as there are.
        # A run that is stale ends with a sample after which nothing is under way, so where runs
        # end is a part of the recipe.
        size = recipe.batch_size if recipe.batches else STALE_RUN if recipe.stale else len(part)
        for start in range(0, len(part), size):
            run = part[start : start + size]
            targets, labels = self._targets[run], self._train_y[run].numpy()

            before = at.samples + start

            def seen(
                sample: int, y: IntArray, labels: IntArray = labels, before: int = before
            ) -> None:
                nonlocal hits
                hits += int(y.argmax() == labels[sample])
                self._watch(before + sample + 1, len(order))

            gradients = LossGradients(host, targets, rate, seen)
            if recipe.on_targets:
                gradients = TargetGradients(
                    self._device.compiled.format, targets, rate, seen, losses=host.losses
                )
            self._device.train_words(self._train_x[run.numpy()], gradients)
            if self._device.last_cycles is not None:
                self.cycles = (self.cycles or 0) + self._device.last_cycles
        self.losses += host.losses
        at.samples += len(part)
        at.loss += sum(host.losses)
        at.hits += hits
        at.empty = host.empty
