"""The lessons of a recipe, for a host script of a training."""

from collections.abc import Iterator

import torch

from golden.data.datasets import Split
from golden.fixed.words import to_words
from golden.training.trainer import check_data
from sw_driver.compiled import Compiled
from sw_driver.device.host_loss import HostLoss, LossGradients
from sw_driver.device.targets import TargetGradients
from sw_driver.errors import DriverError
from sw_driver.files.samples import checked_count
from sw_driver.script.inference import SAMPLES
from sw_driver.script.training import Lesson
from sw_driver.train.recipe import Recipe

__all__ = ["recipe_lessons"]


def recipe_lessons(
    compiled: Compiled, recipe: Recipe, split: Split, samples: int | None
) -> Iterator[Lesson]:
    """Go through the first samples of some data as a recipe trains on them in its first epoch.

    Parameters
    ----------
    compiled, recipe
        The net, and how it is trained.
    split
        The data.
    samples
        So many, in whole batches; by default 16, or as many as whole batches of 16 or more have.

    Raises
    ------
    DriverError, GoldenError
        If there are fewer samples, they are not those of the net, or not whole batches.
    """
    form, size = compiled.format, recipe.batch_size
    check_data(split, form.shapes)
    if samples is None:
        samples = -(-min(SAMPLES, len(split.train_x)) // size) * size
    checked_count(samples, len(split.train_x), split.name)
    if samples % size:
        raise DriverError(f"samples must be a multiple of {size}, a batch, not {samples}")
    x = to_words(torch.as_tensor(split.train_x[:samples]), form.input_fraction_bits, form.act_bits)
    labels = torch.as_tensor(split.train_y[:samples])
    targets = recipe.targets(labels, form.shapes[-1].out_features)
    host, rate = HostLoss(form, recipe.loss_function), recipe.rate(0) / size
    each = size if recipe.batches else samples
    for first in range(0, samples, each):
        part = slice(first, first + each)
        yield Lesson(
            x[part].numpy(),
            TargetGradients(form, targets[part], rate)
            if recipe.on_targets
            else LossGradients(host, targets[part], rate),
        )
