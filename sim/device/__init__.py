"""Devices in simulation, and what compares them with the golden model."""

from typing import TYPE_CHECKING

from golden.system.names import lazy_names

if TYPE_CHECKING:
    from sim.device.compared import ComparedDevice
    from sim.device.device import SimDevice

__all__ = ["ComparedDevice", "SimDevice"]

_HOMES = {"ComparedDevice": "compared", "SimDevice": "device"}

_MOVED = {
    "ComparedTrainingDevice": "sim.device:ComparedDevice",
    "SimTrainingDevice": "sim.device:SimDevice",
}

__getattr__ = lazy_names(__name__, _HOMES, _MOVED)
