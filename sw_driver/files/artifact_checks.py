"""What an artifact holds, against what the compiler makes of its net."""

import numpy as np

from sw_driver.errors import DriverError
from sw_driver.plan.images import Images
from sw_driver.program.program import QUEUE_NAMES
from sw_driver.program.sample_loop import SampleLoop

__all__ = ["check_images", "ops_difference"]


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


def ops_difference(found: SampleLoop, wanted: SampleLoop) -> str | None:
    """Say where the ops of a run are not those that are wanted; None if nowhere."""
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
