"""Built models as shared libraries of this process."""

import ctypes
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from ..errors import SimError
from .build import Kind, build_model

__all__ = ["Function", "load_library", "load_model"]

Function = tuple[str, Any, Sequence[Any]]
"""Name of a C function, type of its result, types of its arguments."""


def load_model(verilog: str, top: str, kind: Kind, functions: Iterable[Function],
               **options: Any) -> ctypes.CDLL:
    """Build a model as `build_model` does, unless it is in the cache, and load it.

    Raises
    ------
    ToolMissing, BuildFailed, StorageError
        As `build_model`.
    SimError
        As `load_library`.
    """
    return load_library(
        lambda again: build_model(verilog, top, kind, again=again, **options), functions)


def load_library(build: Callable[[bool], Path], functions: Iterable[Function]) -> ctypes.CDLL:
    """Load what `build` makes; `build(True)` makes it again even if it is in a cache.

    One that cannot be loaded, as it may have been built on another machine, is built again.

    Raises
    ------
    SimError
        It cannot be loaded even then.
    """
    path = build(False)
    try:
        library = _load(path)
    except OSError:
        path = build(True)
        try:
            library = _load(path)
        except OSError as error:
            raise SimError(f"the built model {path} cannot be loaded: {error}; CLOSTORUS_CACHE may "
                           "name a folder that programs can be run from") from error
    for name, result, arguments in functions:
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library


def _load(path: Path) -> ctypes.CDLL:
    return ctypes.CDLL(str(path))
