"""Registers and memories inside a model, read and written between two clock cycles."""

import ctypes

import numpy as np
import numpy.typing as npt

from ..errors import SimError

__all__ = ["Variable", "Words"]

Words = npt.NDArray[np.uint64]

_MOST_BITS = 64


class Variable:
    """A register, or a memory, in a model that was built with it accessible.

    It is used up with its model: after `NativeModel.close` neither is of use.

    Parameters
    ----------
    name
        Scope and name, for messages.
    address
        Where Verilator keeps it.
    words, word_bits
        Depth of the memory, 1 for a register; and width of a word, at most 64.
    stride_bytes
        From a word to the next; by default the words lie side by side.

    Raises
    ------
    SimError
        A word is wider than that.
    """

    def __init__(self, name: str, address: int, words: int, word_bits: int,
                 stride_bytes: int = 0) -> None:
        if word_bits > _MOST_BITS:
            raise SimError(f"{name} must have at most {_MOST_BITS} bits, not {word_bits}")
        self.name = name
        self.words = words
        self.word_bits = word_bits
        # Verilator keeps a word in the smallest of these types that it fits.
        size = next(size for size in (8, 16, 32, 64) if word_bits <= size)
        stride = stride_bytes or size // 8
        raw = (ctypes.c_uint8 * ((words - 1) * stride + size // 8)).from_address(address)
        self._held = np.ndarray((words,), f"u{size // 8}", memoryview(raw), strides=(stride,))

    def read(self) -> Words:
        """Return a copy of all words, uint64 [words], unsigned."""
        return self._held.astype(np.uint64)

    def read_signed(self) -> npt.NDArray[np.int64]:
        """Return a copy of all words, int64 [words], as two's complement."""
        left = _MOST_BITS - self.word_bits
        return (self._held.astype(np.uint64) << np.uint64(left)).view(np.int64) >> left

    def flip(self, word: int, bit: int) -> None:
        """Flip one bit of a word; what follows from it changes with the next clock cycle.

        Raises
        ------
        SimError
            There is no such word or bit.
        """
        self.check_bit(word, bit)
        self._held[word] ^= self._held.dtype.type(1 << bit)

    def check_bit(self, word: int, bit: int) -> None:
        """Refuse a word or a bit that there is not; see `flip`."""
        if not (0 <= word < self.words and 0 <= bit < self.word_bits):
            raise SimError(f"{self.name} must be flipped in words 0 to {self.words - 1}, bits 0 to "
                           f"{self.word_bits - 1}, not in word {word}, bit {bit}")
