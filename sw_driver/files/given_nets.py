"""The net that a user names: a model file, an ONNX file, or a function of a Python file."""

from pathlib import Path

from torch import nn

from golden import load_checkpoint, load_onnx
from golden.data.preparation import Preparation
from sw_driver.files.kinds import is_onnx, own_model
from sw_driver.files.own_models import load_own_model

__all__ = ["load_net"]


def load_net(
    model: Path, weights: Path | None
) -> tuple[nn.Module, str | None, Preparation | None]:
    """The model, the data that it was trained on and how they became inputs, where known.

    Parameters
    ----------
    model
        A model file, an ONNX file, or FILE.py:FUNCTION, which is executed.
    weights
        Of a function's model.

    Raises
    ------
    DriverError, GoldenError
        If there is no such model.
    """
    own = own_model(str(model))
    if own is not None:
        return load_own_model(own, weights), None, None
    if is_onnx(model):
        return load_onnx(model), None, None
    saved = load_checkpoint(model)
    return saved.model, saved.data, saved.preparation
