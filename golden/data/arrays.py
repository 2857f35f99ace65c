"""Samples in NumPy's files: `x.npy` alone, `x.npy,y.npy` with its classes, or an archive `.npz`."""

import contextlib
import dataclasses
import io
import os
import zipfile
import zlib
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from golden.data.columns import Wanted
from golden.data.labels import labels_of_array
from golden.data.npy import read_npy
from golden.data.samples import Parts, Samples, check_finite, row_place
from golden.errors import DataError

__all__ = ["read_npy_files", "read_npz"]

_ZIP = b"PK"  # What a file of several arrays begins with.
_TEXT = "U"
# Names of arrays in an archive: inputs, classes, and those of the test samples.
_ALONE = ("x", "y")
_TOLD_APART = ("x_train", "y_train", "x_test", "y_test")


def read_npy_files(path: Path, labels: Path | None) -> Parts:
    """Read an array of samples, and one of their classes where there is one.

    Parameters
    ----------
    path
        Of numbers [N, features]; of grey images [N, H, W]; or of [N, features, H, W], whose pixels
        are the samples.
    labels
        Of whole numbers, truth values or text [N].

    Raises
    ------
    DataError
        If a file is missing or holds something else, or the two are not of as many samples.
    """
    x = _as_samples(path, _read_array(path, text=False))
    place = row_place(path)
    classes = None
    if labels is not None:
        array = _read_array(labels, text=True)
        _check_count(str(labels), array, len(x), path.name)
        classes = labels_of_array(array, str(labels), row_place(labels))
    return Parts(check_finite(Samples(x, classes, path.name, place)))


def read_npz(path: Path, wanted: Wanted) -> Parts:
    """Read an archive of arrays `x` and `y`, or `x_train`, `y_train`, `x_test` and `y_test`.

    Parameters
    ----------
    path
        Of the archive; the arrays in it may be compressed.
    wanted
        Its label is the name of the array of classes in the place of `y`, if it must be or is
        there; then no test samples are told apart.

    Raises
    ------
    DataError
        If the file is no such archive, an array is missing or something else, or one has no place.
    """
    arrays = _read_archive(path)
    names = sorted(arrays)
    label = wanted.label if wanted.must or wanted.label in arrays else None
    told_apart = "x_train" in arrays and label is None
    alone = "x", label or "y"
    known = _TOLD_APART if told_apart else alone
    needed = known if told_apart or label else known[:1]
    missing = [name for name in needed if name not in arrays]
    odd = [name for name in names if name not in known]
    if missing or odd:
        what = f"has no {missing[0]}" if missing else f"also has {odd[0]}"
        raise DataError(
            f"{path} must hold the arrays {' and '.join(_ALONE)}, or {', '.join(_TOLD_APART)}, but "
            f"{what}: it has {', '.join(names) or 'none'}"
        )
    if not told_apart:
        return Parts(dataclasses.replace(_part(path, arrays, *alone), label=label))
    x_train, y_train, x_test, y_test = _TOLD_APART
    return Parts(_part(path, arrays, x_train, y_train), _part(path, arrays, x_test, y_test))


def _part(
    path: Path, arrays: dict[str, npt.NDArray[Any]], inputs: str, label: str
) -> Samples:
    """Put the samples of an archive together."""
    source = f"{path}: {inputs}"
    x = _as_samples(source, arrays[inputs])
    classes = None
    if label in arrays:
        column = f"{path}: {label}"
        _check_count(column, arrays[label], len(x), inputs)
        classes = labels_of_array(arrays[label], column, row_place(column))
    return check_finite(Samples(x, classes, path.name, row_place(source)))


def _check_count(column: str, labels: npt.NDArray[Any], count: int, inputs: str) -> None:
    if labels.ndim == 1 and len(labels) != count:
        raise DataError(
            f"{column} must hold {count} classes, one of each sample of {inputs}, not {len(labels)}"
        )


def _read_array(path: Path, *, text: bool) -> npt.NDArray[Any]:
    """Read an array file."""
    with _reading(path, "a NumPy array file", ValueError), path.open("rb") as file:
        if file.read(len(_ZIP)) == _ZIP:
            raise DataError(f"{path} must hold one array, as numpy.save writes it, not several")
        return read_npy(file, text=text)


@contextlib.contextmanager
def _reading(path: Path, what: str, *damage: type[Exception]) -> Generator[None]:
    """Refuse a path that is no file, and say in a line why it cannot be read or is no `what`."""
    try:
        if path.exists() and not path.is_file():
            raise DataError(f"{path} must be a file, not a folder, a pipe or a device")
        yield
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    except MemoryError as error:
        raise DataError(f"{path} must fit into memory, and does not") from error
    except DataError:
        raise
    except damage as error:
        raise DataError(f"{path} must be {what}: {error}") from error


def _read_archive(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Read all arrays of an archive, by name."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    # What damaged directories and members of a zip lead its reader to.
    damage = zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError
    with _reading(path, "a whole .npz file", *damage), zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        claimed = sum(info.file_size for info in members)
        there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        if claimed > there:
            raise DataError(
                f"{path} must fit into the memory of this machine, {there} bytes, but its "
                f"arrays have {claimed}"
            )
        for info in members:
            name = info.filename.removesuffix(".npy")
            if name in arrays or name == info.filename:
                raise DataError(
                    f"{path} must be what numpy.savez writes, of arrays with different names; "
                    f"its member {info.filename} is none"
                )
            arrays[name] = _read_member(path, name, archive.read(info))
    return arrays


def _read_member(path: Path, name: str, content: bytes) -> npt.NDArray[Any]:
    try:
        return read_npy(io.BytesIO(content), text=True)
    except ValueError as error:
        raise DataError(f"{path}: {name} must be a NumPy array: {error}") from error


def _as_samples(path: object, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return an array as samples: floats [N, features]."""
    if array.dtype.kind not in "iuf":
        kind = "text" if array.dtype.kind == _TEXT else array.dtype
        raise DataError(f"{path}: its values must be real numbers, not {kind}")
    if array.ndim not in (2, 3, 4) or 0 in array.shape:
        raise DataError(
            f"{path} must hold an array of shape [N, inputs], [N, H, W] or [N, inputs, H, W], with "
            f"none of them 0, not {list(array.shape)}"
        )
    # In the machine's order of bytes: PyTorch takes no other.
    plain: Any = array.dtype.newbyteorder("=") if array.dtype.kind == "f" else np.float64
    array = np.ascontiguousarray(array, plain)
    if array.ndim == 4:
        return np.moveaxis(array, 1, 3).reshape(-1, array.shape[1])
    return array.reshape(len(array), -1)
