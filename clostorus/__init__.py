"""The one name to import the layers by: `from clostorus import nn`, or `import clostorus.nn`.

What it offers lies in `golden`. Nothing is imported before it is used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clostorus import nn

    __version__: str

__all__ = ["__version__", "nn"]


def __getattr__(name: str) -> Any:
    """Import `nn`, or ask the installation for its version, which pyproject.toml alone says."""
    if name == "nn":
        return importlib.import_module("clostorus.nn")
    if name == "__version__":
        return _version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(__name__)
    except PackageNotFoundError:
        raise AttributeError(
            "clostorus is not installed, so that it has no version: "
            "pip install . in the folder of its pyproject.toml"
        ) from None
