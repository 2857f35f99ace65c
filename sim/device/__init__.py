"""Devices in simulation, and what compares them with the golden model."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.device.compared import ComparedTrainingDevice
    from sim.device.device import SimDevice
    from sim.device.training_device import SimTrainingDevice

__all__ = ["ComparedTrainingDevice", "SimDevice", "SimTrainingDevice"]

_HOMES = {
    "ComparedTrainingDevice": "compared",
    "SimDevice": "device",
    "SimTrainingDevice": "training_device",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
