"""Labelled images as plain arrays: scikit-learn's digits, 10,000 MNIST digits, or IDX files."""

import dataclasses
import importlib
import os
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from golden.arguments import shown
from golden.data.idx import HOW_TO_GET, find_files, folder_name, read_labelled
from golden.data.preparation import Preparation
from golden.errors import DataError
from golden.system.extras import needs

__all__ = [
    "NAMES",
    "Split",
    "files",
    "load",
    "load_digits_split",
    "load_idx_directory",
    "load_mnist10k",
]

NAMES = ("digits", "mnist10k")

_MNIST10K = Path(__file__).parent / "mnist10k"


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """A dataset in a training and a test part.

    Parameters
    ----------
    train_x, test_x
        float32 [N, features], pixels scaled to 0 to 1.
    train_y, test_y
        int64 [N], class labels from 0.
    name
        What the data is called in reports.
    preparation
        How the samples became these inputs, where a model has to know it.

    Raises
    ------
    DataError
        If an array has another type or shape, is empty, or does not fit the others.
    """

    train_x: npt.NDArray[np.float32]
    train_y: npt.NDArray[np.int64]
    test_x: npt.NDArray[np.float32]
    test_y: npt.NDArray[np.int64]
    name: str
    preparation: Preparation | None = None

    def __post_init__(self) -> None:
        """Check types and shapes; see the class."""
        if not isinstance(cast(object, self.name), str):
            raise DataError(f"name must be a text, not {shown(self.name)}")
        for part in ("train", "test"):
            x, y = f"{part}_x", f"{part}_y"
            samples = _array(x, getattr(self, x), np.float32, 2)
            labels = _array(y, getattr(self, y), np.int64, 1)
            if len(samples) != len(labels):
                raise DataError(
                    f"{y} must hold {len(samples)} labels, one for each sample of {x}, "
                    f"not {len(labels)}"
                )
            if labels.min() < 0:
                raise DataError(f"{y} must hold labels of at least 0, not {labels.min()}")
        if self.train_x.shape[1] != self.test_x.shape[1]:
            raise DataError(
                f"test_x must have {self.train_x.shape[1]} features, as train_x, "
                f"not {self.test_x.shape[1]}"
            )

    @property
    def features(self) -> int:
        """Values of one sample."""
        return self.train_x.shape[1]

    @property
    def classes(self) -> int:
        """Number of classes: the largest label plus one."""
        return int(max(self.train_y.max(), self.test_y.max())) + 1


def load(name_or_directory: str | Path) -> Split:
    """Load "digits", "mnist10k", or a directory that holds the four files of MNIST.

    Raises
    ------
    DataError
        If it is neither a known name nor a directory, or its files are not what they say.
    """
    directory = _path(name_or_directory)
    if name_or_directory == "digits":
        return load_digits_split()
    if name_or_directory == "mnist10k":
        return load_mnist10k()
    return load_idx_directory(_directory(directory))


def files(name_or_directory: str | Path) -> tuple[Path, ...]:
    """Return the files that `load` would read; none for the digits, which scikit-learn holds.

    Raises
    ------
    DataError
        If it is neither a known name nor a directory that holds such files.
    """
    directory = _path(name_or_directory)
    if name_or_directory == "digits":
        return ()
    known = name_or_directory == "mnist10k"
    return find_files(_MNIST10K if known else _directory(directory))


def _directory(path: Path) -> Path:
    if not os.path.isdir(path):
        raise DataError(
            f"data must be one of {', '.join(NAMES)} or a directory of IDX files, "
            f"not {str(path)!r}; {HOW_TO_GET}"
        )
    return path


def load_digits_split() -> Split:
    """Return scikit-learn's 8x8 digits: 1437 to train and 360 to test, 64 features, 10 classes."""
    # scikit-learn has no type stubs, and takes a second to import.
    with needs("experiments"):
        sources: Any = importlib.import_module("sklearn.datasets")
        selection: Any = importlib.import_module("sklearn.model_selection")
    pixels, labels = sources.load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = selection.train_test_split(
        (pixels / 16).astype(np.float32),
        labels.astype(np.int64),
        test_size=0.2,
        stratify=labels,
        random_state=0,
    )
    return Split(train_x, train_y, test_x, test_y, "digits")


def load_mnist10k() -> Split:
    """Return 10,000 MNIST digits: 8000 to train and 2000 to test, 784 features, 10 classes."""
    return dataclasses.replace(load_idx_directory(_MNIST10K), name="mnist10k")


def load_idx_directory(directory: Path | str) -> Split:
    """Load a dataset in MNIST's four files, gzipped (`.gz`) or not.

    They may be called `train-images-idx3-ubyte` or `train-images.idx3-ubyte`, with anything before
    that, as in `emnist-letters-train-images-idx3-ubyte`, and `test` in the place of `t10k`. They
    lie in the directory itself or where torchvision puts them: in `raw`, or in `MNIST/raw` with any
    name in the place of MNIST. The dataset is called as the directory that holds them, or as the
    one above if that is `raw`.

    Raises
    ------
    DataError
        If a file is missing, truncated or no IDX file of bytes, if the files contradict each
        other, or if there are several datasets; the message names the file.
    """
    directory = _path(directory)
    train_images, train_labels, test_images, test_labels = find_files(directory)
    train_x, train_y = read_labelled(train_images, train_labels)
    test_x, test_y = read_labelled(test_images, test_labels)
    if train_x.shape[1] != test_x.shape[1]:
        raise DataError(
            f"{directory}: test images must have {train_x.shape[1]} pixels, as the training "
            f"images, not {test_x.shape[1]}"
        )
    name = folder_name(train_images)
    # Never the name of what comes with this package.
    return Split(train_x, train_y, test_x, test_y, f"{name}/" if name in NAMES else name)


def _array(name: str, value: object, kind: type, dimensions: int) -> npt.NDArray[Any]:
    given = value
    if isinstance(value, np.ndarray):
        array = cast(npt.NDArray[Any], value)
        if array.dtype == kind and array.ndim == dimensions and array.size:
            return array
    size = "[N, features]" if dimensions == 2 else "[N]"
    raise DataError(
        f"{name} must be an array {np.dtype(kind)} {size}, neither empty, not {shown(given)}"
    )


def _path(directory: object) -> Path:
    given = directory
    if isinstance(directory, str | Path) and "\0" not in str(directory):
        return Path(directory)
    raise DataError(f"data must be a name or the path of a directory, not {shown(given)}")
