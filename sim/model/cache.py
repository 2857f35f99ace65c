"""Files that take long to make, each made once: the cache is keyed by all that goes in.

Beside each file is its digest. A file that has another one was damaged, by a disk or by whoever
wrote to it, and is made again.
"""

import fcntl
import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from sw_driver.errors import StorageError
from sw_driver.system.scratch import work_folder

from ..toolchain import cache_dir

__all__ = ["cached", "is_whole", "mark_whole"]

_BUILDING = "building-"


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
    StorageError
        If the file must be made and the cache is no folder that can be written, or is full.
    """
    digest = hashlib.sha256("\0".join(key).encode()).hexdigest()[:24]
    cache = cache_dir()
    target = cache / f"{label}-{digest}"
    if not again and is_whole(target):
        return target
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with target.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if again or not is_whole(target):
                with work_folder(cache, _BUILDING) as folder:
                    _keep(build(folder), target)
    except OSError as error:
        raise StorageError(
            f"CLOSTORUS_CACHE must be a folder that can be written, with room for what is built, "
            f"not {cache}: {error.strerror or error}") from error
    return target


def mark_whole(path: Path) -> None:
    """Write the digest of a file beside it."""
    _digest_path(path).write_text(_digest(path) + "\n")


def is_whole(path: Path) -> bool:
    """Whether a file is as it was when it was marked."""
    try:
        return _digest(path) == _digest_path(path).read_text().strip()
    except (OSError, UnicodeDecodeError):
        return False


def _keep(made: Path, target: Path) -> None:
    mark_whole(made)
    digest = _digest_path(made)
    # Whoever looks between these two lines waits for the lock, and looks again.
    os.replace(made, target)
    os.replace(digest, _digest_path(target))


def _digest_path(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
