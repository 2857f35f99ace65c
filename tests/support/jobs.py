"""Jobs for tests of what does many of them: they sleep, compute, or end their process."""

import dataclasses
import os
import signal
import time
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Job:
    number: int
    seconds: float = 0.0
    folder: str = ""
    deaths: int = 0

    def __str__(self):
        return f"job {self.number}"


@dataclasses.dataclass(frozen=True)
class Row:
    square: int
    worker: int


def square(job):
    """Sleep and square; a job with `deaths` ends its worker first, so many times."""
    time.sleep(job.seconds)
    if job.folder:
        tries = Path(job.folder, str(job.number))
        with tries.open("a") as file:
            file.write("x")
        if tries.stat().st_size <= job.deaths:
            os.kill(os.getpid(), signal.SIGKILL)
    return Row(job.number**2, os.getpid())


def fail(job):
    raise ValueError(f"number must not be {job.number}")


def threads(job):
    import torch

    return Row(torch.get_num_threads(), os.getpid())
