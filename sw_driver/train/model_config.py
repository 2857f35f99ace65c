"""The torus that a file was made for, whichever kind of file it is."""

from pathlib import Path

from golden import CheckpointError
from hw.config import TorusConfig
from sw_driver.errors import DriverError
from sw_driver.files.archive import ArchiveError
from sw_driver.files.artifact import load_artifact
from sw_driver.files.kinds import is_none_of_both
from sw_driver.train.saved import trained_config

__all__ = ["config_of"]


def config_of(path: Path) -> TorusConfig:
    """Return the configuration of a compiled model, or of a model file trained on a torus.

    Raises
    ------
    DriverError
        If it is neither, or damaged.
    """
    try:
        return load_artifact(path).config
    except ArchiveError as not_compiled:
        try:
            return trained_config(path)
        except (CheckpointError, DriverError) as not_trained:
            raise is_none_of_both(path, not_compiled, not_trained) from not_trained
