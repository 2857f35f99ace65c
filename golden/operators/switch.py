"""Whether layers use their compiled forms: only where a user asks for it.

| variable             | meaning                                                                 |
|----------------------|-------------------------------------------------------------------------|
| `CLOSTORUS_COMPILED` | 1: as if `use_compiled()` were called, if g++ is there; 0: never, even so |
"""

import contextlib
import os
from collections.abc import Generator

from golden.errors import CompiledMissing, GoldenError
from golden.operators import library
from golden.operators.library import Operators

__all__ = ["chosen", "current", "use_compiled", "uses_compiled"]

_VARIABLE = "CLOSTORUS_COMPILED"


class _State:
    """What this process uses; before anybody has asked, the environment was not read."""

    asked = False
    operators: Operators | None = None


def use_compiled(wanted: bool = True) -> bool:
    """Let all layers of this process use their compiled forms, or no more.

    They serve few samples in float32 on a CPU, where they were measured to be faster; anything else
    is computed as without them. They are built by g++ at the first call on a machine, within some
    seconds, into the folder `CLOSTORUS_CACHE`, or `clostorus` in the user's cache.

    Parameters
    ----------
    wanted
        Whether to use them.

    Returns
    -------
    bool
        Whether they are used now: not if the environment variable `CLOSTORUS_COMPILED` is 0.

    Raises
    ------
    CompiledMissing
        There is no g++ that builds them, or the folder of what is built cannot be written. Layers
        then compute as before.
    """
    wanted = wanted and _environment() != "0"
    found = library.operators() if wanted else None
    _State.asked, _State.operators = True, found
    return found is not None


@contextlib.contextmanager
def chosen(operators: Operators | None) -> Generator[None, None, None]:
    """Let layers use these operators, or none, whatever else says: to compare them."""
    before = _State.asked, _State.operators
    _State.asked, _State.operators = True, operators
    try:
        yield
    finally:
        _State.asked, _State.operators = before


def uses_compiled() -> bool:
    """Say whether layers use their compiled forms, where these serve."""
    return current() is not None


def current() -> Operators | None:
    """Return the operators that layers use, or None; the first call reads the environment."""
    return _State.operators if _State.asked else _by_environment()


def _by_environment() -> Operators | None:
    """Do what the environment says, without a word where there is no g++."""
    try:
        use_compiled(_environment() == "1")
    except CompiledMissing:
        _State.asked = True
    return _State.operators


def _environment() -> str:
    value = os.environ.get(_VARIABLE, "")
    if value not in ("", "0", "1"):
        raise GoldenError(f"{_VARIABLE} must be 1, 0 or not set, not {value}")
    return value
