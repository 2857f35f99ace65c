"""Output files that are either whole or not there, and none of which is an input.

How they are written is what `golden.system.files` says; the errors are this package's.
"""

import io
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from golden.system import files
from sw_driver.errors import DriverError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Files",
    "as_path",
    "check_folder",
    "check_outputs",
    "check_target",
    "files_in",
    "is_replaced",
    "make_folder",
    "write_array",
    "write_bytes",
    "write_files",
    "write_text",
]

Files = Mapping[str, Path | Iterable[Path] | None]
"""The file of each option, or its files; None if it is not given."""


def as_path(path: object) -> Path:
    """Return what names a file as a `Path`.

    Raises
    ------
    DriverError
        If it is neither text nor a path.
    """
    if not isinstance(path, str | os.PathLike):
        raise DriverError(f"path must be the name of a file, not {type(path).__name__}")
    return Path(cast("str | os.PathLike[str]", path))


def check_outputs(outputs: Files, inputs: Files) -> None:
    """Refuse outputs that are inputs or each other, and those that cannot be written.

    A file is the same by whatever path, link or hard link it is named. A character device, which
    keeps nothing, may be named as often as one likes.

    Parameters
    ----------
    outputs
        By the option that names them. One that is a single path is held against `check_target` too;
        others, as all files of a folder, need not have a place yet.
    inputs
        By the option that names them.

    Raises
    ------
    DriverError
        If so. The message names both options and the file.
    """
    read = {_identity(path): option for option, path in _named(inputs)}
    written: dict[object, str] = {}
    for option, path in _named(outputs):
        identity = _identity(path)
        if identity is None:
            continue
        if identity in read:
            raise DriverError(
                f"{option} must not be a file that {read[identity]} reads: {path} would be lost"
            )
        other = written.setdefault(identity, option)
        if other != option:
            raise DriverError(f"{other} and {option} must be different files, not both {path}")
    for path in outputs.values():
        if isinstance(path, Path):
            check_target(path)


def check_target(path: Path) -> None:
    """Refuse a path to which no file can be written, before the work that makes its contents.

    Raises
    ------
    DriverError
        As `golden.system.files.check_target`.
    """
    files.check_target(path, DriverError)


def check_folder(path: Path) -> None:
    """Refuse a path that is no folder and cannot become one, or a folder that takes no files.

    Raises
    ------
    DriverError
        If so.
    """
    files.check_folder(path, DriverError)


def files_in(folder: Path) -> list[Path]:
    """Return all that a folder holds; nothing if there is no such folder.

    Raises
    ------
    DriverError
        If it cannot be read.
    """
    try:
        return sorted(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        raise DriverError(f"{folder} cannot be read: {error.strerror or error}") from error


def is_replaced(path: Path) -> bool:
    """Whether what is written to a path takes the place of what was there: not so in a pipe.

    Raises
    ------
    DriverError
        As `check_target`.
    """
    return files.is_replaced(path, DriverError)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, where they are missing.

    Raises
    ------
    DriverError
        If that is not possible.
    """
    try:
        Path(os.path.realpath(path)).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DriverError(f"{path} must be a folder: {error.strerror}") from error


def write_bytes(path: Path, content: bytes) -> None:
    """Write a whole file, or raise `DriverError` and leave `path` as it was."""
    files.write_bytes(path, content, DriverError)


def write_files(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files into a folder, which is made if it is not there.

    None takes its place before all are written.

    Raises
    ------
    DriverError
        If the folder or a file cannot be written.
    """
    check_folder(folder)
    make_folder(folder)
    files.write_files({folder / name: content for name, content in contents.items()}, DriverError)


def write_text(path: Path, text: str) -> None:
    """Write a whole UTF-8 file with the line ends that it has; errors as for `write_bytes`."""
    write_bytes(path, text.encode())


def write_array(path: Path, array: "NDArray[Any]") -> None:
    """Write a whole `.npy` file; errors as for `write_bytes`."""
    import numpy as np

    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    write_bytes(path, file.getvalue())


def _named(options: Files) -> Iterator[tuple[str, Path]]:
    """Every file with its option."""
    for option, given in options.items():
        paths = [] if given is None else [given] if isinstance(given, Path) else given
        for path in paths:
            yield option, path


def _identity(path: Path) -> object:
    """What is equal of paths that lead to one file, there or not; None of what keeps nothing."""
    try:
        found = path.stat()
    except OSError:
        return os.path.realpath(path)
    return None if stat.S_ISCHR(found.st_mode) else (found.st_dev, found.st_ino)
