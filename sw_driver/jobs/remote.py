"""What a worker does with a chunk of jobs."""

import dataclasses
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sw_driver.jobs.versions import own_versions

__all__ = ["Answer", "do_chunk"]


@dataclasses.dataclass(frozen=True)
class Answer:
    """What came of a chunk.

    Parameters
    ----------
    rows
        Of its first jobs, in order: of all, if there is no error.
    seconds
        That these jobs took.
    error
        What the next job raised.
    versions
        The worker's, as `versions.own_versions` has them.
    """

    rows: tuple[Any, ...]
    seconds: float
    error: Exception | None
    versions: Mapping[str, str | None]


def do_chunk(function: Callable[[Any], Any], jobs: Sequence[Any]) -> Answer:
    """Do jobs one after the other, on one thread, until one of them raises."""
    if "torch" in sys.modules:  # It came with the function; else nothing uses its threads.
        sys.modules["torch"].set_num_threads(1)
    rows: list[Any] = []
    begun_s = time.perf_counter()
    error = None
    for job in jobs:
        try:
            rows.append(function(job))
        except Exception as raised:
            error = raised
            break
    return Answer(tuple(rows), time.perf_counter() - begun_s, error, own_versions())
