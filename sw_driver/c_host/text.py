"""`Definitions`: constants of C, in the order in which they must be defined."""

from collections.abc import Iterable, Sequence

import numpy as np

from sw_driver.arrays import Beats, IntArray

__all__ = ["PADDING", "Definitions", "Value", "braces"]

PADDING = 0xFFFF
"""CLOSTORUS_PADDING: a word of a map that stands for no number."""

Value = int | str

_HEX_A_LINE = {32: 8, 16: 12}


def braces(*values: Value) -> str:
    """Write an initialiser."""
    return f"{{{', '.join(map(str, values))}}}"


class Definitions:
    """Static constants whose names begin alike.

    Parameters
    ----------
    prefix
        What the names of all constants begin with.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._pieces: list[str] = []

    @property
    def text(self) -> str:
        """All definitions."""
        return "\n".join(self._pieces)

    def table(self, kind: str, name: str, rows: Iterable[str]) -> str:
        """Define an array of structs; return its name."""
        name = f"{self._prefix}_{name}"
        lines = "".join(f"    {row},\n" for row in rows)
        self._pieces.append(f"static const {kind} {name}[] = {{\n{lines}}};\n")
        return name

    def words(self, name: str, beats: Beats) -> str:
        """Define what a host sends; return its `clostorus_words`."""
        return braces(self._numbers(32, name, beats.reshape(-1).tolist()), beats.size)

    def map(self, name: str, index: IntArray) -> str:
        """Define which number each word of a map [..., words] is; return its `clostorus_map`."""
        numbers: list[int] = np.where(index >= 0, index, PADDING).reshape(-1).tolist()
        width = index.shape[-1]
        return braces(self._numbers(16, name, numbers), len(numbers) // width, width)

    def _numbers(self, bits: int, name: str, numbers: Sequence[int]) -> str:
        name = f"{self._prefix}_{name}"
        step, digits = _HEX_A_LINE[bits], bits // 4
        lines = "".join(
            "    " + " ".join(f"0x{one:0{digits}X}," for one in numbers[at : at + step]) + "\n"
            for at in range(0, len(numbers), step)
        )
        self._pieces.append(f"static const uint{bits}_t {name}[] = {{\n{lines}}};\n")
        return name
