"""Samples to run: the test part of a dataset, or the rows of an array file."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.data import datasets
from sw_driver.errors import DriverError
from sw_driver.files.array_files import read_npy

__all__ = [
    "Samples",
    "check_features",
    "data_of",
    "load_calibration",
    "load_samples",
]

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
        Where they are from, for reports.
    data
        The name of the data that they are a part of.
    """

    x: NDArray[Any]
    labels: NDArray[np.int64] | None
    name: str
    data: str

    def accuracy(self, outputs: NDArray[Any]) -> float | None:
        """Part of the samples whose largest output [N, O] is their label; None without labels."""
        if self.labels is None:
            return None
        return float((outputs.argmax(axis=1) == self.labels).mean())


def data_of(given: str | None, known: str | None, path: Path, purpose: str) -> str:
    """Return the data that a command is to use: those given, or those that its file names.

    Parameters
    ----------
    given
        What the user asked for, or None.
    known
        The name of the data that the file knows, or None.
    path
        Of the file.
    purpose
        What the data are for, for the message: "that set the scales".

    Raises
    ------
    DriverError
        If none are given and the file names none that come with the program.
    """
    if given is not None:
        return given
    if known in datasets.NAMES:
        return known
    origin = (
        "does not say which data it was made from"
        if known is None
        else f"was made from {known}, which does not come with this program"
    )
    raise DriverError(f"data must name the samples {purpose}: {path} {origin}")


def check_features(x: NDArray[Any], features: int, name: str, path: Path) -> None:
    """Refuse samples [N, I] of another size than a net's inputs.

    Raises
    ------
    DriverError
        The message names the data and the file.
    """
    if x.shape[1] != features:
        raise DriverError(
            f"data must be samples of {features} values, the inputs of {path}, but {name} has "
            f"{x.shape[1]}"
        )


def load_samples(data: str, count: int | None) -> Samples:
    """Load the first `count` samples, or all.

    Parameters
    ----------
    data
        What `golden.data.datasets.load` takes, or a `.npy` file of numbers [N, I], or of images
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
    if data.endswith(".npy"):
        samples = _array_samples(Path(data))
    else:
        split = datasets.load(data)
        samples = Samples(split.test_x, split.test_y, f"{split.name} test split", split.name)
    available = len(samples.x)
    if count is None:
        return samples
    if count > available:
        raise DriverError(f"samples must be at most {available}, those of {data}, not {count}")
    labels = None if samples.labels is None else samples.labels[:count]
    return dataclasses.replace(samples, x=samples.x[:count], labels=labels)


def load_calibration(data: str) -> Samples:
    """Load samples that set the scales of a net: the train part, or all of an array file.

    Parameters, other shapes and errors as for `load_samples`.
    """
    if data.endswith(".npy"):
        return _array_samples(Path(data))
    split = datasets.load(data)
    return Samples(split.train_x, split.train_y, f"{split.name} training split", split.name)


def _array_samples(path: Path) -> Samples:
    return Samples(_read_array(path), None, path.name, path.name)


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
