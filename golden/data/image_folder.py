"""Samples in a folder of images: a folder for each class, by the package pillow.

    cats/1.png  cats/2.png  dogs/1.png          with classes
    1.png  2.png                                without
    train/cats/1.png  test/cats/2.png           training and test samples

The pixels of an image are one sample, scaled to 0 to 1: line by line, and one colour after the
other. Hidden files and folders are passed over.
"""

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from golden.data.samples import Parts, Samples
from golden.errors import DataError

__all__ = ["files", "read_images"]

_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".pgm", ".ppm")
_FORMATS = ("PNG", "JPEG", "BMP", "PPM")  # As pillow calls them.
_COLOURS = {"L": 1, "RGB": 3}
_PARTS = ["test", "train"]


def files(folder: Path) -> tuple[Path, ...]:
    """Return all images of a folder, in the order of `read_images`.

    Raises
    ------
    DataError
        If it holds none, or something else.
    """
    parts = [folder / part for part in reversed(_PARTS)] if _is_told_apart(folder) else [folder]
    return tuple(path for part in parts for path, _ in _images(part))


def read_images(folder: Path) -> Parts:
    """Read a folder of images; classes, and images in a class, are in the order of their names.

    Raises
    ------
    DataError
        If pillow is missing, a file is no image, an image is neither grey nor RGB or of another
        size than the first, or the folder holds something else.
    """
    if not _is_told_apart(folder):
        return Parts(_read(folder, folder.resolve().name))
    name = folder.resolve().name
    return Parts(*(_read(folder / part, name) for part in reversed(_PARTS)))


def _read(folder: Path, name: str) -> Samples:
    found = _images(folder)
    pillow = _pillow(folder)
    first = found[0][0]
    pixels: list[npt.NDArray[np.uint8]] = []
    for path, _ in found:
        array = _pixels(pillow, path)
        if pixels and array.shape != pixels[0].shape:
            raise DataError(
                f"{path} must be {_size(pixels[0])}, as {first}, not {_size(array)}: make all "
                "images of one size"
            )
        pixels.append(array)
    try:
        x = np.stack(pixels).reshape(len(pixels), -1).astype(np.float32) / np.float32(255)
    except MemoryError as error:
        raise DataError(f"{folder} must fit into memory, and does not") from error
    labels = tuple(label for _, label in found if label is not None)
    # Never the name of what comes with this package.
    return Samples(x, labels or None, f"{name}/", lambda number: str(found[number][0]))


def _images(folder: Path) -> list[tuple[Path, str | None]]:
    """All images with their classes; at least one."""
    inside = _seen(folder)
    if not any(path.is_dir() for path in inside):
        found: list[tuple[Path, str | None]] = [(_image(path), None) for path in inside]
    else:
        loose = next((path for path in inside if not path.is_dir()), None)
        if loose is not None:
            raise DataError(
                f"{folder} must hold IDX files, or a folder of images for each class and nothing "
                f"else, but also holds {loose.name}"
            )
        found = []
        for each in inside:
            images = _seen(each)
            if not images:
                raise DataError(f"{each} must hold images of its class, but is empty")
            found += [(_image(path), each.name) for path in images]
    if not found:
        raise DataError(
            f"{folder} must hold IDX files, such as train-images-idx3-ubyte, or images, in a "
            "folder for each class where classes are known, but is empty"
        )
    return found


def _image(path: Path) -> Path:
    if path.suffix.lower() not in _SUFFIXES or not path.is_file():
        raise DataError(f"{path} must be an image, {', '.join(_SUFFIXES)}, in the folder of data")
    return path


def _is_told_apart(folder: Path) -> bool:
    inside = _seen(folder)
    return [path.name for path in inside] == _PARTS and all(
        any(path.is_dir() for path in _seen(part)) for part in inside
    )


def _seen(folder: Path) -> list[Path]:
    """What a folder holds, in order, but for what is hidden."""
    try:
        found: Iterable[Path] = list(folder.iterdir()) if folder.is_dir() else ()
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror or error}") from error
    return sorted((path for path in found if not path.name.startswith(".")), key=lambda p: p.name)


def _pillow(folder: Path) -> Any:
    try:
        return importlib.import_module("PIL.Image")
    except ImportError as error:
        raise DataError(
            f"{folder} needs the package pillow to be read: pip install 'clostorus[data]'"
        ) from error


def _pixels(pillow: Any, path: Path) -> npt.NDArray[np.uint8]:
    """Read an image: [colours, H, W]."""
    try:
        with pillow.open(path, formats=_FORMATS) as image:
            mode, frames = image.mode, getattr(image, "n_frames", 1)
            if mode not in _COLOURS or frames != 1:
                what = f"of mode {mode}" if frames == 1 else f"{frames} of them"
                raise DataError(
                    f"{path} must be one image, grey (mode L) or RGB of 8 bits, not {what}: "
                    "convert it, as pillow's convert does"
                )
            array = np.asarray(image, np.uint8)
    except DataError:
        raise
    except MemoryError as error:
        raise DataError(f"{path} must fit into memory, and does not") from error
    except Exception as error:  # A damaged image leads its decoder to whatever error.
        reason = " ".join(str(error).split())
        raise DataError(f"{path} must be a whole image: {reason}") from error
    return array[np.newaxis] if array.ndim == 2 else np.moveaxis(array, 2, 0)


def _size(array: npt.NDArray[Any]) -> str:
    colours, height, width = array.shape
    return f"{width}x{height} {'RGB' if colours == 3 else 'grey'}"
