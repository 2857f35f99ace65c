"""What kind of file a path leads to, found out before anything slow is imported.

Whoever reads the file checks all of it again, and says the same; this is only to refuse at once
what is plainly something else.
"""

import os
import stat
import zipfile
from pathlib import Path

from sw_driver.errors import DriverError
from sw_driver.files.archive import ArchiveError, check_archive

__all__ = ["check_model_file", "check_source_file", "is_none_of_both"]

_PICKLE = b"\x80"  # What model files of PyTorch's first format begin with; others are zips.
_CONTENT = "data.pkl"


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
