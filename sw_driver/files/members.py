"""The arrays of an artifact's file, each to be taken once."""

from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from sw_driver.arrays import IntArray
from sw_driver.files.archive import ArchiveError

__all__ = ["Members"]


class Members:
    """The arrays of a file, each to be taken once.

    Parameters
    ----------
    path
        Of the file, which errors name.
    arrays
        By name.
    """

    def __init__(self, path: Path, arrays: dict[str, NDArray[Any]]) -> None:
        self._path = path
        self._arrays = dict(arrays)

    @property
    def count(self) -> int:
        """How many arrays are left."""
        return len(self._arrays)

    def fail(self, message: str) -> NoReturn:
        """Raise an error about the file."""
        raise ArchiveError(f"{self._path}: {message}")

    def integers(self, name: str, fields: dict[str, Any], count: int) -> tuple[int, ...]:
        """Return a field of the manifest that is a list of so many whole numbers."""
        value: list[Any] = fields[name]
        if len(value) != count or any(type(item) is not int for item in value):
            self.fail(f"{name} must be {count} whole numbers, not {value!r}")
        return tuple(value)

    def take(self, name: str, *shape: int | None) -> IntArray:
        """Return an array of this shape, None for any size."""
        if name not in self._arrays:
            self.fail(f"member {name}.npy is missing")
        array = self._arrays.pop(name)
        sizes = [
            found if size is None else size for size, found in zip(shape, array.shape, strict=False)
        ]
        if array.dtype != np.int64 or list(array.shape) != sizes or array.ndim != len(shape):
            wanted = ", ".join("any" if size is None else str(size) for size in shape)
            self.fail(
                f"member {name}.npy must be int64 of shape [{wanted}], "
                f"not {array.dtype} of shape {list(array.shape)}"
            )
        return array

    def refuse_rest(self) -> None:
        """Refuse arrays that nobody took."""
        for name in self._arrays:
            self.fail(f"member {name}.npy has no place in an artifact")
