"""Folders to work in, which nothing is left of, even of those whose user was killed."""

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

from golden.system.stopping import cleared, held

__all__ = ["removed", "work_folder"]


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
            stack.enter_context(removed(folder))
        yield folder


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


def removed(folder: Path) -> contextlib.AbstractContextManager[None]:
    """Remove a folder in the end."""
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
