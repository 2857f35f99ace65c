"""Numbers that an ONNX graph holds: in the file, in a file beside it, or computed from such."""

import math
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import external_data_helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from golden.errors import CheckpointError, ModelError

__all__ = ["Constants", "place_of", "type_name"]

Array = npt.NDArray[Any]

_MOST_SIZES = 64
_NUMBERS = (
    onnx.TensorProto.FLOAT,
    onnx.TensorProto.DOUBLE,
    onnx.TensorProto.FLOAT16,
    onnx.TensorProto.INT32,
    onnx.TensorProto.INT64,
)
_OF_ANY = ("Constant", "Identity", "Transpose", "Cast", "Reshape", "Flatten", "Squeeze",
           "Unsqueeze")  # fmt: skip
_OF_SIZES = ("Concat", "Gather", "Slice")  # May make large results of small ones.


def type_name(kind: int) -> str:
    """How ONNX calls a type of numbers."""
    try:
        return onnx.TensorProto.DataType.Name(kind)
    except ValueError:
        return str(kind)


def place_of(node: onnx.NodeProto) -> str:
    """How a message names a node."""
    name = node.name or f"that makes {', '.join(node.output)}"
    return f"node {name} ({node.op_type})"


class Constants:
    """The numbers of a graph by name, each read or computed when it is asked for.

    Parameters
    ----------
    tensors
        Initialisers.
    folder
        Where files of external data must be: that of the model's own file.
    opset
        Version of ONNX's operators.
    """

    def __init__(self, tensors: Iterable[onnx.TensorProto], folder: Path, opset: int) -> None:
        self._tensors = {tensor.name: tensor for tensor in tensors}
        self._nodes: dict[str, onnx.NodeProto] = {}
        self._values: dict[str, Array] = {}
        self._folder = folder
        self._opset = opset
        self._read_bytes: dict[str, int] = {}

    def __contains__(self, name: str) -> bool:
        """Whether a name is that of a constant."""
        return name in self._tensors or name in self._nodes or name in self._values

    def add_node(self, node: onnx.NodeProto) -> None:
        """Take a node of which no input depends on samples."""
        self._nodes.update(dict.fromkeys(node.output, node))

    def set(self, name: str, value: Array) -> None:
        """Take a value that somebody else has computed."""
        self._values[name] = value

    def array(self, name: str) -> Array:
        """Return the numbers of a name.

        Raises
        ------
        ModelError, CheckpointError
            If they are no numbers, cannot be read, or an operator computes them that is not
            supported here.
        """
        missing = [name]
        while missing:  # No recursion: a file may hold a chain of any length.
            at = missing[-1]
            if at in self._values:
                missing.pop()
            elif at in self._tensors:
                self._values[at] = self._tensor(self._tensors[at], f"initializer {at}")
            else:
                node = self._nodes[at]
                needed = [one for one in node.input if one and one not in self._values]
                if not needed:
                    self._compute(node)
                missing += needed
        return self._values[name]

    def _compute(self, node: onnx.NodeProto) -> None:
        inputs = {name: self._values[name] for name in node.input if name}
        small = all(value.size <= _MOST_SIZES for value in inputs.values())
        known = node.op_type in _OF_ANY or (node.op_type in _OF_SIZES and small)
        if node.domain not in ("", "ai.onnx") or not known:
            raise ModelError(
                f"{place_of(node)} computes weights, which is not supported: let "
                "onnxruntime or onnxsim fold constants first, or compute them before the export"
            )
        for attribute in node.attribute:
            if attribute.name == "value":
                if attribute.t.data_location == onnx.TensorProto.EXTERNAL:
                    raise ModelError(
                        f"{place_of(node)} must hold its numbers itself: only those of "
                        "initializers may lie in another file"
                    )
                self._values[node.output[0]] = self._tensor(attribute.t, place_of(node))
                return
        try:
            evaluator: Any = ReferenceEvaluator(node, opsets={"": self._opset})
            found = evaluator.run(None, inputs)
        except Exception as error:  # The evaluator raises whatever odd numbers lead it to.
            raise ModelError(f"{place_of(node)} cannot be computed: {_line(error)}") from error
        for name, value in zip(node.output, found, strict=False):
            self._values[name] = np.asarray(value)

    def _tensor(self, tensor: onnx.TensorProto, where: str) -> Array:
        try:
            if tensor.data_location == onnx.TensorProto.EXTERNAL:
                self._load(tensor, where)
            return numpy_helper.to_array(tensor)
        except (CheckpointError, ModelError):
            raise
        except Exception as error:  # Of damaged tensors.
            raise ModelError(
                f"{where} must hold the numbers that its sizes {list(tensor.dims)} say: "
                f"{_line(error)}"
            ) from error

    def _load(self, tensor: onnx.TensorProto, where: str) -> None:
        """Read external data into a tensor."""
        fields = {entry.key: entry.value for entry in tensor.external_data}
        location = fields.get("location", "")
        plain = location not in ("", ".", "..") and not set(location) & set("/\\\0:")
        if not plain:
            raise CheckpointError(
                f"{where} must have its data in a file beside the model's, named without a "
                f"folder, not in {location!r}"
            )
        path = self._folder / location
        try:
            found = path.lstat()
        except OSError as error:
            raise CheckpointError(
                f"{where} has its data in {path}, which cannot be read: {error.strerror}"
            ) from error
        if not stat.S_ISREG(found.st_mode):
            raise CheckpointError(
                f"{where} has its data in {path}, which must be a file, not a link, a folder, a "
                "pipe or a device"
            )
        if tensor.data_type not in _NUMBERS:
            raise ModelError(
                f"{where} must be of real numbers, not of ONNX's type {type_name(tensor.data_type)}"
            )
        kind = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
        size = math.prod(tensor.dims) * kind.itemsize
        length = int(fields.get("length", size))
        read = self._read_bytes.get(location, 0) + length
        if length != size or read > found.st_size:
            raise CheckpointError(
                f"{where} must have {size} bytes of its own in {path} of {found.st_size} bytes, "
                f"but asks for {length} behind {read - length} of others"
            )
        self._read_bytes[location] = read
        external_data_helper.load_external_data_for_tensor(tensor, str(self._folder))


def _line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
