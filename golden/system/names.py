"""Names that a package looks up elsewhere, when they are first used: its `__getattr__`."""

import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["lazy_names", "moved_names"]

_NONE: Mapping[str, str] = {}


def lazy_names(
    package: str,
    homes: Mapping[str, str],
    moved: Mapping[str, str] = _NONE,
    *,
    below: str | None = None,
) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package that imports its public names on first use.

    Parameters
    ----------
    package
        Its name.
    homes
        The modules that the names are in, from the package on, by name.
    moved
        As for `moved_names`: names that are elsewhere for one more release.
    below
        The package that `homes` count from, if it is another one.
    """
    root = below or package

    def find(name: str) -> Any:
        if name in homes:
            return getattr(importlib.import_module(f"{root}.{homes[name]}"), name)
        return _find_moved(package, moved, name)

    return find


def moved_names(module: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a module whose names are elsewhere for one more release.

    Each use warns, and says where the name is now.

    Parameters
    ----------
    module
        Its name.
    homes
        The modules that its names are in, by name; "module:name" for one that is called otherwise.
    """

    def find(name: str) -> Any:
        return _find_moved(module, homes, name)

    return find


def _find_moved(module: str, homes: Mapping[str, str], name: str) -> Any:
    if name not in homes:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    home, _, now = homes[name].partition(":")
    now = now or name
    warnings.warn(
        f"{module}.{name} is now {home}.{now}, and goes with the next release",
        DeprecationWarning,
        stacklevel=3,
    )
    return getattr(importlib.import_module(home), now)
