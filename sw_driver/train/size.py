"""Layers that nothing could train or hold, refused before memory is taken for them."""

import math
import os
from collections.abc import Sequence

from golden.layers.dense import LayerShape
from hw.config import RANGES
from sw_driver.errors import DriverError

__all__ = ["check_size"]

# Weights of the largest torus that there can be.
_MOST = math.prod(RANGES[field][1] for field in ("rows", "cols", "weight_words"))
_BYTES = 16  # Of a parameter in float: it, its gradient, and two moments of the optimiser.


def check_size(shapes: Sequence[LayerShape]) -> None:
    """Refuse layers with more parameters than a torus, or the memory of this machine, can hold.

    Raises
    ------
    DriverError
        If so; the message says how many there are, and how many there may be.
    """
    parameters = sum(shape.parameters for shape in shapes)
    if parameters > _MOST:
        raise DriverError(
            f"layers must have at most {_MOST} parameters together, what the largest torus "
            f"holds, not {parameters}"
        )
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if _BYTES * parameters > there:
        raise DriverError(
            f"layers must have at most {there // _BYTES} parameters together, what the memory of "
            f"this machine can train, not {parameters}"
        )
