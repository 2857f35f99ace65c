"""Versions that decide what a result is: those of the client and of workers must be the same."""

import functools
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from sw_driver.errors import DriverError

__all__ = ["PACKAGES", "check_answer", "check_workers", "own_versions", "product_version"]

PACKAGES = ("clostorus", "torch", "numpy", "distributed")
"""Packages whose versions must be the same; Python's must be, too."""


def product_version() -> str:
    """The version of the installed package; "unknown" if it is not installed."""
    return _version("clostorus") or "unknown"


def own_versions() -> dict[str, str | None]:
    """Versions of Python and of `PACKAGES` in this process; None of one that is not installed."""
    return {
        "python": ".".join(map(str, sys.version_info)),
        **{name: _version(name) for name in PACKAGES},
    }


def check_workers(workers: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse workers that might give other results than this process would.

    Parameters
    ----------
    workers
        What Dask's `Client.get_versions` says of them, by address.

    Raises
    ------
    DriverError
        A worker has another version of Python or of a package, or lacks one.
    """
    for address, found in workers.items():
        check_answer((found or {}).get("packages", {}), f"the one at {address}")


def check_answer(versions: Mapping[str, Any], where: str = "one") -> None:
    """Refuse the versions of one worker; as `check_workers`."""
    for name, wanted in own_versions().items():
        found = versions.get(name)
        if found != wanted:
            has = f"{name} {found}" if found else f"no {name}"
            raise DriverError(
                f"scheduler must have workers with {name} {wanted or '(not installed)'}, as here, "
                f"but {where} has {has}; finished rows are kept"
            )


@functools.cache
def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
