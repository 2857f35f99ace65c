"""The PyTorch reference of Clostorus: Clos layers, their training and their fixed-point model."""

from golden.checkpoint import Checkpoint, load_checkpoint, load_model, save_model
from golden.clos import ClosLinear
from golden.datasets import Split
from golden.errors import CheckpointError, DataError, GoldenError, ModelError, ShapeError
from golden.fixed import LayerWords, QuantisedLayer, QuantisedNet, StageWords
from golden.net import ClosNet
from golden.quantise import quantise
from golden.shape import ClosShape
from golden.train import DIGITS_SHAPES, EpochStats, Trainer, accuracy

__all__ = [
    "DIGITS_SHAPES",
    "Checkpoint",
    "CheckpointError",
    "ClosLinear",
    "ClosNet",
    "ClosShape",
    "DataError",
    "EpochStats",
    "GoldenError",
    "LayerWords",
    "ModelError",
    "QuantisedLayer",
    "QuantisedNet",
    "ShapeError",
    "Split",
    "StageWords",
    "Trainer",
    "accuracy",
    "load_checkpoint",
    "load_model",
    "quantise",
    "save_model",
]
