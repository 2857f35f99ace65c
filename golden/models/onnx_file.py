"""Nets in ONNX files, as modules of PyTorch."""

import importlib.util
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from golden.errors import CheckpointError, GoldenError, ModelError
from golden.models.read import read_chain

if TYPE_CHECKING:
    import onnx
    from google.protobuf.message import Message

__all__ = ["files_of", "load_onnx"]

FIRST_OPSET = 7
"""Before it, BatchNormalization, Dropout and Gemm had other meanings."""

_MOST_BYTES = (1 << 31) - 1  # Of a message of protobuf.


def load_onnx(path: Path | str) -> nn.Sequential:
    """Read the net of an ONNX file, in evaluation mode.

    Parameters
    ----------
    path
        Of the file; files of external data must lie in its folder. The package onnx must be there:
        pip install 'clostorus[onnx]'.

    Returns
    -------
    Sequential
        A module for each node, called as the node is: `nn.Linear`, `nn.ReLU` and so on, float64
        where the weights are, else float32. `golden.models.read.read_chain` takes it.

    Raises
    ------
    CheckpointError
        If the file or its external data cannot be read, or are no ONNX.
    ModelError, ShapeError
        If the graph is no chain of what docs/onnx.md lists; the message names the node and what
        comes nearest to it. Also if the package is missing.
    """
    path = Path(path)
    _check_package(path)
    from golden.models.onnx_graph import sequential_of

    model = _read(path)
    try:
        opset = _opset(model)
        net, sample_shape = sequential_of(model.graph, path.parent, opset)
        read_chain(net, sample_shape=sample_shape)
    except GoldenError as error:
        raise type(error)(f"{path}: {error}") from error
    return net


def files_of(path: Path) -> tuple[Path, ...]:
    """Return an ONNX file and the files of external data that it names in its folder.

    Raises
    ------
    CheckpointError, ModelError
        As `load_onnx`, of the file alone.
    """
    _check_package(path)
    found = {
        path.parent / Path(entry.value).name: None
        for tensor in _read(path).graph.initializer
        for entry in tensor.external_data
        if entry.key == "location" and Path(entry.value).name
    }
    return (path, *found)


def _check_package(path: Path) -> None:
    if importlib.util.find_spec("onnx") is None:
        raise ModelError(f"{path} needs the package onnx to be read: pip install 'clostorus[onnx]'")


def _read(path: Path) -> "onnx.ModelProto":
    import onnx
    from google.protobuf.message import DecodeError

    try:
        if path.exists() and not path.is_file():
            raise CheckpointError(f"{path} must be a file, not a folder, a pipe or a device")
        if path.stat().st_size > _MOST_BYTES:
            raise CheckpointError(
                f"{path} must have at most 2**31 - 1 bytes, as ONNX files do: larger weights lie "
                "in a file of external data beside it"
            )
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = onnx.load_model_from_string(content)
    except (DecodeError, ValueError) as error:
        raise CheckpointError(_NO_ONNX.format(path=path)) from error
    if not model.graph.node or not model.opset_import or not _is_text(model):
        raise CheckpointError(_NO_ONNX.format(path=path))
    return model


def _is_text(message: "Message") -> bool:
    """Whether all texts of a message are UTF-8; protobuf gives others as bytes."""
    for field, value in message.ListFields():
        if field.type not in (field.TYPE_STRING, field.TYPE_MESSAGE):
            continue
        items: Any = [value] if _is_single(value) else value
        for one in items:
            if field.type == field.TYPE_MESSAGE:
                if not _is_text(one):
                    return False
            elif type(one) is bytes:
                return False
    return True


def _is_single(value: object) -> bool:
    """Whether a field's value is one, and no list of them."""
    return isinstance(value, str | bytes) or hasattr(value, "ListFields")


_NO_ONNX = "{path} must be an ONNX file, but is truncated or something else"


def _opset(model: "onnx.ModelProto") -> int:
    """Version of ONNX's own operators, once it is known to be one."""
    import onnx

    last = onnx.defs.onnx_opset_version()
    versions = [one.version for one in model.opset_import if one.domain in ("", "ai.onnx")]
    found = versions[0] if versions else 0
    if not FIRST_OPSET <= found <= last:
        raise ModelError(
            f"its opset must be {FIRST_OPSET} to {last}, not {found or 'missing'}: export it again "
            "with opset_version=18, or convert it with onnx.version_converter"
        )
    return found
