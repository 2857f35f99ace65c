"""Files that take long to make, each made once: the cache is keyed by all that goes in.

Beside each file is its digest. A file that has another one was damaged, by a disk or by whoever
wrote to it, and is made again.
"""

import fcntl
import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from golden.system.folders import work_folder

__all__ = ["is_whole", "made_once", "mark_whole"]

_BUILDING = "building-"


def made_once(
    cache: Path,
    label: str,
    key: Sequence[str],
    build: Callable[[Path], Path],
    again: bool = False,
) -> Path:
    """Return the file that `build(folder)` makes, made once for each `key`.

    Safe with several processes: one builds, the others wait. A file is renamed into its place when
    it is complete, so a build that is stopped leaves nothing behind that could be taken for one.

    Parameters
    ----------
    cache
        The folder of the files; it is made if it must be.
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
    OSError
        If the file must be made and the cache is no folder that can be written, or is full.
    """
    digest = hashlib.sha256("\0".join(key).encode()).hexdigest()[:24]
    target = cache / f"{label}-{digest}"
    if not again and is_whole(target):
        return target
    cache.mkdir(parents=True, exist_ok=True)
    with target.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if again or not is_whole(target):
            with work_folder(cache, _BUILDING) as folder:
                _keep(build(folder), target)
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
