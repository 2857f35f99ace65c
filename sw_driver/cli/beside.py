"""The vector engine beside Verilator, in the demonstrations: the same words, and its time."""

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.system.progress import Progress
from sim.device.device import SimDevice
from sim.errors import VectorRefused
from sim.vector.processor import has_avx2
from sw_driver.arrays import IntArray
from sw_driver.system.console import Output

__all__ = ["Timed", "run_beside", "timed_inference"]

_AVX2_MISSING = "the processor has no AVX2"


@dataclasses.dataclass(frozen=True, eq=False)
class Timed:
    """What an engine computed.

    Parameters
    ----------
    results
        Names and values of what another engine must compute, too.
    seconds
        Of the processor, the work of the host included.
    """

    results: Mapping[str, NDArray[Any]]
    seconds: float


def timed_inference(device: SimDevice, words: IntArray) -> Timed:
    """Run input words [N, I] on a loaded device, which has finished what it did before."""
    device.infer_words(words[:1])
    start = time.process_time()
    outputs = device.infer_words(words)
    seconds = time.process_time() - start
    cycles = 0 if device.last_run is None else device.last_run.cycles
    return Timed({"output words": outputs, "cycles of the run": np.asarray([cycles])}, seconds)


def run_beside(
    what: str,
    verilator: Timed,
    run: Callable[[SimDevice], Timed],
    output: Output,
    tell: Progress,
) -> str | None:
    """Let the vector engine compute what Verilator has computed, and print the times of both.

    Where the engine cannot run, or would gain nothing, a line says so.

    Parameters
    ----------
    what
        Names the work in that line.
    verilator
        What Verilator computed.
    run
        Loads a device of the vector engine, and computes the same.
    output, tell
        Where the line goes, and who is told of the work.

    Returns
    -------
    str or None
        What differs.
    """
    if not has_avx2():
        output.text(f"vector engine, {what}: not run, since {_AVX2_MISSING}")
        return None
    try:
        with SimDevice(progress=tell, engine="vector") as device:
            vector = run(device)
    except VectorRefused as error:
        output.text(f"vector engine, {what}: not run, since {error}")
        return None
    differing = [name for name, found in verilator.results.items()
                 if not np.array_equal(found, vector.results[name])]
    if differing:
        return f"vector engine, {what}: differs from Verilator in {', '.join(differing)}"
    output.text(
        f"vector engine, {what}: {' and '.join(verilator.results)} equal Verilator's; "
        f"{vector.seconds:.2f} s of the processor, Verilator {verilator.seconds:.2f} s")
    return None
