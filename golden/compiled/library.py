"""The compiled code of this folder, built and loaded: see `golden.system.cpp`."""

import ctypes
import functools
import os
from pathlib import Path

from golden.errors import CompiledMissing
from golden.system.cpp import Code, built

__all__ = ["library"]

_CODE = Code(
    name="golden-training",
    what="the compiled golden model",
    folder=Path(__file__).parent,
    headers=("net.h",),
    sources=("net.cpp", "steps.cpp"),
)

_NET, _WORDS, _NUMBER = ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64
_SIGNATURES = {
    "golden_new": (_NET, [_WORDS]),
    "golden_free": (None, [_NET]),
    "golden_write": (None, [_NET, _WORDS]),
    "golden_read": (None, [_NET, _WORDS]),
    "golden_settle": (None, [_NET]),
    "golden_forward": (None, [_NET, _NUMBER, _WORDS, _WORDS]),
    "golden_backward": (None, [_NET, _WORDS, _NUMBER, _NUMBER, _WORDS, _WORDS]),
    "golden_learn": (
        _NUMBER,
        [_NET, _NUMBER, _WORDS, _WORDS, _NUMBER, _NUMBER, _NUMBER, _WORDS, ctypes.c_double]
        + [_WORDS] * 3,
    ),
}


def library() -> ctypes.CDLL:
    """Return the code, built if it is not in the cache; that takes a few seconds.

    Raises
    ------
    CompiledMissing
        There is no g++ that builds it, or the folder of what is built cannot be written.
    """
    return _library(os.environ.get("PATH", ""), os.environ.get("CLOSTORUS_CACHE", ""))


@functools.cache
def _library(path: str, chosen: str) -> ctypes.CDLL:
    """Load it once for each PATH and each folder of what is built."""
    target = built(_CODE)
    try:
        found = ctypes.CDLL(str(target))
    except OSError as error:
        raise CompiledMissing(f"{target} cannot be loaded: {error}") from error
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(found, name)
        function.restype, function.argtypes = result, arguments
    return found
