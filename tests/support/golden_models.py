"""Models that several test files use."""

import functools

import torch

from golden import DIGITS_SHAPES, ClosNet, EpochStats, Trainer
from golden.data.datasets import load_digits_split
from golden.system.digest import content_digest
from golden.training.trainer import DEFAULT_EPOCHS


@functools.cache
def trained_digits_model() -> tuple[ClosNet, list[EpochStats]]:
    """Train the default digits net, once a process; callers must not change it."""
    model = ClosNet(DIGITS_SHAPES, generator=torch.Generator().manual_seed(0))
    return model, list(Trainer(model, load_digits_split()).run(DEFAULT_EPOCHS))


def rewrite(path, target, change):
    """Write the contents of a model file, with changes and a digest that fits them, to `target`.

    `change` takes the contents, a dict, and changes them in place.
    """
    content = torch.load(path, weights_only=True)
    change(content)
    content.pop("sha256", None)
    content["sha256"] = content_digest(content)
    torch.save(content, target)
