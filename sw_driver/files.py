"""Output files that are either whole or not there."""

import contextlib
import os
from collections.abc import Generator
from pathlib import Path

from sw_driver.errors import DriverError

__all__ = ["replacing", "write_bytes", "write_text"]


@contextlib.contextmanager
def replacing(path: Path) -> Generator[Path]:
    """Give the name of a file beside `path` to write to; it becomes `path` when the block ends.

    If the block raises, `path` is left as it was.

    Raises
    ------
    DriverError
        If the folder of `path` is missing, `path` is a folder, or the file cannot be written.
    """
    if not path.parent.is_dir():
        raise DriverError(f"{path} cannot be written: there is no folder {path.parent}")
    if path.is_dir():
        raise DriverError(f"{path} cannot be written: it is a folder")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        os.replace(part, path)
    except OSError as error:
        raise DriverError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a whole file, or raise `DriverError` and leave `path` as it was."""
    with replacing(path) as part:
        part.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write a whole UTF-8 file with the line ends that it has; errors as for `write_bytes`."""
    write_bytes(path, text.encode())
