"""Labelled images as plain arrays: scikit-learn's digits, 10,000 MNIST digits, or IDX files."""

import dataclasses
import gzip
import importlib
import math
import os
import zlib
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt

from golden.arguments import shown
from golden.errors import DataError

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
_HOW_TO_GET = (
    "Debian's package dataset-fashion-mnist has such files in /usr/share/datasets/fashion-mnist "
    "(apt-get install dataset-fashion-mnist; or, without root: apt-get download "
    "dataset-fashion-mnist && dpkg -x dataset-fashion-mnist_*.deb .)"
)
_IDX_UINT8 = 0x08  # Third byte of an IDX file's magic number: unsigned bytes follow.
# What the four files are called: as MNIST has them, or with dots, as some who pass them on.
_IDX_NAMES = tuple(
    f"{part}-{kind}" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
)
_RAW = "raw"  # Where torchvision puts them, in a folder that is called as the dataset.


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
    return _find(_MNIST10K if known else _directory(directory))


def _directory(path: Path) -> Path:
    if not os.path.isdir(path):
        raise DataError(
            f"data must be one of {', '.join(NAMES)} or a directory of IDX files, "
            f"not {str(path)!r}; {_HOW_TO_GET}"
        )
    return path


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

    They may be called `train-images-idx3-ubyte` or `train-images.idx3-ubyte`, and lie in the
    directory itself or where torchvision puts them: in `raw`, or in `MNIST/raw` with any name in
    the place of MNIST. The dataset is called as the directory that holds them, or as the one above
    if that is `raw`.

    Raises
    ------
    DataError
        If a file is missing, truncated or no IDX file of bytes, if the files contradict each
        other, or if there are several datasets; the message names the file.
    """
    directory = _path(directory)
    parts: list[tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]] = []
    train_images, train_labels, test_images, test_labels = _find(directory)
    for image_path, label_path in ((train_images, train_labels), (test_images, test_labels)):
        images, labels = _read_idx(image_path, 3), _read_idx(label_path, 1)
        if len(images) != len(labels):
            raise DataError(
                f"{label_path} must hold {len(images)} labels, one for each image of "
                f"{image_path.name}, not {len(labels)}"
            )
        try:
            pixels = images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
        except MemoryError as error:
            raise DataError(_too_large(image_path)) from error
        parts.append((pixels, labels.astype(np.int64)))
    (train_x, train_y), (test_x, test_y) = parts
    if train_x.shape[1] != test_x.shape[1]:
        raise DataError(
            f"{directory}: test images must have {train_x.shape[1]} pixels, as the training "
            f"images, not {test_x.shape[1]}"
        )
    holder = Path(os.path.realpath(train_images.parent))
    name = (holder.parent if holder.name == _RAW else holder).name
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


def _find(directory: Path) -> tuple[Path, ...]:
    """The four files: images and labels to train, then to test."""
    try:
        folders = [directory, directory / _RAW, *sorted(directory.glob(f"*/{_RAW}"))]
    except OSError as error:
        raise DataError(f"{directory} cannot be read: {error.strerror}") from error
    found = {folder: _idx_files(folder) for folder in folders}
    whole = [folder for folder, files in found.items() if None not in files]
    if len(whole) > 1 and whole[0] != directory:
        raise DataError(
            f"{directory} must hold one dataset, not several: name one of "
            f"{', '.join(map(str, whole))}"
        )
    # If none is whole, the one that has most of it says what is missing.
    best = min(folders, key=lambda folder: found[folder].count(None))
    files = [path for path in found[best] if path is not None]
    if len(files) < len(_IDX_NAMES):
        missing = f"{_IDX_NAMES[found[best].index(None)]}-ubyte"
        raise DataError(
            f"{best} must hold {missing} or {missing}.gz, but has neither; {_HOW_TO_GET}"
        )
    return tuple(files)


def _idx_files(folder: Path) -> list[Path | None]:
    """Each of the four files where it is there, whatever it is called."""
    found: list[Path | None] = []
    for name in _IDX_NAMES:
        spellings = (f"{name}-ubyte", f"{name.replace('-idx', '.idx')}-ubyte")
        paths = (folder / f"{one}{end}" for one in spellings for end in (".gz", ""))
        found.append(next((path for path in paths if os.path.isfile(path)), None))
    return found


def _too_large(path: Path) -> str:
    return f"{path} must fit into memory, and does not"


def _read_idx(path: Path, dimensions: int) -> npt.NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes in `dimensions` dimensions; nothing may be missing."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return _parse_idx(cast(IO[bytes], file), path, dimensions)
    except MemoryError as error:
        raise DataError(_too_large(path)) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} must be a whole gzip file: {error}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


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
