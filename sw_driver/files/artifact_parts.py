"""The parts of an artifact as arrays and fields of its manifest: each written, read and checked.

What is checked here needs no compiler: that every part is of the right kind, within its range and
of the size that the others ask for, so that whoever uses it stumbles over nothing. Whether the
parts are those of the net is for `sw_driver.files.artifact` to say.
"""

from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray

from golden import ClosShape, QuantisedLayer, QuantisedNet
from hw.config import TorusConfig
from hw.op_fields import Fields, gateway_fields, pe_fields
from sw_driver.arrays import IntArray
from sw_driver.files.archive import ArchiveError
from sw_driver.plan.images import Images
from sw_driver.program.image import Op
from sw_driver.program.program import OP_KINDS, QUEUE_NAMES, Queues
from sw_driver.program.sample_loop import SampleLoop

__all__ = [
    "Members",
    "field_names",
    "loop_arrays",
    "net_arrays",
    "net_fields",
    "read_images",
    "read_loop",
    "read_net",
]

_NO_OPS = ("END", "LOOP", "JUMP", "PROGRAM")  # What packing adds, and the fetch unit carries out.
# The tensors of a layer, and their dimensions.
_TENSORS = {"input_weight": 2, "middle_weight": 3, "output_weight": 2, "bias": 1}


class Members:
    """The arrays of a file, each to be taken once.

    Parameters
    ----------
    path
        Of the file, which errors name.
    arrays
        By name.
    """

    def __init__(self, path: Path, arrays: dict[str, NDArray[Any]]) -> None:
        self._path = path
        self._arrays = dict(arrays)

    @property
    def count(self) -> int:
        """How many arrays are left."""
        return len(self._arrays)

    def fail(self, message: str) -> NoReturn:
        """Raise an error about the file."""
        raise ArchiveError(f"{self._path}: {message}")

    def integers(self, name: str, fields: dict[str, Any], count: int) -> tuple[int, ...]:
        """Return a field of the manifest that is a list of so many whole numbers."""
        value: list[Any] = fields[name]
        if len(value) != count or any(type(item) is not int for item in value):
            self.fail(f"{name} must be {count} whole numbers, not {value!r}")
        return tuple(value)

    def take(self, name: str, *shape: int | None) -> IntArray:
        """Return an array of this shape, None for any size."""
        if name not in self._arrays:
            self.fail(f"member {name}.npy is missing")
        array = self._arrays.pop(name)
        sizes = [
            found if size is None else size for size, found in zip(shape, array.shape, strict=False)
        ]
        if array.dtype != np.int64 or list(array.shape) != sizes or array.ndim != len(shape):
            wanted = ", ".join("any" if size is None else str(size) for size in shape)
            self.fail(
                f"member {name}.npy must be int64 of shape [{wanted}], "
                f"not {array.dtype} of shape {list(array.shape)}"
            )
        return array

    def refuse_rest(self) -> None:
        """Refuse arrays that nobody took."""
        for name in self._arrays:
            self.fail(f"member {name}.npy has no place in an artifact")


def net_fields(net: QuantisedNet) -> dict[str, Any]:
    """What the manifest says of a net."""
    return {
        "act_bits": net.act_bits,
        "weight_bits": net.weight_bits,
        "layers": [
            {
                "shape": list(layer.shape.as_tuple()),
                "relu": layer.relu,
                "activation_fraction_bits": list(layer.activation_fraction_bits),
                "weight_fraction_bits": list(layer.weight_fraction_bits),
                **finish_fields(layer),
            }
            for layer in net.layers
        ],
    }


def finish_fields(layer: QuantisedLayer) -> dict[str, Any]:
    """What a manifest or report says of a layer's leak and bounds, where it has them."""
    found: dict[str, Any] = {"leak_shift": layer.leak_shift} if layer.leak_shift else {}
    return found if layer.bounds is None else {**found, "bounds": list(layer.bounds)}


def net_arrays(net: QuantisedNet) -> dict[str, NDArray[Any]]:
    """The arrays of a net."""
    return {
        f"layer{index}.{name}": getattr(layer, name).numpy()
        for index, layer in enumerate(net.layers)
        for name in _TENSORS
    }


def read_net(members: Members, fields: dict[str, Any]) -> QuantisedNet:
    """Read a net from its arrays and `net_fields`; it checks itself."""
    layers: list[QuantisedLayer] = []
    for index, layer in enumerate(fields["layers"]):
        if not isinstance(layer["relu"], bool):
            members.fail(f"relu must be true or false, not {layer['relu']!r}")
        x, h1, h2, y = members.integers("activation_fraction_bits", layer, 4)
        w1, w2, w3 = members.integers("weight_fraction_bits", layer, 3)
        bounds = None
        if "bounds" in layer:
            low, high = members.integers("bounds", layer, 2)
            bounds = low, high
        tensors = {
            name: torch.as_tensor(members.take(f"layer{index}.{name}", *[None] * dimensions))
            for name, dimensions in _TENSORS.items()
        }
        layers.append(
            QuantisedLayer(
                shape=ClosShape(*members.integers("shape", layer, 5)),
                **tensors,
                relu=layer["relu"],
                activation_fraction_bits=(x, h1, h2, y),
                weight_fraction_bits=(w1, w2, w3),
                leak_shift=layer.get("leak_shift", 0),
                bounds=bounds,
            )
        )
    return QuantisedNet(tuple(layers), fields["act_bits"], fields["weight_bits"])


def read_images(members: Members, config: TorusConfig, net: QuantisedNet) -> Images:
    """Read the memory images and the maps of host words, which must fit the torus and the net.

    The contents of the images are taken as they are.
    """
    rows, cols = config.rows, config.cols
    images = Images(
        weights=members.take("image.weights", rows, cols, None),
        biases=members.take("image.biases", rows, cols, None),
        input_map=members.take("map.inputs", None, rows, None),
        output_map=members.take("map.outputs", rows, None),
    )
    for name, image, bits, field in (
        ("image.weights", images.weights, config.weight_bits, "weight_words"),
        ("image.biases", images.biases, config.bias_bits, "bias_words"),
    ):
        limit = 1 << (bits - 1)
        if image.size and not (-limit <= int(image.min()) and int(image.max()) < limit):
            members.fail(f"member {name}.npy must hold words of {bits} bits")
        words, most = image.shape[2], getattr(config, field)
        if words > most:
            members.fail(f"{field} must be at least {words} for member {name}.npy, not {most}")
    for name, found, count in (
        ("map.inputs", images.input_map, net.shapes[0].in_features),
        ("map.outputs", images.output_map, net.shapes[-1].out_features),
    ):
        used = found[found != -1]
        if not np.array_equal(np.unique(used), np.arange(count)):
            members.fail(
                f"member {name}.npy must be what the host words of this net are: each of 0 to "
                f"{count - 1}, and -1 for padding"
            )
    return images


def loop_arrays(loop: SampleLoop, config: TorusConfig) -> dict[str, NDArray[Any]]:
    """The queues of a run as arrays: ops as rows, fields as columns."""
    arrays: dict[str, NDArray[Any]] = {}
    for piece, queues in zip(_pieces(len(loop.flat)), (*loop.flat, loop.body), strict=True):
        for (name, fields), queue in zip(_layouts(config).items(), queues, strict=True):
            rows = [[op[field] for field in fields] for op in queue]
            arrays[f"loop.{piece}.{name}"] = np.array(rows, np.int64).reshape(
                len(rows), len(fields)
            )
    return arrays


def read_loop(members: Members, config: TorusConfig, fields: dict[str, Any]) -> SampleLoop:
    """Read the queues of a run, whose ops must be such as a program of this torus can hold."""
    names = field_names(config)
    if fields["fields"] != names:
        members.fail(f"loop.fields must be those of the ops, {names}, not {fields['fields']}")
    pieces: list[Queues] = []
    most = members.count  # Each flat run has members of its own.
    if type(fields["flat"]) is not int or not 1 <= fields["flat"] <= most:
        members.fail(f"flat must be a whole number from 1 to {most}, not {fields['flat']!r}")
    layouts = _layouts(config)
    for piece in _pieces(fields["flat"]):
        queues = (
            _read_queue(members, f"loop.{piece}.{queue}", queue, layout)
            for queue, layout in layouts.items()
        )
        pieces.append(tuple(queues))
    *flat, body = pieces
    cut = members.integers("cut", fields, len(QUEUE_NAMES))
    lengths = [len(queue) for queue in flat[-1]]
    if not all(0 <= index <= length for index, length in zip(cut, lengths, strict=True)):
        members.fail(f"cut must be places in queues of lengths {lengths}, not {list(cut)}")
    return SampleLoop(tuple(flat), body, cut)


def _read_queue(members: Members, member: str, queue: str, layout: Fields) -> list[Op]:
    table = members.take(member, None, len(layout))
    if not len(table):
        return []
    low, high = table.min(axis=0).tolist(), table.max(axis=0).tolist()
    for (name, bits), *values in zip(layout.items(), low, high, strict=True):
        for value in values:
            if not 0 <= value < 1 << bits:
                members.fail(
                    f"member {member}.npy: {name} must fit {bits} bits of an op, not {value}"
                )
    kinds = [kind.value for kind in OP_KINDS[queue] if kind.name not in _NO_OPS]
    at = list(layout).index("kind")
    unknown = set(table[:, at].tolist()) - set(kinds)
    if unknown:
        members.fail(
            f"member {member}.npy: kind must be one of {', '.join(map(str, kinds))}, "
            f"not {min(unknown)}"
        )
    return [dict(zip(layout, row, strict=True)) for row in table.tolist()]


def field_names(config: TorusConfig) -> dict[str, list[str]]:
    """The fields of the ops of each queue."""
    return {queue: list(fields) for queue, fields in _layouts(config).items()}


def _layouts(config: TorusConfig) -> dict[str, Fields]:
    """The fields of the ops of each queue, with their widths."""
    return dict(zip(QUEUE_NAMES, (*pe_fields(config), *gateway_fields(config)), strict=True))


def _pieces(flat: int) -> list[str]:
    """Names of the pieces of a `SampleLoop` with so many flat runs."""
    return [*(f"flat{number}" for number in range(1, flat + 1)), "body"]
