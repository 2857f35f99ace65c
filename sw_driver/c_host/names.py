"""Names in C, which are checked before anything slow is imported."""

import re

from sw_driver.errors import DriverError

__all__ = ["LIBRARY", "c_name", "check_c_name"]

LIBRARY = "clostorus.h"
"""Name of the library, which the header of a net includes."""

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Words of C99 and C++ that no identifier may be, and the one function that every program has.
_TAKEN = frozenset(
    "auto break case catch char class const constexpr continue default delete do double else enum "
    "explicit extern false float for friend goto if inline int long main mutable namespace new "
    "operator private protected public register restrict return short signed sizeof static struct "
    "switch template this throw true try typedef typename union unsigned using virtual void "
    "volatile while".split()
)


def c_name(text: str) -> str:
    """Return an identifier of C that is like the name of a file without its suffix."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_").lower()
    name = name if name and not name[0].isdigit() else f"net_{name}".rstrip("_")
    return f"my_{name}" if name.startswith("clostorus") or name in _TAKEN else name


def check_c_name(name: str) -> None:
    """Refuse a name that is none in C, is a word of C or C++, or begins as the library's own.

    Raises
    ------
    DriverError
        The message says which would do.
    """
    own = name.lower().startswith("clostorus")
    if not _IDENTIFIER.fullmatch(name) or own or name in _TAKEN:
        raise DriverError(
            "name must be an identifier of C, no word of C or C++, that does not begin with "
            f"clostorus: {c_name(name)} would do, {name!r} does not"
        )
