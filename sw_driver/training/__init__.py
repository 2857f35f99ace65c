"""Training: a model on the host in floating point, or a net on the torus in fixed point."""

from sw_driver.training.compiler import CompiledTraining, compile_training
from sw_driver.training.device import StepResult, TrainingDevice
from sw_driver.training.golden_device import GoldenTrainingDevice
from sw_driver.training.model_file import Trained, train_model
from sw_driver.training.stream_device import StreamTrainingDevice

__all__ = [
    "CompiledTraining",
    "GoldenTrainingDevice",
    "StepResult",
    "StreamTrainingDevice",
    "Trained",
    "TrainingDevice",
    "compile_training",
    "train_model",
]
