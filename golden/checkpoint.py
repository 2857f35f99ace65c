"""Model files: a ClosNet's shapes and weights, and what training needs to go on.

The file is a dict for `torch.load(weights_only=True)`: `format` (this module's number), `layers`
(the 5-tuples), `state_dict`, and `training` (a trainer's state, or None).
"""

import dataclasses
import errno
import io
import pickle
import warnings
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from golden.errors import CheckpointError, ShapeError
from golden.files import write_bytes
from golden.net import ClosNet
from golden.shape import ClosShape

__all__ = ["FORMAT", "Checkpoint", "load_checkpoint", "load_model", "save_model"]

FORMAT = 1

_NO_MODEL = "{path} must be a model file of Clostorus, but is truncated or something else"


@dataclasses.dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a model file holds: the model, and the trainer's state where one was saved."""

    model: ClosNet
    training: dict[str, Any] | None


def save_model(
    path: Path | str, model: ClosNet, training_state: dict[str, Any] | None = None
) -> None:
    """Write `model`, and a trainer's `state_dict` to go on from, to `path`.

    The file is written as `golden.files` says, so that `path` is never half a file.

    Raises
    ------
    CheckpointError
        If a weight is NaN or infinite, or the file cannot be written.
    """
    path = Path(path)
    state = {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}
    _check_finite(path, state)
    content = {
        "format": FORMAT,
        "layers": [shape.as_tuple() for shape in model.shapes],
        "state_dict": state,
        "training": training_state,
    }
    file = io.BytesIO()
    torch.save(content, file)
    write_bytes(path, file.getvalue(), CheckpointError)


def load_model(path: Path | str) -> ClosNet:
    """Read the model of a model file; errors as for `load_checkpoint`."""
    return load_checkpoint(path).model


def load_checkpoint(path: Path | str) -> Checkpoint:
    """Read a model file.

    Raises
    ------
    CheckpointError
        If the file cannot be read, is truncated, is no model file or one of another format, or if
        its weights are not finite or do not fit its layers.
    """
    path = Path(path)
    content = _read(path)
    if not isinstance(content, dict) or "format" not in content:
        raise CheckpointError(f"{path} must be a model file of Clostorus, but is something else")
    fields = cast(dict[str, Any], content)
    if fields["format"] != FORMAT:
        raise CheckpointError(
            f"{path}: format must be {FORMAT}, the one that this version reads, "
            f"not {fields['format']!r}"
        )
    for name in ("layers", "state_dict", "training"):
        if name not in fields:
            raise CheckpointError(f"{path} must hold {name!r}, but does not")
    shapes = _shapes(path, fields["layers"])
    state = _checked_state(path, shapes, fields["state_dict"])
    training = fields["training"]
    if training is not None and not isinstance(training, dict):
        raise CheckpointError(f"{path}: training must be a dict or None, not {training!r}")
    try:
        model = ClosNet(shapes)
    except ShapeError as error:
        raise CheckpointError(f"{path}: layers must fit together: {error}") from error
    model.load_state_dict(state)
    return Checkpoint(model, cast(dict[str, Any] | None, training))


def _read(path: Path) -> object:
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            # PyTorch warns of what it takes to be an old format; the outcome is an error anyway.
            warnings.simplefilter("ignore")
            return torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        if error.errno == errno.EINVAL:  # What PyTorch's reader makes of a file that ends early.
            raise CheckpointError(_NO_MODEL.format(path=path)) from error
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    except (RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise CheckpointError(_NO_MODEL.format(path=path)) from error


def _shapes(path: Path, layers: object) -> list[ClosShape]:
    if not isinstance(layers, list) or not layers:
        raise CheckpointError(f"{path}: layers must be a list of (I, O, Ri, Rm, Ro), not {layers}")
    try:
        return [ClosShape(*layer) for layer in cast(list[Any], layers)]
    except (ShapeError, TypeError) as error:
        raise CheckpointError(
            f"{path}: layers must be a list of (I, O, Ri, Rm, Ro), not {layers}: {error}"
        ) from error


def _checked_state(path: Path, shapes: list[ClosShape], state: object) -> dict[str, Tensor]:
    """Check the weights before a model of their claimed size is built."""
    if not isinstance(state, dict):
        raise CheckpointError(f"{path}: state_dict must be a dict of tensors, not {state!r}")
    tensors = cast(dict[str, Any], state)
    wanted: dict[str, tuple[int, ...]] = {}
    for index, shape in enumerate(shapes):
        inputs, outputs, ri, rm, ro = shape.as_tuple()
        wanted[f"layers.{index}.input_weight"] = (inputs, rm)
        wanted[f"layers.{index}.middle_weight"] = (rm, ri, ro)
        wanted[f"layers.{index}.output_weight"] = (outputs, rm)
        wanted[f"layers.{index}.bias"] = (outputs,)
    if tensors.keys() != wanted.keys():
        odd = ", ".join(sorted(map(str, tensors.keys() ^ wanted.keys())))
        raise CheckpointError(f"{path}: state_dict must hold the weights of its layers: {odd}")
    for name, size in wanted.items():
        tensor = tensors[name]
        if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
            raise CheckpointError(f"{path}: {name} must be a tensor of real numbers")
        if tuple(tensor.shape) != size:
            raise CheckpointError(
                f"{path}: {name} must have shape {size}, as its layer says, "
                f"not {tuple(tensor.shape)}"
            )
    _check_finite(path, tensors)
    return tensors


def _check_finite(path: Path, state: dict[str, Tensor]) -> None:
    for name, tensor in state.items():
        if not bool(torch.isfinite(tensor).all()):
            raise CheckpointError(f"{path}: {name} must be finite, but holds NaN or infinity")
