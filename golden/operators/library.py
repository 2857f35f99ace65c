"""The compiled code of this folder, built and loaded: see `golden.compiled.builder`."""

import ctypes
import functools
from pathlib import Path
from typing import Any, NamedTuple

from golden.compiled.builder import Code, built
from golden.compiled.errors import CompiledMissing

__all__ = ["CODE", "Operators", "loaded", "operators", "shape_address"]

CODE = Code(
    name="layers",
    what="the compiled layers",
    folder=Path(__file__).parent,
    headers=("columns.h", "layer.h", "map.h", "products.h", "sigmoid.h", "vectors.h"),
    sources=("clos.cpp", "walk.cpp"),
)
"""What is built."""

_POINTER, _NUMBER = ctypes.c_void_p, ctypes.c_int64


class Operators(NamedTuple):
    """The functions of this folder; a tensor is given as the address of its numbers.

    All numbers are float32, in order without gaps. A shape is `shape_address`, and "weights" are
    those of the three stages.

    Attributes
    ----------
    clos_forward
        Of shape, samples N, x [N, I] and weights: fills what is kept, [N, Rm (Ri + Ro)], and
        y [N, O].
    clos_hidden
        Of shape, N, x and the first two weights: fills what is kept.
    clos_backward
        Of shape, N, x, weights, what was kept and the gradients of y: fills those of x and of the
        weights, each where its address is not None.
    map_forward
        Of shape, steps T, N, weights, a bias or None, and x [T, N, I]: fills y [T, O, N].
    map_backward
        Of shape, T, N, the strides of x [T, I, N], weights, x and the gradients of y [T, O, N]:
        fills those of x [T, N, I] where its address is not None, and adds those of weights and
        bias.
    lstm_forward, gru_forward
        Of shape, steps T, N and weights of the state's map: computes the steps, as
        `golden.recurrent.cells` has their sums, h and what is more.
    lstm_backward
        Of the same shape, T, N and weights, the sums, what is more, the gradients of h and of c
        before and behind, and of each c or None: fills the gradients of the sums.
    gru_backward
        Of the same, the sums, h, what is more and the gradients of h: fills the gradients of the
        sums, and of what the inputs gave.
    """

    clos_forward: Any
    clos_hidden: Any
    clos_backward: Any
    map_forward: Any
    map_backward: Any
    lstm_forward: Any
    lstm_backward: Any
    gru_forward: Any
    gru_backward: Any


_NUMBERS_AND_POINTERS = ((1, 6), (1, 4), (1, 10), (2, 6), (5, 10), (2, 6), (2, 9), (2, 6), (2, 9))


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
    made = Operators(*(getattr(found, name) for name in Operators._fields))
    for function, (numbers, pointers) in zip(made, _NUMBERS_AND_POINTERS, strict=True):
        function.restype = None
        function.argtypes = [_POINTER, *[_NUMBER] * numbers, *[_POINTER] * pointers]
    return made


@functools.cache
def operators() -> Operators:
    """Return the operators, built if they are not in the cache.

    Raises
    ------
    CompiledMissing
        There is no g++ that builds them, or the folder of what is built cannot be written.
    """
    return loaded(built(CODE))


def shape_address(numbers: tuple[int, ...]) -> int:
    """Return the address of the numbers of a shape, which stay there."""
    return ctypes.addressof(_held(numbers))


@functools.cache  # Without a bound: of what is given up, somebody may still have the address.
def _held(numbers: tuple[int, ...]) -> ctypes.Array[ctypes.c_int64]:
    return (_NUMBER * len(numbers))(*numbers)
