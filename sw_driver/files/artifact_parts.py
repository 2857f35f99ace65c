"""The parts of an artifact as arrays and fields of its manifest: each written, read and checked.

What is checked here needs no compiler: that every part is of the right kind, within its range and
of the size that the others ask for, so that whoever uses it stumbles over nothing. Whether the
parts are those of the net is for `sw_driver.files.artifact` to say.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden import QuantisedNet
from golden.data.preparation import Preparation
from hw.config import TorusConfig
from hw.op_fields import Fields, gateway_fields, pe_fields
from sw_driver.files.members import Members
from sw_driver.plan.images import Images
from sw_driver.plan.order import ExtraTurns, no_extra_turns
from sw_driver.program.image import Op
from sw_driver.program.program import OP_KINDS, QUEUE_NAMES, Queues
from sw_driver.program.sample_loop import SampleLoop, SampleLoops

__all__ = [
    "field_names",
    "loop_arrays",
    "loop_fields",
    "read_extra_turns",
    "read_images",
    "read_loops",
    "read_origin",
]

_NO_OPS = ("END", "LOOP", "JUMP", "PROGRAM")  # What packing adds, and the fetch unit carries out.


def read_images(members: Members, config: TorusConfig, net: QuantisedNet) -> Images:
    """Read the memory images and the maps of host words, which must fit the torus and the net.

    The contents of the images are taken as they are.
    """
    rows, cols = config.rows, config.cols
    images = Images(
        weights=members.take("image.weights", rows, cols, None),
        biases=members.take("image.biases", rows, cols, None),
        input_map=members.take("map.inputs", None, None, None),
        output_map=members.take("map.outputs", rows, None),
    )
    dealt_to = images.input_map.shape[1]
    if dealt_to not in (1, rows):
        members.fail(f"member map.inputs.npy must be of {rows} rows, or of 1, not of {dealt_to}")
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


def loop_arrays(loops: SampleLoops, config: TorusConfig) -> dict[str, NDArray[Any]]:
    """The queues of runs as arrays: ops as rows, fields as columns."""
    arrays: dict[str, NDArray[Any]] = {}
    for number, loop in enumerate(loops.loops):
        pieces = _pieces(number, len(loop.flat))
        for piece, queues in zip(pieces, (*loop.flat, loop.body), strict=True):
            for (name, fields), queue in zip(_layouts(config).items(), queues, strict=True):
                rows = [[op[field] for field in fields] for op in queue]
                arrays[f"{piece}.{name}"] = np.array(rows, np.int64).reshape(
                    len(rows), len(fields)
                )
    return arrays


def loop_fields(loop: SampleLoop, config: TorusConfig) -> dict[str, Any]:
    """What the manifest says of a loop."""
    return {"flat": len(loop.flat), "cut": list(loop.cut), "fields": field_names(config)}


def read_extra_turns(members: Members, manifest: dict[str, Any], stages: int) -> ExtraTurns:
    """Read the extra turns of a pipeline; a manifest that is silent has none."""
    if "extra_turns" not in manifest:
        return no_extra_turns(stages)
    extra = members.integers("extra_turns", manifest, len(manifest["extra_turns"]))
    if not extra or extra[0] or set(extra) != {0, 1}:
        members.fail(
            "extra_turns must be 0 for the first stage and 0 or 1 for the others, at least one of "
            f"them 1, not {list(extra)}"
        )
    return extra


def read_loops(members: Members, config: TorusConfig, manifest: dict[str, Any]) -> SampleLoops:
    """Read the queues of runs, whose ops must be such as a program of this torus can hold."""
    first: dict[str, Any] = manifest["loop"]
    more: list[dict[str, Any]] = manifest["more_loops"] if "extra_turns" in manifest else []
    if not isinstance(more, list) or len(more) > 1:  # pyright: ignore[reportUnnecessaryIsInstance]
        members.fail(f"more_loops must be a list of at most one loop, not {more!r}")
    found = (
        _read_loop(members, config, number, fields) for number, fields in enumerate([first, *more])
    )
    return SampleLoops(tuple(found))


def _read_loop(
    members: Members, config: TorusConfig, number: int, fields: dict[str, Any]
) -> SampleLoop:
    names = field_names(config)
    if fields["fields"] != names:
        members.fail(f"loop.fields must be those of the ops, {names}, not {fields['fields']}")
    pieces: list[Queues] = []
    most = members.count  # Each flat run has members of its own.
    if type(fields["flat"]) is not int or not 1 <= fields["flat"] <= most:
        members.fail(f"flat must be a whole number from 1 to {most}, not {fields['flat']!r}")
    layouts = _layouts(config)
    for piece in _pieces(number, fields["flat"]):
        queues = (
            _read_queue(members, f"{piece}.{queue}", queue, layout)
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


def _pieces(number: int, flat: int) -> list[str]:
    """Names of the pieces of the `SampleLoop` of this number, with so many flat runs."""
    loop = f"loop{number + 1}" if number else "loop"
    return [*(f"{loop}.flat{run}" for run in range(1, flat + 1)), f"{loop}.body"]


def read_origin(
    members: Members, manifest: dict[str, Any], net: QuantisedNet
) -> dict[str, Any]:
    """Read the fields `data` and `preparation` of an artifact: both are None where it is silent.

    Raises
    ------
    ArchiveError, DataError
        If it is something else, or of a net of other sizes.
    """
    data, held = manifest.get("data"), manifest.get("preparation")
    if data is not None and not isinstance(data, str):
        members.fail(f"data must be a name or null, not {data!r}")
    if held is None:
        return {"data": data, "preparation": None}
    preparation = Preparation.from_dict(held)
    preparation.check_sizes(net.shapes[0].in_features, net.shapes[-1].out_features)
    return {"data": data, "preparation": preparation}
