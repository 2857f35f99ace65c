"""Names in C, which are checked before anything slow is imported."""

import re

from sw_driver.errors import DriverError

__all__ = ["LIBRARY", "c_name", "check_c_name"]

LIBRARY = "clostorus.h"
"""Name of the library, which the header of a net includes."""

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def c_name(text: str) -> str:
    """Return an identifier of C that is like the name of a file without its suffix."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_").lower()
    name = name if name and not name[0].isdigit() else f"net_{name}".rstrip("_")
    return f"my_{name}" if name.startswith("clostorus") else name


def check_c_name(name: str) -> None:
    """Refuse a name that is none in C, or that begins as the library's own.

    Raises
    ------
    DriverError
        The message says which would do.
    """
    if not _IDENTIFIER.fullmatch(name) or name.lower().startswith("clostorus"):
        raise DriverError(
            "name must be an identifier of C that does not begin with clostorus, such as "
            f"{c_name(name)}, not {name!r}"
        )
