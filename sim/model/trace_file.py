"""Files of waveforms: can they be written, and are they whole?"""

import errno
import os
from pathlib import Path

from sw_driver.errors import StorageError
from sw_driver.system.scratch import no_space

from .build import Waveforms

__all__ = ["begin_trace", "check_trace", "raise_trace_error"]

# A block of an FST file: its type, and its length of 8 bytes without the type.
_TYPE_BYTES, _LENGTH_BYTES = 1, 8
_HEADER_BLOCK = 0


def begin_trace(path: Path) -> None:
    """Make an empty file.

    Raises
    ------
    StorageError
        That is not possible.
    """
    try:
        path.open("wb").close()
    except OSError as error:
        raise StorageError(f"trace {path} cannot be written: {error.strerror or error}") from error


def raise_trace_error(path: Path, error: int) -> None:
    """Raise the error of this number, by which a trace could not be written; 0 is none.

    Raises
    ------
    StorageError
        There is one.
    """
    if error:
        raise StorageError(f"trace {path} cannot be written: {os.strerror(error)}")


def check_trace(path: Path, error: int) -> None:
    """Refuse a trace that is closed and not whole, where the writer has not told.

    Raises
    ------
    StorageError
        There was an error of this number, or a part of an FST file is missing.
    """
    if Waveforms.of(path) is Waveforms.VCD:
        raise_trace_error(path, error)
    elif error or not _is_whole(path):  # The writer does not tell which error.
        if no_space(path) is not None:
            raise_trace_error(path, errno.ENOSPC)
        raise StorageError(f"trace {path} cannot be written: a part of it is missing")


def _is_whole(path: Path) -> bool:
    """Whether an FST file is a header and other blocks, to its end."""
    size, at, first = path.stat().st_size, 0, None
    with path.open("rb") as file:
        while at < size:
            file.seek(at)
            head = file.read(_TYPE_BYTES + _LENGTH_BYTES)
            first = head[0] if first is None else first
            at += _TYPE_BYTES + max(int.from_bytes(head[_TYPE_BYTES:], "big"), _LENGTH_BYTES)
    return at == size and first == _HEADER_BLOCK and size > _TYPE_BYTES + _LENGTH_BYTES
