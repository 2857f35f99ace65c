"""The PyTorch reference of Clostorus: Clos layers, their training and their fixed-point model."""

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
from golden.quantise import quantise
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
