"""Files that take long to make, each made once: the cache is keyed by all that goes in."""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from .errors import SimError
from .toolchain import cache_dir

__all__ = ["cached"]


def cached(label: str, key: Sequence[str], build: Callable[[Path], Path],
           again: bool = False) -> Path:
    """Return the file that `build(folder)` makes, made once for each `key`.

    Safe with several processes: one builds, the others wait. A file is renamed into its place when
    it is complete, so a build that is stopped leaves nothing behind that could be taken for one.

    Parameters
    ----------
    label
        Begins the file's name.
    key
        All that decides what is in the file.
    build
        Makes it in a folder of its own, which is removed afterwards.
    again
        Make it even if it is there, in its place.

    Raises
    ------
    SimError
        If the cache is no folder that can be written.
    """
    digest = hashlib.sha256("\0".join(key).encode()).hexdigest()[:24]
    cache = cache_dir()
    target = cache / f"{label}-{digest}"
    if target.exists() and not again:
        return target
    try:
        cache.mkdir(parents=True, exist_ok=True)
        lock = target.with_suffix(".lock").open("w")
    except OSError as error:
        raise SimError(
            f"CLOSTORUS_CACHE must be a folder that can be written, not {cache}: {error.strerror}"
        ) from error
    with _locked(lock):
        if again or not target.exists():
            with tempfile.TemporaryDirectory(dir=cache, prefix="building-") as folder:
                os.replace(build(Path(folder)), target)
    return target


@contextmanager
def _locked(lock: TextIO) -> Iterator[None]:
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
