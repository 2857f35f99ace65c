"""The compiled code of this folder, built and loaded: see `golden.compiled.builder`."""

import ctypes
import functools
from pathlib import Path
from typing import Any, NamedTuple

from golden.compiled.builder import Code, built
from golden.compiled.errors import CompiledMissing

__all__ = ["CODE", "Operators", "loaded", "shape_address"]

CODE = Code(
    name="layers",
    what="the compiled layers",
    folder=Path(__file__).parent,
    headers=("products.h", "vectors.h"),
    sources=("clos.cpp",),
)
"""What is built."""

_POINTER, _NUMBER = ctypes.c_void_p, ctypes.c_int64


class Operators(NamedTuple):
    """The functions of `clos.cpp`; a tensor is given as the address of its numbers.

    All are float32, in order without gaps. A shape is `shape_address`, and N a number of samples.

    Attributes
    ----------
    forward
        Of shape, N, x [N, I] and the three weights: fills what is kept, [N, Rm (Ri + Ro)], and
        y [N, O].
    hidden
        Of shape, N, x and the first two weights: fills what is kept.
    backward
        Of shape, N, x, the three weights, what was kept and the gradients of y: fills those of x
        and of the weights, each where its address is not None.
    """

    forward: Any
    hidden: Any
    backward: Any


def loaded(path: Path) -> Operators:
    """Load a library that was built.

    Raises
    ------
    CompiledMissing
        If it cannot be loaded.
    """
    try:
        found = ctypes.CDLL(str(path))
    except OSError as error:
        raise CompiledMissing(f"{path} cannot be loaded: {error}") from error
    operators = Operators(found.clos_forward, found.clos_hidden, found.clos_backward)
    for function, pointers in zip(operators, (6, 4, 10), strict=True):
        function.restype = None
        function.argtypes = [_POINTER, _NUMBER, *[_POINTER] * pointers]
    return operators


@functools.cache
def operators() -> Operators:
    """Return the operators, built if they are not in the cache.

    Raises
    ------
    CompiledMissing
        There is no g++ that builds them, or the folder of what is built cannot be written.
    """
    return loaded(built(CODE))


@functools.lru_cache(maxsize=4096)
def shape_address(numbers: tuple[int, ...]) -> tuple[int, Any]:
    """Return the address of five numbers, and what holds them there."""
    held = (_NUMBER * len(numbers))(*numbers)
    return ctypes.addressof(held), held
