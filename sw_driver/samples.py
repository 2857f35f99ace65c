"""Samples to run: the test part of a dataset, or the rows of an array file."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden import datasets
from sw_driver.array_files import read_npy
from sw_driver.errors import DriverError

__all__ = ["Samples", "data_files", "load_calibration", "load_samples"]

_ZIP = b"PK"  # What a file of several arrays begins with.


@dataclasses.dataclass(frozen=True, eq=False)
class Samples:
    """Inputs, and what should come out.

    Parameters
    ----------
    x
        [N, I] numbers.
    labels
        int64 [N] classes, or None where they are not known.
    name
        Where they are from.
    """

    x: NDArray[Any]
    labels: NDArray[np.int64] | None
    name: str

    def accuracy(self, outputs: NDArray[Any]) -> float | None:
        """Part of the samples whose largest output [N, O] is their label; None without labels."""
        if self.labels is None:
            return None
        return float((outputs.argmax(axis=1) == self.labels).mean())


def data_files(data: str) -> tuple[Path, ...]:
    """Return the files that `load_samples` would read.

    Raises
    ------
    GoldenError
        If there is no such dataset.
    """
    return (Path(data),) if _is_array(data) else datasets.files(data)


def load_samples(data: str, count: int | None) -> Samples:
    """Load the first `count` samples, or all.

    Parameters
    ----------
    data
        What `golden.datasets.load` takes, or a `.npy` file of numbers [N, I], or of images
        [N, I, H, W] whose pixels are the samples.
    count
        Samples wanted.

    Raises
    ------
    DriverError
        If there are fewer samples, or the array file is not one.
    GoldenError
        If the dataset is not what it says.
    """
    if _is_array(data):
        samples = Samples(_read_array(Path(data)), None, Path(data).name)
    else:
        split = datasets.load(data)
        samples = Samples(split.test_x, split.test_y, f"{split.name} test split")
    available = len(samples.x)
    if count is None:
        return samples
    if count > available:
        raise DriverError(f"samples must be at most {available}, those of {data}, not {count}")
    labels = None if samples.labels is None else samples.labels[:count]
    return Samples(samples.x[:count], labels, samples.name)


def load_calibration(data: str) -> NDArray[Any]:
    """Load samples [N, I] that set the scales of a net: the train part, or all of an array file.

    Parameters, other shapes and errors as for `load_samples`.
    """
    return _read_array(Path(data)) if _is_array(data) else datasets.load(data).train_x


def _is_array(data: str) -> bool:
    return data.endswith(".npy")


def _read_array(path: Path) -> NDArray[Any]:
    """Read an array file as samples: floats [N, I]."""
    try:
        if path.exists() and not path.is_file():
            raise DriverError(f"{path} must be a file, not a folder, a pipe or a device")
        with path.open("rb") as file:
            if file.read(len(_ZIP)) == _ZIP:
                raise DriverError(
                    f"{path} must hold one array, as numpy.save writes it, not several"
                )
            return _as_samples(path, read_npy(file))
    except OSError as error:
        raise DriverError(f"{path} cannot be read: {error.strerror or error}") from error
    except MemoryError as error:
        raise DriverError(f"{path} must fit into memory, and does not") from error
    except DriverError:
        raise
    except ValueError as error:
        raise DriverError(f"{path} must be a NumPy array file: {error}") from error


def _as_samples(path: Path, array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind not in "iuf":
        raise DriverError(f"{path}: its values must be real numbers, not {array.dtype}")
    if array.ndim not in (2, 4) or 0 in array.shape:
        raise DriverError(
            f"{path} must hold an array of shape [N, inputs] or [N, inputs, H, W], with none of "
            f"them 0, not {list(array.shape)}"
        )
    # In the machine's order of bytes: PyTorch takes no other.
    plain = array.dtype.newbyteorder("=") if array.dtype.kind == "f" else np.float64
    array = np.ascontiguousarray(array, plain)
    return array if array.ndim == 2 else np.moveaxis(array, 1, 3).reshape(-1, array.shape[1])
