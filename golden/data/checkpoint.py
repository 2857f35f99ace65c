"""Model files: the layers of a net, their weights, and what training needs to go on.

The file is a dict for `torch.load(weights_only=True)`:

    format        3 of a ClosNet, 4 of a ChainNet
    operations    in order: of a ClosNet ("clos", I, O, Ri, Rm, Ro) of a layer, ("relu",) between
                  two of them; of a ChainNet as `ChainNet.operations` has them
    state_dict    of the net
    data          name of the data that it was trained on, or None
    preparation   how samples become its inputs: `golden.data.preparation`, as a dict; or None
    training      a trainer's state, or None
    sha256        of all the others (`golden.system.digest`)

Format 2 is 3 without a preparation. Format 1 has `layers`, the 5-tuples, instead of `operations`,
its training state names the data, and it has neither preparation nor digest.
"""

import dataclasses
import errno
import io
import warnings
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from golden.clos.net import ClosNet
from golden.data.operations import clos_layers, clos_operations, clos_shapes
from golden.data.preparation import Preparation
from golden.errors import CheckpointError, DataError, GoldenError, GoldenWarning, ShapeError
from golden.models.chain import ChainNet
from golden.models.net import chain_net
from golden.system.digest import content_digest
from golden.system.files import write_bytes

__all__ = ["FORMAT", "Checkpoint", "load_checkpoint", "load_model", "save_model"]

FORMAT = 3
CHAIN_FORMAT = 4
_UNPREPARED_FORMAT = 2
_UNCHECKED_FORMAT = 1
_DATA_OF_FORMAT_1 = "dataset"  # In the training state.
_FIELDS = {
    _UNCHECKED_FORMAT: ("layers", "state_dict", "training"),
    _UNPREPARED_FORMAT: ("operations", "state_dict", "data", "training", "sha256"),
    FORMAT: ("operations", "state_dict", "data", "preparation", "training", "sha256"),
    CHAIN_FORMAT: ("operations", "state_dict", "data", "preparation", "training", "sha256"),
}

_NO_MODEL = "{path} must be a model file of Clostorus, but is truncated or something else"


@dataclasses.dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a model file holds.

    Parameters
    ----------
    model
        The model.
    training
        The trainer's state, where one was saved.
    data
        Name of the data that it was trained on, where it is known.
    preparation
        How samples become its inputs, where that is known.
    """

    model: ClosNet | ChainNet
    training: dict[str, Any] | None
    data: str | None
    preparation: Preparation | None = None


def save_model(
    path: Path | str,
    model: nn.Module,
    training_state: dict[str, Any] | None = None,
    *,
    data: str | None = None,
    preparation: Preparation | None = None,
) -> None:
    """Write a model to `path`, by custom ending in `.pt`.

    The file is written as `golden.system.files` says, so that `path` is never half a file.

    Parameters
    ----------
    path
        Of the file.
    model
        A `ClosNet`, or any other module that is a chain of what docs/models.md lists, in evaluation
        mode if it has a BatchNorm, which is saved in the weights; of pointwise convolutions the net
        at a pixel.
    training_state
        A trainer's `state_dict` to go on from.
    data
        Name of the data that it was trained on: what `golden.data.datasets.load` takes, or any
        other.
    preparation
        How samples become its inputs, if it has to be known.

    Raises
    ------
    CheckpointError
        If the model is another one, a weight is NaN or infinite, the training state holds something
        else than tensors, numbers and text, or the file cannot be written.
    """
    if isinstance(path, nn.Module):
        raise CheckpointError("path must come first, and the model after it: save_model(path, net)")
    path = Path(path)
    try:
        net = chain_net(model)
    except GoldenError as error:
        raise CheckpointError(f"{path} cannot hold this model: {error}") from error
    content: dict[str, Any] = {
        "format": FORMAT if isinstance(net, ClosNet) else CHAIN_FORMAT,
        "operations": (
            net.operations() if isinstance(net, ChainNet) else clos_operations(net.shapes)
        ),
        "state_dict": {name: tensor.cpu() for name, tensor in net.state_dict().items()},
        "data": data,
        "preparation": None if preparation is None else preparation.as_dict(),
        "training": training_state,
    }
    try:
        content["sha256"] = content_digest(content)
    except (TypeError, RecursionError) as error:
        raise CheckpointError(f"{path} cannot hold this training state: {error}") from error
    file = io.BytesIO()
    torch.save(content, file)
    write_bytes(path, file.getvalue(), CheckpointError)


def load_model(path: Path | str) -> ClosNet | ChainNet:
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
    number = fields["format"]
    if type(number) is not int or number not in _FIELDS:
        raise CheckpointError(
            f"{path}: format must be one of {', '.join(map(str, _FIELDS))}, those that this "
            f"version reads, not {number!r}"
        )
    for name in _FIELDS[number]:
        if name not in fields:
            raise CheckpointError(f"{path} must hold {name!r}, but does not")
    if number == _UNCHECKED_FORMAT:
        warnings.warn(
            f"{path} is of format {number}, which carries no check: a damaged weight would not "
            "show; save the model again to have one",
            GoldenWarning,
            stacklevel=2,
        )
    else:
        _check_digest(path, fields)
    model = _empty_net(path, number, fields)
    state = _checked_state(path, model, fields["state_dict"])
    training = fields["training"]
    if training is not None and not isinstance(training, dict):
        raise CheckpointError(f"{path}: training must be a dict or None, not {training!r}")
    held = cast(dict[str, Any], training or {})
    named = number != _UNCHECKED_FORMAT
    data = fields["data"] if named else held.pop(_DATA_OF_FORMAT_1, None)
    if data is not None and not isinstance(data, str):
        raise CheckpointError(f"{path}: data must be a name or None, not {data!r}")
    model.load_state_dict(state, assign=True)
    preparation = _preparation(path, fields.get("preparation"), model)
    return Checkpoint(model, cast(dict[str, Any] | None, training), data, preparation)


def _preparation(path: Path, held: object, model: ClosNet | ChainNet) -> Preparation | None:
    """Read how samples become inputs; it must be of as many inputs and outputs as the model."""
    if held is None:
        return None
    try:
        found = Preparation.from_dict(held)
        found.check_sizes(model.in_features, model.out_features)
    except DataError as error:
        raise CheckpointError(f"{path}: {error}") from error
    return found


def _empty_net(path: Path, number: int, fields: dict[str, Any]) -> ClosNet | ChainNet:
    """The net that a file is of, without weights."""
    if number == CHAIN_FORMAT:
        try:
            return ChainNet.of_operations(fields["operations"])
        except GoldenError as error:
            raise CheckpointError(f"{path}: {error}") from error
    if number == _UNCHECKED_FORMAT:
        layers = fields["layers"]
    else:
        layers = clos_layers(path, fields["operations"])
    shapes = clos_shapes(path, layers)
    try:
        with torch.device("meta"):  # The weights are those of the file: none is drawn.
            return ClosNet(shapes)
    except ShapeError as error:
        raise CheckpointError(f"{path}: layers must fit together: {error}") from error


def _check_digest(path: Path, fields: dict[str, Any]) -> None:
    held = {name: value for name, value in fields.items() if name != "sha256"}
    try:
        found = content_digest(held)
    except (TypeError, RecursionError) as error:
        raise CheckpointError(f"{path} holds something that no model file does: {error}") from error
    if found != fields["sha256"]:
        raise CheckpointError(
            f"{path} was altered or damaged since it was saved: its SHA-256 must be "
            f"{fields['sha256']}, not {found}; take a copy of it, or train the model again"
        )


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
    except Exception as error:  # PyTorch's reader raises whatever a damaged file leads it to.
        raise CheckpointError(_NO_MODEL.format(path=path)) from error


def _checked_state(path: Path, model: nn.Module, state: object) -> dict[str, Tensor]:
    """Check the weights before a model of their claimed size is built."""
    if not isinstance(state, dict):
        raise CheckpointError(f"{path}: state_dict must be a dict of tensors, not {state!r}")
    tensors = cast(dict[str, Any], state)
    wanted = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
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
    first = next(iter(wanted))
    for name in wanted:
        if tensors[name].dtype != tensors[first].dtype:
            raise CheckpointError(
                f"{path}: {name} must be of {tensors[first].dtype}, as {first} is, not of "
                f"{tensors[name].dtype}"
            )
    _check_finite(path, tensors)
    return tensors


def _check_finite(path: Path, state: dict[str, Tensor]) -> None:
    for name, tensor in state.items():
        if not bool(torch.isfinite(tensor).all()):
            raise CheckpointError(f"{path}: {name} must be finite, but holds NaN or infinity")
