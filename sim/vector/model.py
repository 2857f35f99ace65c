"""`VectorModel`: a host top of which all copies of a module are computed side by side."""

import ctypes
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..errors import SimError, VectorRefused
from ..model.harness_functions import FUNCTIONS
from ..model.library import load_library
from ..model.native import NativeModel
from ..model.variables import Variable, Words
from .build import build_vector

__all__ = ["VectorModel"]

_HANDLE = ctypes.c_void_p
_FUNCTIONS = (
    *FUNCTIONS,
    ("model_flip", ctypes.c_int, [_HANDLE, ctypes.c_char_p, ctypes.c_char_p,
                                  ctypes.c_uint64, ctypes.c_uint32]),
    ("model_show", None, [_HANDLE]),
    ("model_stride", ctypes.c_uint32, [ctypes.c_char_p, ctypes.c_char_p]),
)


class VectorModel(NativeModel):
    """What a `NativeModel` is, in every beat and its cycle, and faster for a torus of many PEs.

    It writes no waveforms.

    Attributes
    ----------
    flags : Sequence[str] or None
        Further flags of g++ for all models of a class; None for those that suit this processor.

    Raises
    ------
    VectorRefused
        A trace is asked for, or as `sim.vector.build.build_vector`.
    """

    flags: ClassVar[Sequence[str] | None] = None

    def _found(self, scope: str, name: str, address: int, words: int, word_bits: int) -> Variable:
        stride = self._library.model_stride(scope.encode(), name.encode())
        return _VectorVariable(
            f"{scope}.{name}", address, words, word_bits, stride, self._show,
            lambda word, bit: self._flip(scope, name, word, bit))

    def _show(self) -> None:
        with self._turn:
            self._library.model_show(self._open())

    def _flip(self, scope: str, name: str, word: int, bit: int) -> None:
        with self._turn:
            flipped = self._library.model_flip(
                self._at_rest(), scope.encode(), name.encode(), word, bit)
        if not flipped:
            raise SimError(f"{scope}.{name} must be a register to be flipped, but its bit {bit} is "
                           "computed")

    def _load(self, verilog: str, top: str, trace: Path | None, readable: Sequence[str],
              accessible: Sequence[str]) -> ctypes.CDLL:
        if trace is not None:
            raise VectorRefused(f"the vector engine writes no waveforms: leave out the trace "
                                f"{trace}, or take the engine verilator")
        return load_library(lambda again: build_vector(
            verilog, top, readable=readable, accessible=accessible, flags=self.flags,
            again=again), _FUNCTIONS)


class _VectorVariable(Variable):
    """A variable of a model whose signals are computed when they are read.

    Parameters
    ----------
    name, address, words, word_bits, stride_bytes
        As for `Variable`.
    show
        Computes the signals.
    flip
        Flips a bit of a word.
    """

    def __init__(self, name: str, address: int, words: int, word_bits: int, stride_bytes: int,
                 show: Callable[[], object], flip: Callable[[int, int], object]) -> None:
        super().__init__(name, address, words, word_bits, stride_bytes)
        self._show, self._flip = show, flip

    def read(self) -> Words:
        self._show()
        # A signal of one bit is kept as 0 or 255.
        return super().read() & np.uint64((1 << self.word_bits) - 1)

    def read_signed(self) -> npt.NDArray[np.int64]:
        self._show()
        return super().read_signed()

    def flip(self, word: int, bit: int) -> None:
        self.check_bit(word, bit)
        self._flip(word, bit)
