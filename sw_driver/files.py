"""Output files that are either whole or not there."""

import contextlib
import io
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sw_driver.errors import DriverError

__all__ = ["check_target", "make_folder", "replacing", "write_array", "write_bytes", "write_text"]


def check_target(path: Path) -> None:
    """Refuse a place where no file can be written, before the work that makes its contents.

    Makes an empty file beside `path`, and removes it.

    Raises
    ------
    DriverError
        If the folder of `path` is missing or takes no file of this name, or `path` is a folder.
    """
    try:
        if not path.parent.is_dir():
            raise DriverError(f"{path} cannot be written: there is no folder {path.parent}")
        if path.is_dir():
            raise DriverError(f"{path} cannot be written: it is a folder")
        part = _part(path)
        part.touch()
        part.unlink()
    except OSError as error:
        raise _not_written(path, error) from error


def make_folder(path: Path) -> None:
    """Make a folder and those above it, where they are missing.

    Raises
    ------
    DriverError
        If that is not possible.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DriverError(f"{path} must be a folder: {error.strerror}") from error


@contextlib.contextmanager
def replacing(path: Path) -> Generator[Path]:
    """Give the name of a file beside `path` to write to; it becomes `path` when the block ends.

    If the block raises, `path` is left as it was.

    Raises
    ------
    DriverError
        As `check_target`, or if the file cannot be written.
    """
    check_target(path)
    part = _part(path)
    try:
        yield part
        os.replace(part, path)
    except OSError as error:
        raise _not_written(path, error) from error
    finally:
        part.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a whole file, or raise `DriverError` and leave `path` as it was."""
    with replacing(path) as part:
        part.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write a whole UTF-8 file with the line ends that it has; errors as for `write_bytes`."""
    write_bytes(path, text.encode())


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write a whole `.npy` file; errors as for `write_bytes`."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    write_bytes(path, file.getvalue())


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def _not_written(path: Path, error: OSError) -> DriverError:
    return DriverError(f"{path} cannot be written: {error.strerror or error}")
