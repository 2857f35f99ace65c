"""Nets to predict the training of: their speed depends on their shapes alone."""

import torch

from golden import ClosNet, ClosShape, TrainingFormat, TrainingWidths, propose_format
from golden.training.losses import mean_squared_error

__all__ = ["random_layer"]

_SAMPLES = 16
_LEARNING_RATE = 0.01
_VELOCITY_BITS = 36


def random_layer(shape: ClosShape, *, batches: bool) -> tuple[ClosNet, TrainingFormat]:
    """Return a Clos layer of random weights and words to train it with, the same on every call.

    With `batches` there are accumulators.
    """
    generator = torch.Generator().manual_seed(0)
    net = ClosNet([shape], generator=generator)
    x = torch.rand((_SAMPLES, shape.in_features), generator=generator)
    targets = torch.rand((_SAMPLES, shape.out_features), generator=generator)
    widths = TrainingWidths(velocity_bits=_VELOCITY_BITS if batches else 0)
    return net, propose_format(net, x, targets, mean_squared_error, _LEARNING_RATE, widths=widths)
