"""The compiled code of this folder, built and loaded: see `golden.system.cpp`."""

import ctypes
import functools
from pathlib import Path
from typing import Any, NamedTuple

from golden.errors import CompiledMissing
from golden.system.cpp import Code, built

__all__ = ["CODE", "Operators", "kept_numbers", "loaded", "operators", "shape_address"]

CODE = Code(
    name="layers",
    what="the compiled layers",
    folder=Path(__file__).parent,
    headers=("columns.h", "layer.h", "map.h", "parts.h", "products.h", "sigmoid.h", "vectors.h"),
    sources=("clos.cpp", "walk.cpp"),
)
"""What is built."""


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
    clos_columns, clos_columns_backward
        As the first and the third for more samples, with the strides of x behind all, and those of
        the gradients of y. What is kept, or None, has `kept_numbers`; y and the gradients of x have
        their samples innermost.
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
    clos_columns: Any
    clos_columns_backward: Any
    map_forward: Any
    map_backward: Any
    lstm_forward: Any
    lstm_backward: Any
    gru_forward: Any
    gru_backward: Any


# Of `parts.h` and `map.h`.
_PART, _GAP = 64, 16

_P, _N = ctypes.c_void_p, ctypes.c_int64
_ARGUMENTS = Operators(
    clos_forward=(_P, _N, *[_P] * 6),
    clos_hidden=(_P, _N, *[_P] * 4),
    clos_backward=(_P, _N, *[_P] * 10),
    clos_columns=(_P, _N, *[_P] * 6, _N, _N),
    clos_columns_backward=(_P, _N, *[_P] * 10, *[_N] * 4),
    map_forward=(_P, _N, _N, *[_P] * 6),
    map_backward=(_P, *[_N] * 5, *[_P] * 10),
    lstm_forward=(_P, _N, _N, *[_P] * 6),
    lstm_backward=(_P, _N, _N, *[_P] * 9),
    gru_forward=(_P, _N, _N, *[_P] * 6),
    gru_backward=(_P, _N, _N, *[_P] * 9),
)


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
    for function, arguments in zip(made, _ARGUMENTS, strict=True):
        function.restype, function.argtypes = None, arguments
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


def kept_numbers(numbers: tuple[int, ...], samples: int) -> int:
    """Return how many numbers `clos_columns` keeps of a shape: see `Map::size` in `map.h`."""
    _, _, ri, rm, ro = numbers
    return samples * rm * (ri + ro) - (-samples // _PART) * _GAP * (ri + rm)


def shape_address(numbers: tuple[int, ...]) -> int:
    """Return the address of the numbers of a shape, which stay there."""
    return ctypes.addressof(_held(numbers))


@functools.cache  # Without a bound: of what is given up, somebody may still have the address.
def _held(numbers: tuple[int, ...]) -> ctypes.Array[ctypes.c_int64]:
    return (_N * len(numbers))(*numbers)
