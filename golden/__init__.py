"""The PyTorch reference of Clostorus: Clos layers, their training and their fixed-point model.

Public names are looked up on first use: importing the package costs nothing, so that a program that
only writes files, or is stopped at once, has no need of PyTorch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from golden.checkpoint import Checkpoint, load_checkpoint, load_model, save_model
    from golden.clos import ClosLinear
    from golden.datasets import Split
    from golden.errors import (
        CheckpointError,
        DataError,
        GoldenError,
        GoldenWarning,
        ModelError,
        ShapeError,
    )
    from golden.fixed import LayerWords, QuantisedLayer, QuantisedNet, StageWords
    from golden.fixed_training import FixedTrainingNet
    from golden.losses import mean_squared_error, softmax_cross_entropy
    from golden.net import ClosNet
    from golden.pixels import from_pixels, pixel_net, to_pixels
    from golden.precision import FixedPointError, fixed_point_error
    from golden.quantiser import quantise
    from golden.shape import ClosShape
    from golden.train import DIGITS_SHAPES, EpochStats, Trainer, accuracy
    from golden.training_format import LayerFormat, TrainingFormat
    from golden.training_placement import Placement, StagePlacement
    from golden.training_scales import TrainingWidths, propose_format
    from golden.training_state import TrainingState, initial_state
    from golden.training_twin import FloatTwin

__all__ = [
    "Checkpoint",
    "CheckpointError",
    "ClosLinear",
    "ClosNet",
    "ClosShape",
    "DIGITS_SHAPES",
    "DataError",
    "EpochStats",
    "FixedPointError",
    "FixedTrainingNet",
    "FloatTwin",
    "GoldenError",
    "GoldenWarning",
    "LayerFormat",
    "LayerWords",
    "ModelError",
    "Placement",
    "QuantisedLayer",
    "QuantisedNet",
    "ShapeError",
    "Split",
    "StagePlacement",
    "StageWords",
    "Trainer",
    "TrainingFormat",
    "TrainingState",
    "TrainingWidths",
    "accuracy",
    "fixed_point_error",
    "from_pixels",
    "initial_state",
    "load_checkpoint",
    "load_model",
    "mean_squared_error",
    "pixel_net",
    "propose_format",
    "quantise",
    "save_model",
    "softmax_cross_entropy",
    "to_pixels",
]

_HOMES = {
    "Checkpoint": "checkpoint",
    "CheckpointError": "errors",
    "ClosLinear": "clos",
    "ClosNet": "net",
    "ClosShape": "shape",
    "DIGITS_SHAPES": "train",
    "DataError": "errors",
    "EpochStats": "train",
    "FixedPointError": "precision",
    "FixedTrainingNet": "fixed_training",
    "FloatTwin": "training_twin",
    "GoldenError": "errors",
    "GoldenWarning": "errors",
    "LayerFormat": "training_format",
    "LayerWords": "fixed",
    "ModelError": "errors",
    "Placement": "training_placement",
    "QuantisedLayer": "fixed",
    "QuantisedNet": "fixed",
    "ShapeError": "errors",
    "Split": "datasets",
    "StagePlacement": "training_placement",
    "StageWords": "fixed",
    "Trainer": "train",
    "TrainingFormat": "training_format",
    "TrainingState": "training_state",
    "TrainingWidths": "training_scales",
    "accuracy": "train",
    "fixed_point_error": "precision",
    "from_pixels": "pixels",
    "initial_state": "training_state",
    "load_checkpoint": "checkpoint",
    "load_model": "checkpoint",
    "mean_squared_error": "losses",
    "pixel_net": "pixels",
    "propose_format": "training_scales",
    "quantise": "quantiser",
    "save_model": "checkpoint",
    "softmax_cross_entropy": "losses",
    "to_pixels": "pixels",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
