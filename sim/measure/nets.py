"""Nets to measure: their speed depends on their shapes alone, so they need no training."""

import torch

from golden import ClosNet, ClosShape
from sw_driver.compiled import Compiled
from sw_driver.compiler import compile

__all__ = ["RTL_PACKAGES", "compiled_layer"]

RTL_PACKAGES = ("hw", "golden", "sw_driver", "sim")
"""Packages that what a program does on the RTL depends on."""

_CALIBRATION_SAMPLES = 16


def compiled_layer(shape: ClosShape, torus: str, host_bits: int, order: str = "best") -> Compiled:
    """Compile a Clos layer with random weights, the same on every call."""
    generator = torch.Generator().manual_seed(0)
    net = ClosNet([shape], generator=generator)
    calibration = torch.rand((_CALIBRATION_SAMPLES, shape.in_features), generator=generator)
    return compile(net, torus, calibration, host_bits=host_bits, order=order)
