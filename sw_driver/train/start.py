"""The net that a training begins with, where it is one that the user has."""

import dataclasses
from pathlib import Path

from golden import ChainNet, ClosNet, load_checkpoint, load_onnx
from golden.convert.project import project_dense
from golden.data.preparation import Preparation
from golden.models.net import chain_net
from sw_driver.files.kinds import is_onnx

__all__ = ["Start", "load_start"]


@dataclasses.dataclass(frozen=True, eq=False)
class Start:
    """A net with weights.

    Parameters
    ----------
    path
        Of its file.
    given
        The net in the file, as layers and activations alone.
    model
        What is trained: the same, or with Clos layers in the place of dense ones; in float32.
    reduced
        Whether it has Clos layers in the place of dense ones.
    data
        Name of the data that it was trained on, where the file says it.
    preparation
        How those data became inputs, where the file says it.
    """

    path: Path
    given: ClosNet | ChainNet
    model: ClosNet | ChainNet
    reduced: bool
    data: str | None
    preparation: Preparation | None


def load_start(path: Path, reduction: float | None) -> Start:
    """Read a net from a model file or an ONNX file.

    Parameters
    ----------
    path
        Of the file, which is ONNX if its name ends so.
    reduction
        As `golden.convert.project.project_dense`; None to leave dense layers as they are.

    Raises
    ------
    GoldenError
        If the file holds no net that can be read, or no layer of it can be replaced.
    """
    if is_onnx(path):
        given, data = chain_net(load_onnx(path)), None
        preparation = None
    else:
        saved = load_checkpoint(path)
        given, data, preparation = saved.model, saved.data, saved.preparation
    model = chain_net(given) if reduction is None else project_dense(given, reduction).after
    return Start(path, given, model.float(), reduction is not None, data, preparation)
