"""What kind of file a path leads to, found out before anything slow is imported.

Whoever reads the file checks all of it again, and says the same; this is only to refuse at once
what is plainly something else.
"""

import os
import re
import stat
import zipfile
from pathlib import Path
from typing import NamedTuple

from sw_driver.errors import DriverError
from sw_driver.files.archive import ArchiveError, check_archive

__all__ = [
    "OwnModel",
    "check_model_file",
    "check_net_file",
    "check_own_model",
    "check_source_file",
    "is_none_of_both",
    "is_onnx",
    "own_model",
]

_PICKLE = b"\x80"  # What model files of PyTorch's first format begin with; others are zips.
_CONTENT = "data.pkl"


class OwnModel(NamedTuple):
    """A Python file and the name in it: of a function without arguments, a class, or a module."""

    path: Path
    name: str

    def __str__(self) -> str:
        """Write it as a user does."""
        return f"{self.path}:{self.name}"


def own_model(text: str) -> OwnModel | None:
    """Return what FILE.py:NAME names; None of any other text, which is the name of a file."""
    found = re.fullmatch(r"(.+\.py):(.*)", text, re.DOTALL)
    return None if found is None else OwnModel(Path(found[1]), found[2])


def check_own_model(model: OwnModel) -> None:
    """Refuse what names no file and no name, before anything is executed.

    Raises
    ------
    DriverError
        The message names the file.
    """
    if not model.name.isidentifier():
        raise DriverError(
            f"{model} must end with the name of a function, as in net.py:make_net, "
            f"not with {model.name!r}"
        )
    try:
        with model.path.open("rb"):
            pass
    except OSError as error:
        raise DriverError(f"{model} cannot be read: {error.strerror}") from error


def is_onnx(path: Path) -> bool:
    """Whether the name of a file says that it is ONNX."""
    return path.suffix.lower() == ".onnx"


def check_net_file(path: Path) -> None:
    """Refuse a file that is missing, or plainly neither ONNX nor a model file.

    Raises
    ------
    DriverError
        As `check_model_file`, or if an ONNX file cannot be read.
    """
    if not is_onnx(path):
        check_model_file(path)
        return
    try:
        if path.exists() and not path.is_file():
            raise DriverError(f"{path} must be a file, not a folder, a pipe or a device")
        with path.open("rb"):
            pass
    except OSError as error:
        raise DriverError(f"{path} cannot be read: {error.strerror}") from error


def check_model_file(path: Path) -> None:
    """Refuse a file that is missing, or that PyTorch cannot have written.

    Raises
    ------
    DriverError
        As `golden.load_checkpoint` says it.
    """
    try:
        if path.exists() and not stat.S_ISREG(os.stat(path).st_mode) and not path.is_dir():
            return  # A pipe can be read only once.
        with path.open("rb") as file:
            if file.read(len(_PICKLE)) == _PICKLE:
                return
        with zipfile.ZipFile(path) as archive:
            if any(name.endswith(_CONTENT) for name in archive.namelist()):
                return
    except OSError as error:
        raise DriverError(f"{path} cannot be read: {error.strerror}") from error
    except Exception:  # A damaged directory of a zip leads its reader to whatever error.
        pass
    raise DriverError(
        f"{path} must be a model file of Clostorus, but is truncated or something else"
    )


def check_source_file(path: Path) -> None:
    """Refuse a file that is neither a whole artifact nor what may be a model file.

    Raises
    ------
    DriverError
        As `is_none_of_both`.
    """
    try:
        check_archive(path)
    except ArchiveError as not_compiled:
        try:
            check_model_file(path)
        except DriverError as not_trained:
            raise is_none_of_both(path, not_compiled, not_trained) from not_trained


def is_none_of_both(path: Path, not_compiled: Exception, not_trained: Exception) -> DriverError:
    """Say that a file is no compiled model, and no model file trained on a torus."""
    return DriverError(
        f"{path} must be a compiled model or a model file trained on a torus; it is no "
        f"compiled model ({not_compiled}), and no such model file ({not_trained})"
    )
