"""model.ctz: a compiled net in one file, the same bytes for the same net.

The file is an archive (`sw_driver.files.archive`). It holds the quantised net by itself
("layer..."), and apart from that what the torus runs: memory images ("image..."), what host words
mean ("map...") and the queues of ops of a run ("loop..."). The contents of the images are taken as
they are, so that a device that runs them can be held against one that computes the net.

Where the blocks of the net lie follows from the layers' shapes and the size of the torus and is not
stored. What is stored is checked against it.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray

from golden import ClosShape, GoldenError, QuantisedLayer, QuantisedNet
from hw.config import ConfigError, TorusConfig
from hw.op_fields import GATEWAY_QUEUES, PE_QUEUES, gateway_fields, pe_fields
from sw_driver.arrays import IntArray
from sw_driver.check.runs import check_runs
from sw_driver.compiler import Compiled, place_net
from sw_driver.errors import DriverError
from sw_driver.files.archive import ArchiveError, read_archive, write_archive
from sw_driver.plan.fit import check_fit
from sw_driver.plan.images import Images
from sw_driver.program.executable import Executable
from sw_driver.program.image import Op
from sw_driver.program.program import Queues
from sw_driver.program.sample_loop import SampleLoop

__all__ = ["VERSION", "Artifact", "load_artifact", "save_artifact"]

FORMAT = "clostorus artifact"
VERSION = 2
"""Of the format. Any change to what a file holds, or to where blocks lie, is another version."""

_READ_VERSIONS = (1, VERSION)  # Files of version 1 name no data.

_QUEUES = (*PE_QUEUES, *GATEWAY_QUEUES)
# The tensors of a layer, and their dimensions.
_TENSORS = {"input_weight": 2, "middle_weight": 3, "output_weight": 2, "bias": 1}


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Artifact(Compiled):
    """A compiled net that was read from a file.

    Parameters
    ----------
    baked
        Whether the torus holds the weights and biases when it is configured, so that they are not
        loaded.
    image_difference
        How the memory images differ from those that the compiler makes of the net, padding
        included; None if they do not.
    data
        Name of the data that set the scales of its words, where it is known.
    """

    baked: bool = False
    image_difference: str | None = None
    data: str | None = None


def save_artifact(
    path: Path | str, compiled: Compiled, *, baked: bool = False, data: str | None = None
) -> None:
    """Write a compiled net to `path`, which is replaced only when all is written.

    Parameters
    ----------
    path
        Of the file, by custom ending in `.ctz`.
    compiled
        The net.
    baked, data
        See `Artifact`.

    Raises
    ------
    DriverError
        If an argument is something else, or the file cannot be written.
    """
    if isinstance(path, Compiled):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DriverError(
            "path must come first, and the net after it: save_artifact(path, compiled)"
        )
    if not isinstance(compiled, Compiled):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DriverError(
            f"compiled must be what compile() or load_artifact() returns, not a "
            f"{type(compiled).__name__}"
        )
    net, executable = compiled.net, compiled.executable
    config, images, loop = executable.config, executable.images, executable.loop
    fields = _op_fields(config)
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "baked": baked,
        "data": data,
        "config": dataclasses.asdict(config),
        "hardware_id": _id_text(config),
        "net": {
            "act_bits": net.act_bits,
            "weight_bits": net.weight_bits,
            "layers": [
                {
                    "shape": list(layer.shape.as_tuple()),
                    "relu": layer.relu,
                    "activation_fraction_bits": list(layer.activation_fraction_bits),
                    "weight_fraction_bits": list(layer.weight_fraction_bits),
                }
                for layer in net.layers
            ],
        },
        "order": list(compiled.order),
        "loop": {"flat": len(loop.flat), "cut": list(loop.cut), "fields": fields},
    }
    arrays: dict[str, NDArray[Any]] = {
        "image.weights": images.weights,
        "image.biases": images.biases,
        "map.inputs": images.input_map,
        "map.outputs": images.output_map,
    }
    for index, layer in enumerate(net.layers):
        arrays |= {f"layer{index}.{name}": getattr(layer, name).numpy() for name in _TENSORS}
    for piece, queues in zip(_pieces(len(loop.flat)), (*loop.flat, loop.body), strict=True):
        for name, queue in zip(_QUEUES, queues, strict=True):
            arrays[f"loop.{piece}.{name}"] = _op_table(queue, fields[name])
    write_archive(Path(path), manifest, arrays)


def load_artifact(path: Path | str) -> Artifact:
    """Read what `save_artifact` wrote.

    Raises
    ------
    DriverError
        If the file is missing, truncated, altered, of another version or no artifact, if its
        configuration has another id than it says, or if its parts do not fit together; the message
        names the file and the member or field.
    """
    path = Path(path)
    manifest, arrays = read_archive(path)
    if manifest.get("format") != FORMAT:
        raise ArchiveError(f"{path}: format must be {FORMAT!r}, not {manifest.get('format')!r}")
    if manifest.get("version") not in _READ_VERSIONS:
        raise ArchiveError(
            f"{path}: version must be {' or '.join(map(str, _READ_VERSIONS))}, those that this "
            f"program reads, not {manifest.get('version')!r}; compile the model again"
        )
    members = _Members(path, arrays)
    try:
        artifact = _assemble(members, manifest)
    except ArchiveError:
        raise
    except (KeyError, TypeError, AttributeError) as error:
        raise ArchiveError(f"{path}: the manifest is not that of an artifact: {error!r}") from error
    except (ConfigError, DriverError, GoldenError) as error:
        raise ArchiveError(f"{path}: {error}") from error
    members.refuse_rest()
    return artifact


def _assemble(members: "_Members", manifest: dict[str, Any]) -> Artifact:
    """Put an artifact together, and check every part against the others."""
    config = TorusConfig.from_dict(manifest["config"])  # pyright: ignore[reportUnknownMemberType]
    if manifest["hardware_id"] != _id_text(config):
        members.fail(
            f"hardware_id must be {_id_text(config)}, that of its configuration, "
            f"not {manifest['hardware_id']!r}"
        )
    net = _read_net(members, manifest["net"])
    layers, plan, expected, needs = place_net(net, config.rows, config.cols)
    stages = len(plan.stages)
    order = members.integers("order", manifest, stages)
    if sorted(order) != list(range(stages)):
        members.fail(f"order must hold each of 0 to {stages - 1} once, not {list(order)}")
    images = _read_images(members, config, expected)
    check_fit(config, needs)
    loop = _read_loop(members, config, manifest["loop"])
    check_runs(config, loop)
    if not isinstance(manifest["baked"], bool):
        members.fail(f"baked must be true or false, not {manifest['baked']!r}")
    data = manifest.get("data")
    if data is not None and not isinstance(data, str):
        members.fail(f"data must be a name or null, not {data!r}")
    return Artifact(
        net=net,
        executable=Executable.of_images(config, images, loop),
        layers=layers,
        plan=dataclasses.replace(plan, order=order),
        baked=manifest["baked"],
        image_difference=images.difference(expected),
        data=data,
    )


class _Members:
    """The arrays of a file, each to be taken once."""

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


def _read_net(members: _Members, fields: dict[str, Any]) -> QuantisedNet:
    layers: list[QuantisedLayer] = []
    for index, layer in enumerate(fields["layers"]):
        if not isinstance(layer["relu"], bool):
            members.fail(f"relu must be true or false, not {layer['relu']!r}")
        x, h1, h2, y = members.integers("activation_fraction_bits", layer, 4)
        w1, w2, w3 = members.integers("weight_fraction_bits", layer, 3)
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
            )
        )
    return QuantisedNet(tuple(layers), fields["act_bits"], fields["weight_bits"])


def _read_images(members: _Members, config: TorusConfig, expected: Images) -> Images:
    """Read the images; of what is expected, sizes and the meaning of host words must agree."""
    images = Images(
        weights=members.take("image.weights", *expected.weights.shape),
        biases=members.take("image.biases", *expected.biases.shape),
        input_map=members.take("map.inputs", *expected.input_map.shape),
        output_map=members.take("map.outputs", *expected.output_map.shape),
    )
    for name, image, bits in (
        ("image.weights", images.weights, config.weight_bits),
        ("image.biases", images.biases, config.bias_bits),
    ):
        limit = 1 << (bits - 1)
        if image.size and not (-limit <= int(image.min()) and int(image.max()) < limit):
            members.fail(f"member {name}.npy must hold words of {bits} bits")
    for name, found, wanted in (
        ("map.inputs", images.input_map, expected.input_map),
        ("map.outputs", images.output_map, expected.output_map),
    ):
        if not np.array_equal(found, wanted):
            members.fail(f"member {name}.npy must be what the host words of this net are")
    return images


def _read_loop(members: _Members, config: TorusConfig, fields: dict[str, Any]) -> SampleLoop:
    names = _op_fields(config)
    if fields["fields"] != names:
        members.fail(f"loop.fields must be those of the ops, {names}, not {fields['fields']}")
    pieces: list[Queues] = []
    most = members.count  # Each flat run has members of its own.
    if type(fields["flat"]) is not int or not 1 <= fields["flat"] <= most:
        members.fail(f"flat must be a whole number from 1 to {most}, not {fields['flat']!r}")
    for piece in _pieces(fields["flat"]):
        queues: list[list[Op]] = []
        for queue in _QUEUES:
            table = members.take(f"loop.{piece}.{queue}", None, len(names[queue]))
            queues.append([dict(zip(names[queue], row, strict=True)) for row in table.tolist()])
        pieces.append(tuple(queues))
    *flat, body = pieces
    cut = members.integers("cut", fields, len(_QUEUES))
    lengths = [len(queue) for queue in flat[-1]]
    if not all(0 <= index <= length for index, length in zip(cut, lengths, strict=True)):
        members.fail(f"cut must be places in queues of lengths {lengths}, not {list(cut)}")
    return SampleLoop(tuple(flat), body, cut)


def _id_text(config: TorusConfig) -> str:
    return f"{config.hardware_id:016x}"


def _op_fields(config: TorusConfig) -> dict[str, list[str]]:
    """The fields of the ops of each queue."""
    layouts = (*pe_fields(config), *gateway_fields(config))
    return {queue: list(fields) for queue, fields in zip(_QUEUES, layouts, strict=True)}


def _pieces(flat: int) -> list[str]:
    """Names of the pieces of a `SampleLoop` with so many flat runs."""
    return [*(f"flat{number}" for number in range(1, flat + 1)), "body"]


def _op_table(queue: Sequence[Op], fields: Sequence[str]) -> IntArray:
    """Ops as rows, fields as columns."""
    rows = [[op[name] for name in fields] for op in queue]
    return np.array(rows, np.int64).reshape(len(rows), len(fields))
