"""Devices in simulation, and what compares them with the golden model."""

from typing import TYPE_CHECKING

from golden.system.names import lazy_names

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

__getattr__ = lazy_names(__name__, _HOMES)
