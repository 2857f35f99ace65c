"""Folders to work in, which nothing is left of; and disks that are full."""

import contextlib
import errno
import fcntl
import os
import tempfile
from collections.abc import Generator
from pathlib import Path

from golden.system.folders import removed, work_folder
from golden.system.stopping import held
from sw_driver.errors import StorageError

__all__ = ["locked", "no_space", "temporary_folder", "work_folder"]

# What programs say, in English, when what they write to is full; WASI has a word of its own.
_FULL = [*map(os.strerror, (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)),
         "Quota exceeded"]  # fmt: skip
_LEAST_ROOM_BYTES = 1 << 18


@contextlib.contextmanager
def temporary_folder() -> Generator[Path]:
    """Make a folder where the system has those; it is removed in the end.

    Raises
    ------
    StorageError
        It, or something in it, cannot be written.
    """
    where = "the folder of temporary files"
    try:
        where = f"{where}, {tempfile.gettempdir()},"
        with contextlib.ExitStack() as stack:
            with held():
                folder = Path(tempfile.mkdtemp())
                stack.enter_context(removed(folder))
            yield folder
    except OSError as error:
        raise StorageError(
            f"{where} cannot be written: {error.strerror or error}; free some space there, or name "
            "another one by TMPDIR"
        ) from error


def no_space(folder: Path, output: str = "") -> StorageError | None:
    """What to raise if the disk of a folder, in which a program has run, is full; else None.

    Some programs say so. Others, such as Yosys, write a part of a file, say nothing and end well:
    then only the room that is left tells, as long as the file is there.
    """
    reason = next((reason for reason in _FULL if reason in output), None)
    if reason is None:
        disk = os.statvfs(folder)
        if disk.f_bavail * disk.f_frsize >= _LEAST_ROOM_BYTES:
            return None
        reason = os.strerror(errno.ENOSPC)
    # The folder itself will be gone when this is read.
    return StorageError(f"{folder.parent} cannot be written: {reason}; free some space there")


@contextlib.contextmanager
def locked(folder: Path) -> Generator[None]:
    """Hold off all others that lock this folder."""
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
