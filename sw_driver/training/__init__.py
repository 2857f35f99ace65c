"""Training: a model on the host in floating point, or a net on the torus in fixed point."""

from sw_driver.training.compiler import CompiledTraining, compile_training
from sw_driver.training.model_file import Trained, train_model

__all__ = ["CompiledTraining", "Trained", "compile_training", "train_model"]
