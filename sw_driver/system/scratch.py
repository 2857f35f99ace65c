"""Folders to work in, which nothing is left of; and disks that are full."""

import contextlib
import errno
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

from golden.system.stopping import cleared, held
from sw_driver.errors import StorageError

__all__ = ["locked", "no_space", "temporary_folder", "work_folder"]

# What programs say, in English, when what they write to is full; WASI has a word of its own.
_FULL = [*map(os.strerror, (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)),
         "Quota exceeded"]  # fmt: skip
_LEAST_ROOM_BYTES = 1 << 18


@contextlib.contextmanager
def work_folder(parent: Path, prefix: str, suffix: str = "") -> Generator[Path]:
    """Make a folder in `parent` with a name of its own between prefix and suffix.

    It is removed in the end, unless it has got another name. Such folders that nobody uses any
    more, because their user was killed, are removed first: each is locked as long as it is used.

    Raises
    ------
    OSError
        It cannot be made.
    """
    # As `tempfile.mkdtemp` names them.
    named = re.compile(f"{re.escape(prefix)}[a-z0-9_]{{8}}{re.escape(suffix)}")
    for left in parent.iterdir():
        if named.fullmatch(left.name):
            _remove_unused(left)
    with contextlib.ExitStack() as stack:
        with held():
            folder, lock = _locked_folder(parent, prefix, suffix)
            stack.callback(os.close, lock)
            stack.enter_context(_removed(folder))
        yield folder


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
                stack.enter_context(_removed(folder))
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


def _locked_folder(parent: Path, prefix: str, suffix: str) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(suffix, prefix, parent))
        # Whoever sees it before it is locked may take it for one that is not used.
        with contextlib.suppress(FileNotFoundError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                return folder, lock
            os.close(lock)


def _removed(folder: Path) -> contextlib.AbstractContextManager[None]:
    return cleared(lambda: shutil.rmtree(folder, ignore_errors=True))


def _remove_unused(folder: Path) -> None:
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return  # It is in use.
    else:
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)
