"""Data of users that were written by hand, by a spreadsheet, or by somebody who means no good."""

import io
import struct
import zipfile
from collections.abc import Iterator

import numpy as np
from PIL import Image

from tests.hostile.case import Case, Workshop
from tests.hostile.file_cases import GROUP
from tests.support.own_data import LAYERS

HEADER = "height,width,weight,kind\n"
ROW = "1.0,5000.0,3.0,ant\n"

# What follows "--data own.csv, ", or the file itself, in the refusal of a table to train on.
TABLES = {
    "nothing": ("", "must begin with a header"),
    "a header alone": (HEADER, "must hold a sample after its header"),
    "no header": ("1,2,3,0\n4,5,6,1\n", "must begin with a header"),
    "semicolons": (HEADER.replace(",", ";") + ROW, "must separate its columns by commas"),
    "a column without a name": ("," + HEADER + "0," + ROW, "column 1 must have a name"),
    "a column twice": (HEADER.replace("width", "height") + ROW, "must have one column 'height'"),
    "a short line": (HEADER + ROW + "1,2,ant\n", "line 3 must have 4 cells, as the header, not 3"),
    "a long line": (HEADER + ROW + "1,2,3,4,ant\n", "line 3 must have 4 cells, .*, not 5"),
    "an empty line": (HEADER + ROW + "\n" + ROW, "line 3 must hold a sample, but is empty"),
    "an empty cell": (HEADER + ROW + "1,,3,ant\n", "line 3, column 'width' must be a number, but"),
    "a text for a number": (HEADER + "1,wide,3,ant\n", "line 2, column 'width' must be .* 'wide'"),
    "NaN": (HEADER + ROW + "1,nan,3,ant\n", "line 3, column 'width' must be a finite .*, not nan"),
    "infinity": (HEADER + "1,-inf,3,ant\n", "line 2, column 'width' must be a finite .*, not -inf"),
    "a number beyond float32": (HEADER + "1,1e39,3,ant\n", "line 2, column 'width' must be a fin"),
    "a number beyond float64": (HEADER + "1,1e999,3,ant\n", "line 2, column 'width' must be a fin"),
    "no class": (HEADER + ROW + "1,2,3,\n", "line 3, column 'kind' must hold a class, but is em"),
    "names and numbers": (HEADER + ROW + "1,2,3,4\n", "line 3, column 'kind' must hold a name, as"),
    "numbers to predict": (HEADER + "1,2,3,0.5\n", "line 2, column 'kind' must hold a class, not"),
    "one class": (HEADER + 9 * ROW, "must hold samples of 2 classes, not only 'ant'"),
    "a class left out": (HEADER + 3 * "1,2,3,0\n4,5,6,2\n", "but has none of class 1"),
    "classes below 0": (HEADER + 3 * "1,2,3,0\n4,5,6,-1\n", "its class must be 0 or more, not -1"),
    "classes from 1": (HEADER + 3 * "1,2,3,1\n4,5,6,2\n", "but has none of class 0"),
    "a class of 10**18": (HEADER + 3 * f"1,2,3,0\n4,5,6,{10**17}\n", "but has none of class 1"),
    "a class of 10**30": (HEADER + f"4,5,6,{10**30}\n", "line 2, column 'kind' must hold a class"),
    "one sample": (HEADER + ROW, "must hold samples of 2 classes, not only 'ant'"),
    "a quote that never ends": (HEADER + '1,2,3,"ant\n', "must be CSV: unexpected end of data"),
    "a quote in a cell": (HEADER + '1,2,3,"a"nt\n', "line 2 must be CSV"),
    "bytes that are no text": (HEADER.encode() + b"1,2,3,\xff\n", "must be text in UTF-8"),
    "UTF-16": (HEADER.encode("utf-16"), "must be text in UTF-8"),
    "a cell of a million digits": (HEADER + "1" * 10**6 + ",2,3,ant\n", "line 2 must be CSV: fi"),
    "ten thousand columns": (",".join(map(str, range(10**4))) + "\n", "must begin with a header"),
}


def _npz(**arrays: object) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def _bomb() -> bytes:
    """An archive whose member claims an exabyte."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
        archive.writestr("x.npy", bytes(1000))
    data = bytearray(file.getvalue())
    for at in range(len(data) - 4):
        if data[at : at + 4] == b"PK\x01\x02":
            data[at + 24 : at + 28] = struct.pack("<I", 2**32 - 2)
    return bytes(data)


X, Y = np.random.default_rng(3).random((8, 3)), np.arange(8) % 2
ARCHIVES = {
    "no classes": (_npz(x=X), "must say what the classes of its samples are"),
    "no inputs": (_npz(y=Y), "has no x: it has y"),
    "an array too many": (_npz(x=X, y=Y, z=Y), "also has z: it has x, y, z"),
    "fewer classes than samples": (_npz(x=X, y=Y[:7]), "must hold 8 classes, .*, not 7"),
    "classes that are no row": (_npz(x=X, y=Y[:, None]), r"must have shape \[N\], .* \[8, 1\]"),
    "classes that are reals": (_npz(x=X, y=X[:, 0]), "row 0, column .* must hold a class, not 0"),
    "classes of several kinds of object": (
        _npz(x=X, y=np.array([None] * 8, object)), "y must be a NumPy array: .*, not object"),
    "complex numbers": (_npz(x=X * 1j, y=Y), "must be real numbers .*, not complex128"),
    "text for numbers": (_npz(x=np.full((8, 3), "a"), y=Y), "must be real numbers, not text"),
    "NaN": (_npz(x=np.where(X == X[2, 1], np.nan, X), y=Y), "x, row 2, column 1 must be a finite"),
    "half of the parts": (_npz(x_train=X, y_train=Y), "has no x_test: it has x_train, y_train"),
    "parts of other sizes": (
        _npz(x_train=X, y_train=Y, x_test=X[:, :2], y_test=Y), "test samples of 3 values, .*not 2"),
    "a test class that training has not": (
        _npz(x_train=X, y_train=Y, x_test=X, y_test=Y + 1), "its class must be 0 to 1, not 2"),
    "more bytes than there are": (_bomb(), ""),
}  # fmt: skip


def _png(mode: str = "L", size: tuple[int, int] = (3, 1)) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, 7).save(file, format="PNG")
    return file.getvalue()


def _huge() -> bytes:
    """An image that claims 4 gigapixels."""
    data = bytearray(_png())
    data[16:24] = struct.pack(">II", 65535, 65535)
    return bytes(data)


FOLDERS = {
    "one class": ({"a/1.png": _png(), "a/2.png": _png()}, "samples of 2 classes, not only 'a'"),
    "no classes": ({"1.png": _png()}, "must say what the classes of its samples are"),
    "an empty class": ({"a/1.png": _png(), "b/": b""}, "b must hold images of its class, but is"),
    "another file": ({"a/1.png": _png(), "notes.txt": b""}, "nothing else, but also holds notes.t"),
    "another file in a class": ({"a/1.txt": b""}, "1.txt must be an image"),
    "text as an image": ({"a/1.png": b"text"}, "1.png must be a whole image"),
    "an image cut off": ({"a/1.png": _png()[:45]}, "1.png must be a whole image"),
    "an image of 4 gigapixels": ({"a/1.png": _huge()}, "1.png must be a whole image"),
    "an image of another size": (
        {"a/1.png": _png(), "b/1.png": _png(size=(1, 3))}, "1.png must be 3x1 grey, .*not 1x3"),
    "an image in colour": ({"a/1.png": _png(), "b/1.png": _png("RGB")}, "not 3x1 RGB"),
    "an image with transparency": ({"a/1.png": _png("RGBA")}, "of 8 bits, not of mode RGBA"),
}  # fmt: skip


def cases() -> Iterator[Case]:
    """List all."""
    for name, (content, message) in TABLES.items():
        data = content if isinstance(content, bytes) else content.encode()
        yield _file_case(f"a table, {name}", "t.csv", data, message, "--label", "kind")
    for name, (data, message) in ARCHIVES.items():
        yield _file_case(f"an archive of arrays, {name}", "t.npz", data, message)
    for name, (files, message) in FOLDERS.items():
        yield _folder_case(name, files, message)


def _train(bench: Workshop, data: object, message: str, *more: object) -> None:
    part = () if message.startswith("test samples") or "its class must be 0 to 1" in message else (
        "--test-fraction", 0.5)
    bench.refused(message, "train", "--data", data, *more, *part, *LAYERS, "-o", "out.pt")


def _file_case(title: str, name: str, data: bytes, message: str, *more: object) -> Case:
    def attempt(bench: Workshop) -> None:
        (bench.here / name).write_bytes(data)
        _train(bench, name, message, *more)

    return Case(GROUP, title, attempt)


def _folder_case(title: str, files: dict[str, bytes], message: str) -> Case:
    def attempt(bench: Workshop) -> None:
        for name, content in files.items():
            path = bench.here / "images" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir() if name.endswith("/") else path.write_bytes(content)
        _train(bench, "images", message)

    return Case(GROUP, f"a folder of images, {title}", attempt)
