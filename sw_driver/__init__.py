"""The compiler and runtime: from a trained ClosNet to a run on a device.

Public names are looked up on first use: importing the package costs nothing, so that the command
line answers at once.
"""

from typing import TYPE_CHECKING

from golden.system.names import lazy_names

if TYPE_CHECKING:
    from sw_driver.compiler import Compiled, compile
    from sw_driver.device.device import Device, GoldenDevice
    from sw_driver.device.golden_training_device import GoldenTrainingDevice
    from sw_driver.device.training_device import TrainingDevice
    from sw_driver.errors import DriverError
    from sw_driver.files.artifact import Artifact, load_artifact, save_artifact
    from sw_driver.files.export import export_files
    from sw_driver.training_compiler import CompiledTraining, compile_training

__all__ = [
    "Artifact",
    "Compiled",
    "CompiledTraining",
    "Device",
    "DriverError",
    "GoldenDevice",
    "GoldenTrainingDevice",
    "TrainingDevice",
    "compile",
    "compile_training",
    "export_files",
    "load_artifact",
    "save_artifact",
]

_HOMES = {
    "Artifact": "files.artifact",
    "Compiled": "compiler",
    "CompiledTraining": "training_compiler",
    "Device": "device.device",
    "DriverError": "errors",
    "GoldenDevice": "device.device",
    "GoldenTrainingDevice": "device.golden_training_device",
    "TrainingDevice": "device.training_device",
    "compile": "compiler",
    "compile_training": "training_compiler",
    "export_files": "files.export",
    "load_artifact": "files.artifact",
    "save_artifact": "files.artifact",
}

__getattr__ = lazy_names(__name__, _HOMES)
