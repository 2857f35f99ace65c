"""IDX files, as MNIST and its successors come: where they are, and what is in them."""

import gzip
import math
import os
import re
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO, cast

import numpy as np
import numpy.typing as npt

from golden.data.samples import Parts, Samples, row_place
from golden.errors import DataError

__all__ = [
    "HOW_TO_GET",
    "find_files",
    "folder_name",
    "is_idx_file",
    "is_idx_folder",
    "pair_files",
    "read_labelled",
    "read_pair",
]

HOW_TO_GET = (
    "Debian's package dataset-fashion-mnist has such files in /usr/share/datasets/fashion-mnist "
    "(apt-get install dataset-fashion-mnist; or, without root: apt-get download "
    "dataset-fashion-mnist && dpkg -x dataset-fashion-mnist_*.deb .)"
)
_UINT8 = 0x08  # Third byte of an IDX file's magic number: unsigned bytes follow.
# As MNIST, Fashion-MNIST, KMNIST, EMNIST and QMNIST name them, and some who pass them on.
_NAME = re.compile(
    r"(?P<set>.*?)(?P<part>train|t10k|test)[-_.](?P<kind>images|labels)[-_.]"
    r"idx[13](?:[-_.]ubyte)?(?P<packed>\.gz)?"
)
_PARTS = ("train", "test")
_KINDS = {"images": 3, "labels": 1}
_RAW = "raw"  # Where torchvision puts them, in a folder that is called as the dataset.

_Key = tuple[str, str]


def is_idx_file(path: Path) -> bool:
    """Whether a path is called as an IDX file is."""
    return _NAME.fullmatch(path.name) is not None


def is_idx_folder(folder: Path) -> bool:
    """Whether a folder, or one where torchvision puts them, holds files that are called so."""
    return any(_idx_files(each) for each in _folders(folder))


def find_files(directory: Path) -> tuple[Path, ...]:
    """Return the four files of a dataset: images and labels to train, then to test.

    Raises
    ------
    DataError
        If one is missing, or there are several datasets.
    """
    found = {folder: _idx_files(folder) for folder in _folders(directory)}
    whole = [folder for folder, sets in found.items() if _is_whole(sets)]
    if len(whole) > 1 and whole[0] != directory:
        raise DataError(
            f"{directory} must hold one dataset, not several: name one of "
            f"{', '.join(map(str, whole))}"
        )
    # If none is whole, the one that has most of it says what is missing.
    best = max(found, key=lambda folder: max(map(len, found[folder].values()), default=0))
    sets = found[best]
    if len(sets) > 1 and "" not in sets:
        first = sets[min(sets)]
        raise DataError(
            f"{best} must hold one dataset, not several, {', '.join(sorted(sets))}: name the file "
            f"of the images, such as {next(iter(first.values()))}"
        )
    files = sets[""] if "" in sets else next(iter(sets.values()), dict[_Key, Path]())
    keys = [(part, kind) for part in _PARTS for kind in _KINDS]
    for part, kind in keys:
        if (part, kind) not in files:
            name = f"{'t10k' if part == 'test' else part}-{kind}-idx{_KINDS[kind]}-ubyte"
            raise DataError(
                f"{best} must hold {name} or {name}.gz, but has neither; {HOW_TO_GET}"
            )
    return tuple(files[key] for key in keys)


def pair_files(path: Path) -> tuple[Path, ...]:
    """Return a file of images, and the one of its labels beside it, where there is one.

    Raises
    ------
    DataError
        If the path is that of labels.
    """
    named = _NAME.fullmatch(path.name)
    assert named is not None
    if named["kind"] == "labels":
        raise DataError(f"data must be a file of images, not of labels, {path}")
    files = _idx_files(path.parent).get(named["set"], {})
    labels = files.get((_part(named["part"]), "labels"))
    return (path,) if labels is None else (path, labels)


def read_pair(path: Path) -> Parts:
    """Read a file of images, and the labels beside it; pixels are scaled to 0 to 1.

    Raises
    ------
    DataError
        If a file is no IDX file of bytes, or the two contradict each other.
    """
    found = pair_files(path)
    if len(found) == 1:
        pixels = _pixels(path, _read(path, 3))
        return Parts(Samples(pixels, None, path.name, row_place(path)))
    pixels, labels = read_labelled(*found)
    return Parts(Samples(pixels, labels, path.name, row_place(path)))


def read_labelled(
    images: Path, labels: Path
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Read images as float32 [N, H W], scaled to 0 to 1, and their labels [N].

    Raises
    ------
    DataError
        As `read_pair`.
    """
    pixels, classes = _read(images, 3), _read(labels, 1)
    if len(pixels) != len(classes):
        raise DataError(
            f"{labels} must hold {len(pixels)} labels, one for each image of {images.name}, "
            f"not {len(classes)}"
        )
    return _pixels(images, pixels), classes.astype(np.int64)


def folder_name(images: Path) -> str:
    """What a dataset in a folder is called: as the folder, or as the one above if that is `raw`."""
    holder = Path(os.path.realpath(images.parent))
    return (holder.parent if holder.name == _RAW else holder).name


def _pixels(path: Path, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    try:
        return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
    except MemoryError as error:
        raise DataError(_too_large(path)) from error


def _folders(directory: Path) -> list[Path]:
    try:
        return [directory, directory / _RAW, *sorted(directory.glob(f"*/{_RAW}"))]
    except OSError as error:
        raise DataError(f"{directory} cannot be read: {error.strerror}") from error


def _idx_files(folder: Path) -> dict[str, dict[_Key, Path]]:
    """IDX files of a folder, by part and kind, by what their names begin with."""
    found: dict[str, dict[_Key, Path]] = {}
    for path in sorted(_files(folder), key=_preference):
        named = _NAME.fullmatch(path.name)
        if named is not None and path.is_file():
            key = _part(named["part"]), named["kind"]
            found.setdefault(named["set"], {}).setdefault(key, path)
    return found


def _preference(path: Path) -> tuple[bool, bool, str]:
    """MNIST's own spelling first, and packed before not."""
    return ".idx" in path.name, path.suffix != ".gz", path.name


def _files(folder: Path) -> Iterable[Path]:
    try:
        return list(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}") from error


def _is_whole(sets: dict[str, dict[_Key, Path]]) -> bool:
    return any(len(files) == len(_PARTS) * len(_KINDS) for files in sets.values())


def _part(name: str) -> str:
    return "train" if name == "train" else "test"


def _too_large(path: Path) -> str:
    return f"{path} must fit into memory, and does not"


def _read(path: Path, dimensions: int) -> npt.NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes in `dimensions` dimensions; nothing may be missing."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return _parse(cast(IO[bytes], file), path, dimensions)
    except MemoryError as error:
        raise DataError(_too_large(path)) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} must be a whole gzip file: {error}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


def _parse(file: IO[bytes], path: Path, dimensions: int) -> npt.NDArray[np.uint8]:
    magic = bytes([0, 0, _UINT8, dimensions])
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
