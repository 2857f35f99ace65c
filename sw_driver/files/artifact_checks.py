"""What an artifact holds, against what the compiler makes of its net."""

from pathlib import Path
from typing import Any

import numpy as np

from sw_driver.errors import DriverError
from sw_driver.files.archive import ArchiveError
from sw_driver.plan.images import Images
from sw_driver.program.program import QUEUE_NAMES
from sw_driver.program.sample_loop import SampleLoop, SampleLoops

__all__ = [
    "FORMAT",
    "VERSION",
    "WITHOUT_EXTRA_TURNS",
    "check_images",
    "check_version",
    "ops_difference",
]

FORMAT = "clostorus artifact"
VERSION = 5
"""Of the format. Any change to what a file holds, or to where blocks lie, is another version."""

_READ_VERSIONS = (1, 2, 3, 4, VERSION)
WITHOUT_EXTRA_TURNS = 4
"""The version of files without extra turns, which earlier programs read."""
# Files of version 1 name no data, and those before version 4 say nothing of how samples become
# inputs. Those of 1 and 2 have no digest, and are compiled again to check.
_WITHOUT_DIGEST = (1, 2)


def check_version(path: Path, manifest: dict[str, Any]) -> None:
    """Refuse a manifest that is not that of an artifact of a version that this program reads.

    Raises
    ------
    ArchiveError
        The message names the file.
    """
    if manifest.get("format") != FORMAT:
        raise ArchiveError(f"{path}: format must be {FORMAT!r}, not {manifest.get('format')!r}")
    version = manifest.get("version")
    if version not in _READ_VERSIONS:
        raise ArchiveError(
            f"{path}: version must be {', '.join(map(str, _READ_VERSIONS[:-1]))} or {VERSION}, "
            f"those that this program reads, not {version!r}; compile the model again"
        )
    if "digest" not in manifest and version not in _WITHOUT_DIGEST:
        raise ArchiveError(
            f"{path}: its digest is missing, which files of version {version} have; copy the file "
            "again, or compile the model again"
        )


def check_images(found_images: Images, wanted_images: Images) -> None:
    """Refuse images of other sizes than those of a net, or other meanings of host words.

    What the memories hold may differ: see `Images.difference`.

    Raises
    ------
    DriverError
        The message names the member.
    """
    for name, found, wanted in (
        ("image.weights", found_images.weights, wanted_images.weights),
        ("image.biases", found_images.biases, wanted_images.biases),
        ("map.inputs", found_images.input_map, wanted_images.input_map),
        ("map.outputs", found_images.output_map, wanted_images.output_map),
    ):
        if found.shape != wanted.shape:
            raise DriverError(
                f"member {name}.npy must be int64 of shape {list(wanted.shape)}, "
                f"not {found.dtype} of shape {list(found.shape)}"
            )
        if name.startswith("map") and not np.array_equal(found, wanted):
            raise DriverError(f"member {name}.npy must be what the host words of this net are")


def ops_difference(found: SampleLoops, wanted: SampleLoops) -> str | None:
    """Say where the ops of runs are not those that are wanted; None if nowhere."""
    if found.period != wanted.period:
        return f"runs of {wanted.period} loops expected, got {found.period}"
    pairs = zip(found.loops, wanted.loops, strict=True)
    differences = (_loop_difference(one, other) for one, other in pairs)
    return next((difference for difference in differences if difference is not None), None)


def _loop_difference(found: SampleLoop, wanted: SampleLoop) -> str | None:
    if len(found.flat) != len(wanted.flat) or found.cut != wanted.cut:
        return (
            f"runs repeat from sample {len(wanted.flat)} and ops {list(wanted.cut)} on expected, "
            f"got {len(found.flat)} and {list(found.cut)}"
        )
    pieces = zip((*found.flat, found.body), (*wanted.flat, wanted.body), strict=True)
    for number, (queues, expected) in enumerate(pieces, 1):
        for name, queue, other in zip(QUEUE_NAMES, queues, expected, strict=True):
            if queue != other:
                ops = enumerate(zip(queue, other, strict=False))
                op = next((at for at, (a, b) in ops if a != b), min(len(queue), len(other)))
                last = number > len(found.flat)
                what = "a further sample" if last else f"the run of length {number}"
                return f"queue {name} of {what}, first at op {op}"
    return None
