"""The torus that a file was made for, whichever kind of file it is."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from golden import CheckpointError
from hw.config import TorusConfig
from sw_driver.compiled import Compiled
from sw_driver.errors import DriverError
from sw_driver.files.archive import ArchiveError
from sw_driver.files.artifact import load_artifact
from sw_driver.files.kinds import is_none_of_both
from sw_driver.train.saved import trained_config

__all__ = ["config_of", "load_either"]

Trained = TypeVar("Trained")


def config_of(path: Path) -> TorusConfig:
    """Return the configuration of a compiled model, or of a model file trained on a torus.

    Raises
    ------
    DriverError
        If it is neither, or damaged.
    """
    found = load_either(path, trained_config)
    return found.config if isinstance(found, Compiled) else found


def load_either(path: Path, read_trained: Callable[[Path], Trained]) -> Compiled | Trained:
    """Return a compiled model, or what is read of a model file trained on a torus.

    Raises
    ------
    DriverError
        If the file is neither, or damaged.
    """
    try:
        return load_artifact(path)
    except ArchiveError as not_compiled:
        try:
            return read_trained(path)
        except (CheckpointError, DriverError) as not_trained:
            raise is_none_of_both(path, not_compiled, not_trained) from not_trained
