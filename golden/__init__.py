"""The PyTorch reference of Clostorus: Clos layers, their training and their fixed-point model.

Public names are looked up on first use: importing the package costs nothing, so that a program that
only writes files, or is stopped at once, has no need of PyTorch.
"""

from typing import TYPE_CHECKING

from golden.system.names import lazy_names

if TYPE_CHECKING:
    from golden.clos.layer import ClosLinear
    from golden.clos.net import ClosNet
    from golden.clos.shape import ClosShape
    from golden.data.checkpoint import Checkpoint, load_checkpoint, load_model, save_model
    from golden.data.datasets import Split
    from golden.errors import (
        CheckpointError,
        DataError,
        GoldenError,
        GoldenWarning,
        ModelError,
        ShapeError,
    )
    from golden.fixed.format import TrainingFormat
    from golden.fixed.layer import LayerWords, QuantisedLayer, StageWords
    from golden.fixed.layer_format import LayerFormat
    from golden.fixed.precision import FixedPointError, fixed_point_error
    from golden.fixed.quantise import quantise
    from golden.fixed.quantised import QuantisedNet
    from golden.fixed.state import TrainingState, initial_state
    from golden.fixed.training import FixedTrainingNet
    from golden.fixed.visits import Placement, StagePlacement
    from golden.models.chain import ChainNet
    from golden.models.net import fold_batch_norm
    from golden.models.onnx_file import load_onnx
    from golden.models.pixels import from_pixels, pixel_net, to_pixels
    from golden.training.losses import (
        mean_squared_error,
        softmax_cross_entropy,
        squared_error,
    )
    from golden.training.scales import TrainingWidths, propose_format
    from golden.training.trainer import DIGITS_SHAPES, EpochStats, Trainer, accuracy
    from golden.training.twin import FloatTwin

__all__ = [
    "ChainNet",
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
    "fold_batch_norm",
    "from_pixels",
    "initial_state",
    "load_checkpoint",
    "load_model",
    "load_onnx",
    "mean_squared_error",
    "pixel_net",
    "propose_format",
    "quantise",
    "save_model",
    "softmax_cross_entropy",
    "squared_error",
    "to_pixels",
]

_HOMES = {
    "ChainNet": "models.chain",
    "Checkpoint": "data.checkpoint",
    "CheckpointError": "errors",
    "ClosLinear": "clos.layer",
    "ClosNet": "clos.net",
    "ClosShape": "clos.shape",
    "DIGITS_SHAPES": "training.trainer",
    "DataError": "errors",
    "EpochStats": "training.trainer",
    "FixedPointError": "fixed.precision",
    "FixedTrainingNet": "fixed.training",
    "FloatTwin": "training.twin",
    "GoldenError": "errors",
    "GoldenWarning": "errors",
    "LayerFormat": "fixed.layer_format",
    "LayerWords": "fixed.layer",
    "ModelError": "errors",
    "Placement": "fixed.visits",
    "QuantisedLayer": "fixed.layer",
    "QuantisedNet": "fixed.quantised",
    "ShapeError": "errors",
    "Split": "data.datasets",
    "StagePlacement": "fixed.visits",
    "StageWords": "fixed.layer",
    "Trainer": "training.trainer",
    "TrainingFormat": "fixed.format",
    "TrainingState": "fixed.state",
    "TrainingWidths": "training.scales",
    "accuracy": "training.trainer",
    "fixed_point_error": "fixed.precision",
    "fold_batch_norm": "models.net",
    "from_pixels": "models.pixels",
    "initial_state": "fixed.state",
    "load_checkpoint": "data.checkpoint",
    "load_model": "data.checkpoint",
    "load_onnx": "models.onnx_file",
    "mean_squared_error": "training.losses",
    "pixel_net": "models.pixels",
    "propose_format": "training.scales",
    "quantise": "fixed.quantise",
    "save_model": "data.checkpoint",
    "softmax_cross_entropy": "training.losses",
    "squared_error": "training.losses",
    "to_pixels": "models.pixels",
}

__getattr__ = lazy_names(__name__, _HOMES)
