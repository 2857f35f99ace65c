"""What is built for simulations, each made once: see `golden.system.made_once`."""

from collections.abc import Callable, Sequence
from pathlib import Path

from golden.system.made_once import is_whole, made_once, mark_whole
from sw_driver.errors import StorageError

from ..toolchain import cache_dir

__all__ = ["cached", "is_whole", "mark_whole"]


def cached(label: str, key: Sequence[str], build: Callable[[Path], Path],
           again: bool = False) -> Path:
    """Return the file that `build(folder)` makes, as `made_once` does in the folder of models.

    Raises
    ------
    StorageError
        If the file must be made and the cache is no folder that can be written, or is full.
    """
    cache = cache_dir()
    try:
        return made_once(cache, label, key, build, again)
    except OSError as error:
        raise StorageError(
            f"CLOSTORUS_CACHE must be a folder that can be written, with room for what is built, "
            f"not {cache}: {error.strerror or error}") from error
