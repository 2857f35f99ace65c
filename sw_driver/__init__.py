"""The compiler and runtime: from a trained net to a run on a device.

Public names are looked up on first use: importing the package costs nothing, so that the command
line answers at once.
"""

from typing import TYPE_CHECKING

from golden.system.names import lazy_names

if TYPE_CHECKING:
    from sw_driver.compiled import Compiled
    from sw_driver.compiler import compile
    from sw_driver.device.device import Device
    from sw_driver.device.golden import GoldenDevice
    from sw_driver.errors import DriverError
    from sw_driver.files.artifact import Artifact, load_artifact, save_artifact
    from sw_driver.files.export import export_files
    from sw_driver.plan.placement import dense_cuts

__all__ = [
    "Artifact",
    "Compiled",
    "Device",
    "DriverError",
    "GoldenDevice",
    "compile",
    "dense_cuts",
    "export_files",
    "load_artifact",
    "save_artifact",
]

_HOMES = {
    "Artifact": "files.artifact",
    "Compiled": "compiled",
    "Device": "device.device",
    "DriverError": "errors",
    "GoldenDevice": "device.golden",
    "compile": "compiler",
    "dense_cuts": "plan.placement",
    "export_files": "files.export",
    "load_artifact": "files.artifact",
    "save_artifact": "files.artifact",
}

_MOVED = {
    "CompiledTraining": "sw_driver:Compiled",
    "GoldenTrainingDevice": "sw_driver:GoldenDevice",
    "TrainingDevice": "sw_driver:Device",
    "compile_training": "sw_driver:compile",
}

__getattr__ = lazy_names(__name__, _HOMES, _MOVED)
