"""Nets to measure the training of: their speed depends on their shapes alone."""

import torch

from golden import ClosNet, ClosShape, TrainingWidths, initial_state, propose_format
from golden.fixed.state import TrainingState
from golden.training.losses import mean_squared_error
from sw_driver.compiled import Compiled
from sw_driver.compiler import compile

__all__ = ["training_layer"]

_SAMPLES = 16
_LEARNING_RATE = 0.01
_VELOCITY_BITS = 36


def training_layer(
    shape: ClosShape, torus: str, host_bits: int, *, batches: bool
) -> tuple[Compiled, TrainingState]:
    """Compile the training of a Clos layer with random weights, the same on every call."""
    generator = torch.Generator().manual_seed(0)
    net = ClosNet([shape], generator=generator)
    x = torch.rand((_SAMPLES, shape.in_features), generator=generator)
    targets = torch.rand((_SAMPLES, shape.out_features), generator=generator)
    widths = TrainingWidths(velocity_bits=_VELOCITY_BITS if batches else 0)
    form = propose_format(net, x, targets, mean_squared_error, _LEARNING_RATE, widths=widths)
    compiled = compile(form, torus, batches=batches, host_bits=host_bits)
    config = compiled.config
    return compiled, initial_state(net, compiled.format, seed=0, rows=config.rows,
                                   cols=config.cols)
