"""Models that several test files use."""

import functools

import torch

from golden import DIGITS_SHAPES, ClosNet, EpochStats, Trainer
from golden.datasets import load_digits_split
from golden.train import DEFAULT_EPOCHS


@functools.cache
def trained_digits_model() -> tuple[ClosNet, list[EpochStats]]:
    """Train the default digits net, once a process; callers must not change it."""
    model = ClosNet(DIGITS_SHAPES, generator=torch.Generator().manual_seed(0))
    return model, list(Trainer(model, load_digits_split()).run(DEFAULT_EPOCHS))
