"""NumPy's array files, read only once their headers are known to say what is there."""

import io
import math
import os
import re
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["read_npy"]

_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
    # As 2.0, but for names of fields beyond Latin-1, which no array of numbers has.
    (3, 0): np.lib.format.read_array_header_2_0,
}
# The header that NumPy writes, which is read at a tenth of the cost of any other.
_USUAL = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '([<|](?:b1|[iu][1248]|f[248]))', "
    rb"'fortran_order': (True|False), "
    rb"'shape': \(((?:\d{1,18},|\d{1,18}(?:, \d{1,18})+)?)\), \} *\n",
    re.DOTALL,
)
_USUAL_BYTES = 128
_USUAL_LENGTH = (_USUAL_BYTES - 10).to_bytes(2, "little")  # As said behind magic and version.
_NUMBERS = "biuf"
_TEXT = "U"
_MOST_BYTES = 8


def read_npy(file: io.BufferedIOBase, *, text: bool = False) -> NDArray[Any]:
    """Read a whole `.npy` file of truth values, integers or floats of at most 64 bits.

    Memory is taken for as much as the file holds, whatever its header says. With `text`, an array
    of text is taken, too.

    Raises
    ------
    ValueError
        If it is anything else; the message says what, without the file's name.
    MemoryError
        If there is not enough for what the file holds.
    """
    length = file.seek(0, os.SEEK_END)
    file.seek(0)
    shape, in_fortran_order, dtype = _read_header(file)
    number = dtype.kind in _NUMBERS and dtype.itemsize <= _MOST_BYTES
    if not number and not (text and dtype.kind == _TEXT):
        raise ValueError(f"its values must be real numbers of at most 64 bits, not {dtype}")
    claimed, there = math.prod(shape) * dtype.itemsize, length - file.tell()
    if claimed != there or min(shape, default=0) < 0:
        raise ValueError(
            f"its header says that it is {dtype} of shape {list(shape)}, {claimed} bytes, but "
            f"{there} follow"
        )
    content = bytearray(there)
    if file.readinto(content) != there:
        raise ValueError("it was cut short while it was read")
    try:
        return np.ndarray(shape, dtype, content, order="F" if in_fortran_order else "C")
    except (ValueError, OverflowError) as error:
        raise ValueError(f"its header says that its shape is {list(shape)}: {error}") from error


def _read_header(file: io.BufferedIOBase) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    usual = _USUAL.fullmatch(file.read(_USUAL_BYTES))
    if usual is not None and usual[0][8:10] == _USUAL_LENGTH:
        shape = tuple(int(size) for size in usual[3].split(b",") if size)
        return shape, usual[2] == b"True", np.dtype(usual[1].decode())
    file.seek(0)
    try:
        version = np.lib.format.read_magic(file)
        if version not in _READERS:
            raise ValueError(f"its version must be 1.0, 2.0 or 3.0, not {version}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Of types that NumPy is to drop, and Python 2.
            shape, in_fortran_order, dtype = _READERS[version](file)
            return tuple(map(int, shape)), in_fortran_order, dtype
    except Exception as error:  # NumPy takes the header for a Python literal, and it may be none.
        raise ValueError(f"it has no header of one: {' '.join(str(error).split())}") from error
