"""Files that were cut, flipped, swapped or made up: refused, or read to the very same result."""

import io
import pickle
import random
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from tests.hostile.case import Case, Workshop

GROUP = "files"
# Commands that read each kind of file; {bad} is the file.
READERS = {
    "model.pt": (
        ("compile", "{bad}", "--torus", "2x2", "--data", "digits", "-o", "out.ctz"),
        ("train", "--resume", "--epochs", "2", "-o", "{bad}"),
        ("verilog", "--config-from", "{bad}", "-o", "out.v"),
    ),
    "fixed.pt": (
        ("train", "--device", "golden", "--resume", "--data", "{{files}}/mnist", "-o", "{bad}"),
        ("verilog", "--config-from", "{bad}", "-o", "out.v"),
    ),
    "model.ctz": (
        ("run", "{bad}", "--samples", "3"),
        ("info", "{bad}"),
        ("verify", "{bad}"),
        ("verilog", "--bake", "{bad}", "-o", "out.v"),
    ),
    **{
        f"x.{form}": (
            ("run", "{{files}}/model.ctz", "--data", "{bad}"),
            ("compile", "{{files}}/model.pt", "--torus", "2x2", "--data", "{bad}", "-o", "o.ctz"),
        )
        for form in ("npy", "npz", "csv", "parquet")
    },
}


def cases() -> Iterator[Case]:
    """List all."""
    for kind in READERS:
        for number, name in enumerate(DAMAGES):
            yield _damage_case(kind, name, number)
        for number in range(12):
            yield _flip_case(kind, number)
        for name in IMPOSTORS:
            yield _impostor_case(kind, name)
    for name in ARRAYS:
        yield _array_case(name)
    for name in SETS:
        yield _set_case(name)


def _cut(part: float):
    return lambda data: data[: int(part * len(data))]


DAMAGES = {
    "nothing left": _cut(0),
    "one byte left": lambda data: data[:1],
    "cut at a tenth": _cut(0.1),
    "cut in the middle": _cut(0.5),
    "the last byte missing": lambda data: data[:-1],
    "the first byte missing": lambda data: data[1:],
    "the first half zeroed": lambda data: bytes(len(data) // 2) + data[len(data) // 2 :],
    "the last half zeroed": lambda data: data[: len(data) // 2] + bytes(len(data) - len(data) // 2),
    "all zeroed": lambda data: bytes(len(data)),
    "a block in the middle zeroed": lambda data: data[: len(data) // 2]
    + bytes(64)
    + data[len(data) // 2 + 64 :],
    "reversed": lambda data: data[::-1],
    "line ends of another system": lambda data: data.replace(b"\n", b"\r\n"),
    "read as text": lambda data: data.decode("latin-1").encode(),
}


def _reading(bench: Workshop, kind: str, data: bytes, *, whole: bytes) -> None:
    """Read a file with every command: each refuses it, or does as with the whole one."""
    for command in READERS[kind]:
        found = outcome(bench, kind, command, data)
        # Data have no digest: other numbers are other inputs.
        if found is not None and not kind.startswith("x."):
            key = kind, command
            if key not in bench.outcomes:
                bench.outcomes[key] = outcome(bench, kind, command, whole)
            assert found == bench.outcomes[key], command


def outcome(bench: Workshop, kind: str, command: tuple[str, ...], data: bytes) -> object | None:
    """What a command makes of a file: None if it refuses, else all that it prints and writes."""
    for path in bench.here.iterdir():
        path.unlink()
    bad = bench.here / f"bad{Path(kind).suffix}"
    bad.write_bytes(data)
    result = bench.run(*(part.format(bad=bad) for part in command))
    if result.exit_code == 0:
        written = {path.name: path.read_bytes() for path in bench.here.iterdir() if path != bad}
        return result.stdout, written
    assert result.exit_code in (1, 2), result.output
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    lines = result.stderr.splitlines()
    assert lines[-1].startswith("clostorus: ") and "Traceback" not in result.stderr, result.stderr
    assert all(line.startswith("clostorus: ") for line in lines), result.stderr
    assert bad.read_bytes() == data and list(bench.here.iterdir()) == [bad]
    bench.refusals += 1
    return None


def _damage_case(kind: str, name: str, number: int) -> Case:
    def attempt(bench: Workshop) -> None:
        whole = (bench.files / kind).read_bytes()
        _reading(bench, kind, DAMAGES[name](whole), whole=whole)

    return Case(GROUP, f"{kind}, {name}", attempt)


def _flip_case(kind: str, number: int) -> Case:
    def attempt(bench: Workshop) -> None:
        rng = random.Random(f"{kind} {number}")
        whole = (bench.files / kind).read_bytes()
        at, bit = rng.randrange(len(whole)), rng.randrange(8)
        if kind == "x.npy":
            at = rng.randrange(128)  # Its header: any number is as good as any other.
        data = whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :]
        _reading(bench, kind, data, whole=whole)

    return Case(GROUP, f"{kind}, a flipped bit, seed {number}", attempt)


def _zip(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def _saved(value: object) -> bytes:
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


def _array(value: object) -> bytes:
    file = io.BytesIO()
    np.save(file, value, allow_pickle=True)
    return file.getvalue()


class Impostor:
    """A class of somebody else, which no reader may make an object of."""


IMPOSTORS = {
    "text": lambda: b"hello\n",
    "JSON": lambda: b"{}",
    "a pickle": lambda: pickle.dumps({"format": 1}),
    "an object of an unknown class": lambda: pickle.dumps(Impostor()),
    "an empty zip": lambda: _zip(),
    "a zip of something": lambda: _zip(**{"a.txt": b"a"}),
    "a zip with a path upwards": lambda: _zip(**{"../up.npy": b"a", "manifest.json": b"{}"}),
    "a saved list": lambda: _saved([1, 2]),
    "a saved number": lambda: _saved(3),
    "a saved dict of another kind": lambda: _saved({"format": "zip"}),
    "a dict of very many nothings": lambda: _saved({"format": 2, "layers": [None] * 10**5}),
    "a saved list in 300 others": lambda: _saved(_nested(300)),
    "an array of objects": lambda: _array(np.array([{}], object)),
    "an image": lambda: b"\x89PNG\r\n\x1a\n" + bytes(100),
    "random bytes": lambda: random.Random(1).randbytes(5000),
    "a gzip of nothing": lambda: b"\x1f\x8b" + zlib.compress(b""),
}


def _nested(depth: int) -> list[object]:
    value: list[object] = []
    for _ in range(depth):
        value = [value]
    return value


def _impostor_case(kind: str, name: str) -> Case:
    def attempt(bench: Workshop) -> None:
        for command in READERS[kind]:
            assert outcome(bench, kind, command, IMPOSTORS[name]()) is None, command

    return Case(GROUP, f"{name} as {kind}", attempt)


def _header(text: str, version: int = 1) -> bytes:
    body = text.encode("latin-1")
    size = struct.pack("<H" if version == 1 else "<I", len(body))
    return b"\x93NUMPY" + bytes([version, 0]) + size + body


def _claim(shape: object, descr: object = "<f8") -> bytes:
    return _header(str({"descr": descr, "fortran_order": False, "shape": shape}) + "\n") + bytes(64)


ARRAYS = {
    "a million million rows": lambda: _claim((10**12, 64)),
    "rows beyond 64 bits": lambda: _claim((2**70, 64)),
    "fewer than no rows": lambda: _claim((-1, 64)),
    "rows that are no number": lambda: _claim(("a", 64)),
    "a shape that is none": lambda: _claim(64),
    "no shape": lambda: _header("{'descr': '<f8', 'fortran_order': False}\n"),
    "a header of a million brackets": lambda: _header("(" * 60000),
    "a header that is code": lambda: _header("__import__('os').getcwd()\n"),
    "a header of version 9": lambda: _header("{}", 9),
    "no numbers": lambda: _array(np.zeros((0, 64))),
    "no features": lambda: _array(np.zeros((4, 0))),
    "one number": lambda: _array(np.float64(3)),
    "one row": lambda: _array(np.zeros(64)),
    "images of other sizes": lambda: _array(np.zeros((2, 8, 9))),
    "five dimensions": lambda: _array(np.zeros((1, 1, 64, 1, 1))),
    "one feature too few": lambda: _array(np.zeros((4, 63))),
    "text": lambda: _array(np.full((2, 64), "a")),
    "bytes": lambda: _array(np.full((2, 64), b"a")),
    "dates": lambda: _array(np.full((2, 64), "2020-01-01", "M8[D]")),
    "complex numbers": lambda: _array(np.zeros((2, 64), complex)),
    "records": lambda: _array(np.zeros((2, 64), [("a", "f4"), ("b", "f4")])),
    "not a number": lambda: _array(np.full((2, 64), np.nan)),
    "infinity": lambda: _array(np.full((2, 64), -np.inf)),
    "objects": lambda: _array(np.full((2, 64), None, object)),
    "several arrays": lambda: _zip(**{"a.npy": _array(np.zeros((2, 64)))}),
}


def _array_case(name: str) -> Case:
    def attempt(bench: Workshop) -> None:
        for command in READERS["x.npy"]:
            assert outcome(bench, "x.npy", command, ARRAYS[name]()) is None, command

    return Case(GROUP, f"an array file, {name}", attempt)


def _idx(sizes: tuple[int, ...], body: bytes, kind: int = 8) -> bytes:
    header = bytes([0, 0, kind, len(sizes)]) + b"".join(n.to_bytes(4, "big") for n in sizes)
    return header + body


IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
SETS = {
    "images that claim 4 gigapixels": {IMAGES: _idx((65535, 256, 256), bytes(100))},
    "images that claim 2**96 pixels": {IMAGES: _idx((2**32 - 1,) * 3, bytes(100))},
    "no images": {IMAGES: _idx((0, 8, 8), b"")},
    "images of no pixels": {IMAGES: _idx((12, 0, 8), b"")},
    "images cut off": {IMAGES: _idx((12, 8, 8), bytes(767))},
    "a byte too many": {IMAGES: _idx((12, 8, 8), bytes(769))},
    "images of 32-bit numbers": {IMAGES: _idx((12, 8, 8), bytes(768 * 4), 0x0C)},
    "images in two dimensions": {IMAGES: _idx((12, 64), bytes(768))},
    "half a header": {IMAGES: b"\x00\x00\x08\x03\x00\x00"},
    "an empty file": {IMAGES: b""},
    "fewer labels than images": {LABELS: _idx((11,), bytes(11))},
    "a label of 255": {LABELS: _idx((12,), b"\xff" * 12)},
    "test images of another size": {"t10k-images-idx3-ubyte": _idx((12, 4, 4), bytes(192))},
    "no test labels": {"t10k-labels-idx1-ubyte": None},
    "a gzip cut off": {IMAGES: None, f"{IMAGES}.gz": b"\x1f\x8b\x08\x00"},
    "a gzip that is none": {IMAGES: None, f"{IMAGES}.gz": b"hello"},
}


def _set_case(name: str) -> Case:
    def attempt(bench: Workshop) -> None:
        folder = bench.here / "data"
        folder.mkdir()
        for path in (bench.files / "mnist").iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        for part, content in SETS[name].items():
            if content is None:
                (folder / part).unlink()
            else:
                (folder / part).write_bytes(content)
        for command in (
            ("train", "--data", folder, "--layer", "64,10,8,2,5", "-o", "out.pt"),
            ("compile", "{files}/model.pt", "--torus", "1x1", "--data", folder, "-o", "out.ctz"),
            ("run", "{files}/model.ctz", "--data", folder),
        ):
            if name == "a label of 255" and command[0] != "train":
                continue  # Scales and runs need no labels of their own.
            bench.refused("", *command)

    return Case(GROUP, f"a data set, {name}", attempt)
