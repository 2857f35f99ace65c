"""The compiler and runtime: from a trained ClosNet to a run on a device.

Public names are looked up on first use: importing the package costs nothing, so that the command
line answers at once.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sw_driver.artifact import Artifact, load_artifact, save_artifact
    from sw_driver.compiler import Compiled, compile
    from sw_driver.device import Device, GoldenDevice
    from sw_driver.errors import DriverError
    from sw_driver.export import export_files

__all__ = [
    "Artifact",
    "Compiled",
    "Device",
    "DriverError",
    "GoldenDevice",
    "compile",
    "export_files",
    "load_artifact",
    "save_artifact",
]

_HOMES = {
    "Artifact": "artifact",
    "Compiled": "compiler",
    "Device": "device",
    "DriverError": "errors",
    "GoldenDevice": "device",
    "compile": "compiler",
    "export_files": "export",
    "load_artifact": "artifact",
    "save_artifact": "artifact",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
