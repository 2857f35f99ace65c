"""Labelled images as plain arrays: scikit-learn's digits, 10,000 MNIST digits, or IDX files."""

import dataclasses
import gzip
import importlib
import math
import zlib
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt

from golden.arguments import shown
from golden.errors import DataError

__all__ = ["NAMES", "Split", "load", "load_digits_split", "load_idx_directory", "load_mnist10k"]

NAMES = ("digits", "mnist10k")

_MNIST10K = Path(__file__).parent / "data" / "mnist10k"
_HOW_TO_GET = (
    "Debian's package dataset-fashion-mnist has such files in /usr/share/datasets/fashion-mnist "
    "(apt-get install dataset-fashion-mnist; or, without root: apt-get download "
    "dataset-fashion-mnist && dpkg -x dataset-fashion-mnist_*.deb .)"
)
_IDX_UINT8 = 0x08  # Third byte of an IDX file's magic number: unsigned bytes follow.


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
    if not directory.is_dir():
        raise DataError(
            f"data must be one of {', '.join(NAMES)} or a directory of IDX files, "
            f"not {str(name_or_directory)!r}; {_HOW_TO_GET}"
        )
    return load_idx_directory(directory)


def load_digits_split() -> Split:
    """Return scikit-learn's 8x8 digits: 1437 to train and 360 to test, 64 features, 10 classes."""
    # scikit-learn has no type stubs, and takes a second to import.
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

    Raises
    ------
    DataError
        If a file is missing, truncated or no IDX file of bytes, or if the files contradict each
        other; the message names the file.
    """
    directory = _path(directory)
    parts: list[tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]] = []
    for part in ("train", "t10k"):
        image_path = _find(directory, f"{part}-images-idx3-ubyte")
        label_path = _find(directory, f"{part}-labels-idx1-ubyte")
        images, labels = _read_idx(image_path, 3), _read_idx(label_path, 1)
        if len(images) != len(labels):
            raise DataError(
                f"{label_path} must hold {len(images)} labels, one for each image of "
                f"{image_path.name}, not {len(labels)}"
            )
        pixels = images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
        parts.append((pixels, labels.astype(np.int64)))
    (train_x, train_y), (test_x, test_y) = parts
    if train_x.shape[1] != test_x.shape[1]:
        raise DataError(
            f"{directory}: test images must have {train_x.shape[1]} pixels, as the training "
            f"images, not {test_x.shape[1]}"
        )
    return Split(train_x, train_y, test_x, test_y, directory.resolve().name)


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


def _find(directory: Path, name: str) -> Path:
    for path in (directory / f"{name}.gz", directory / name):
        if path.is_file():
            return path
    raise DataError(f"{directory} must hold {name} or {name}.gz, but has neither; {_HOW_TO_GET}")


def _read_idx(path: Path, dimensions: int) -> npt.NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes in `dimensions` dimensions; nothing may be missing."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return _parse_idx(cast(IO[bytes], file), path, dimensions)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} must be a whole gzip file: {error}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error


def _parse_idx(file: IO[bytes], path: Path, dimensions: int) -> npt.NDArray[np.uint8]:
    magic = bytes([0, 0, _IDX_UINT8, dimensions])
    header_bytes = 4 + 4 * dimensions
    header = file.read(header_bytes)
    if header[:4] != magic:
        raise DataError(
            f"{path} must begin with the bytes {magic.hex(' ')} (an IDX file of unsigned bytes in "
            f"{dimensions} dimensions), not {header[:4].hex(' ') or 'nothing'}"
        )
    if len(header) != header_bytes:
        raise DataError(f"{path} must have a header of {header_bytes} bytes, not {len(header)}")
    sizes = [int.from_bytes(header[at : at + 4], "big") for at in range(4, header_bytes, 4)]
    items = math.prod(sizes)
    if items == 0:
        raise DataError(f"{path} must hold at least one item, not {sizes}")
    # Read in pieces: a false count must not reserve memory for items that are not there.
    body = bytearray()
    while len(body) <= items and (piece := file.read(1 << 20)):
        body += piece
    if len(body) != items:
        amount = "more" if len(body) > items else f"{len(body)}"
        raise DataError(
            f"{path} must hold {items} bytes after its header, as that says {sizes}, not {amount}"
        )
    return np.frombuffer(bytes(body), np.uint8).reshape(sizes)
