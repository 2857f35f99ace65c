"""Nets to measure the training of: their speed depends on their shapes alone."""

from golden import ClosShape, initial_state
from golden.fixed.state import TrainingState
from sw_driver.compiled import Compiled
from sw_driver.compiler import compile
from sw_driver.predict.training_layers import random_layer

__all__ = ["training_layer"]


def training_layer(
    shape: ClosShape, torus: str, host_bits: int, *, batches: bool
) -> tuple[Compiled, TrainingState]:
    """Compile the training of a Clos layer with random weights, the same on every call."""
    net, form = random_layer(shape, batches=batches)
    compiled = compile(form, torus, batches=batches, host_bits=host_bits)
    config = compiled.config
    return compiled, initial_state(net, compiled.format, seed=0, rows=config.rows,
                                   cols=config.cols)
