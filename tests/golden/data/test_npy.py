"""Array files of users: read as numbers, or refused in one line and without taking memory."""

import io
import os
import resource
from pathlib import Path

import numpy as np
import pytest

from golden import ClosNet, ClosShape, save_model
from golden.data.loading import load_part
from golden.data.npy import read_npy
from golden.errors import DataError
from tests.support.command_line import fail

NUMBERS = np.random.default_rng(5).integers(0, 100, (3, 4))



def load_calibration(data):
    return load_part(data, "train", None, 10)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.npy"


def refused(path, message):
    for load in (load_calibration, lambda data: load_part(data, "test", None, 10)):
        with pytest.raises(DataError, match=rf"x\.npy.*{message}") as found:
            load(str(path))
        assert "\n" not in str(found.value)


def npy(header, version=1, body=b""):
    text = header.encode("latin-1")
    return b"".join((b"\x93NUMPY", bytes([version, 0]),
                     len(text).to_bytes(2 if version == 1 else 4, "little"), text, body))


def described(shape, dtype="'<f8'", fortran=False):
    return f"{{'descr': {dtype}, 'fortran_order': {fortran}, 'shape': {shape}}}\n"


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(
    "dtype", ["<i1", "u1", "<i8", ">i8", "<u8", ">u2", "<f2", "<f4", ">f4", "<f8", ">f8"]
)
def test_numbers_of_every_kind_and_order(path, dtype, order):
    np.save(path, np.array(NUMBERS, dtype, order=order))
    found = load_calibration(str(path)).x
    np.testing.assert_array_equal(found, NUMBERS)
    assert found.dtype.kind == "f" and found.dtype.isnative and found.flags.c_contiguous


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_headers_of_every_version(path, version):
    file = io.BytesIO()
    np.lib.format.write_array(file, NUMBERS, version)
    path.write_bytes(file.getvalue())
    np.testing.assert_array_equal(load_calibration(str(path)).x, NUMBERS)


@pytest.mark.parametrize("shape", [(), (0,), (7,), (2, 3), (1, 0, 5), (2, 2, 2, 2)])
@pytest.mark.parametrize("dtype", ["?", "i1", "u2", "<i4", "<u8", "<f2", "<f4", "<f8", ">i8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_usual_header_is_read_as_any_other(shape, dtype, order):
    array = np.arange(np.prod(shape)).astype(dtype).reshape(shape, order=order)
    files = io.BytesIO(), io.BytesIO()
    for file, version in zip(files, ((1, 0), (2, 0)), strict=True):
        np.lib.format.write_array(file, array, version)
        found = read_npy(file)
        assert (found.dtype, found.shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("shape, dtype", [
    ("(4)", "'<f8'"), ("(4, 1,)", "'<f8'"), ("(-4,)", "'<f8'"), ("(4,)", "'<f1'"), ("(4,)", "'O'"),
    ("(4, 1", "'<f8'"), ("(1e1,)", "'<f8'"), ("(5,)", "'<f8'"), (f"({10**30},)", "'<f8'"),
])
def test_a_header_of_the_usual_length_may_lie(shape, dtype):
    text = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    file = io.BytesIO(npy(text, body=np.zeros(4).tobytes()))
    if shape == "(4, 1,)":
        assert read_npy(file).shape == (4, 1)
    else:
        with pytest.raises(ValueError, match="header|real numbers"):
            read_npy(file)


def test_pixels_are_samples(path):
    images = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    np.save(path, images)
    pixels = load_calibration(str(path)).x
    assert pixels.shape == (40, 3)
    np.testing.assert_array_equal(pixels[1], images[0, :, 0, 1])


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([["a", "b"]]), "must be real numbers of at most 64 bits, not <U1"),
        (np.array([[b"a", b"b"]]), "must be real numbers of at most 64 bits, not |S1"),
        (np.array([[None, {}]]), "must be real numbers of at most 64 bits, not object"),
        (np.array([[1j]]), "must be real numbers of at most 64 bits, not complex128"),
        (np.zeros((2, 2), "f8,i4"), "must be real numbers of at most 64 bits"),
        (np.zeros((2, 2), "M8[s]"), "must be real numbers of at most 64 bits, not datetime64"),
        (np.zeros((2, 2), np.longdouble), "must be real numbers of at most 64 bits, not float128"),
        (np.zeros((2, 2), bool), "must be real numbers, not bool"),
        (np.float64(3), r"shape \[N, inputs\], .*, not \[\]"),
        (np.zeros(3), r"not \[3\]"),
        (np.zeros((2, 3, 4, 5, 6)), r"not \[2, 3, 4, 5, 6\]"),
        (np.zeros((0, 3)), r"with none of them 0, not \[0, 3\]"),
        (np.zeros((3, 0)), r"not \[3, 0\]"),
        (np.zeros((2, 0, 3, 3)), r"not \[2, 0, 3, 3\]"),
    ],
)
def test_other_arrays_are_refused(path, array, message):
    np.save(path, array, allow_pickle=True)
    refused(path, message)


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize(
    ("header", "message"),
    [
        (described((10**12, 64)), r"\[1000000000000, 64\], 512000000000000 bytes, but 32 follow"),
        (described((2, 1)), r"float64 of shape \[2, 1\], 16 bytes, but 32 follow"),
        (described((-2, -2)), r"shape \[-2, -2\]"),
        (described((0, 10**30)), r"shape \[0, 10+\]"),
        (described((1,) * 70), "shape"),
        (described((2, 2), "'O'"), "not object"),
        (described((2, 2), "None"), "it has no header of one"),
        (described((2, 2), "[('a',)]"), "it has no header of one"),
        ("(" * 5000, "it has no header of one"),
        ("-" * 9000, "it has no header of one"),
        ("[" * 60000, "it has no header of one"),
        ("{'descr': '<f8'", "it has no header of one"),
        ("'''", "it has no header of one"),
        ("{1: 2, 'a': 3}", "it has no header of one"),
        ("", "it has no header of one"),
    ],
)
def test_headers_that_say_something_else(path, header, message, version):
    path.write_bytes(npy(header, version, bytes(32)))
    refused(path, message)


@pytest.mark.parametrize("content", [b"", b"\x93NUM", b"\x93NUMPY\x01\x00", b"text\n" * 9,
                                     npy(described((1, 4)), 4, bytes(32)),
                                     npy(described((1, 4)), 1, bytes(31))])
def test_other_files_are_refused(path, content):
    path.write_bytes(content)
    refused(path, "must be a NumPy array file: ")


def test_several_arrays_are_refused(path, tmp_path):
    np.savez(tmp_path / "x.npz", NUMBERS)
    (tmp_path / "x.npz").rename(path)
    refused(path, "must hold one array, as numpy.save writes it, not several")


def test_what_is_no_file_is_refused(path, tmp_path):
    refused(path, "cannot be read: No such file")
    path.mkdir()
    refused(path, "must be a file, not a folder, a pipe or a device")
    path.rmdir()
    os.mkfifo(path)
    refused(path, "must be a file, not a folder, a pipe or a device")
    path.unlink()
    path.symlink_to(path)
    refused(path, "cannot be read: Too many levels")
    for name in ("a" * 300 + "/x.npy", "a" * 300 + ".npy"):
        with pytest.raises(DataError, match="cannot be read: File name too long"):
            load_calibration(str(tmp_path / name))


def test_a_false_count_takes_no_memory(path):
    """The file may be as large as it says, without a byte of it on the disk."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    with path.open("wb") as file:
        file.write(npy(described((1 << 36, 1))))
        file.truncate(file.tell() + (8 << 36))
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (1 << 30), limits[1]))
    try:
        refused(path, "must fit into memory, and does not")
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


def test_the_command_line_names_the_file(path, tmp_path):
    save_model(tmp_path / "m.pt", ClosNet([ClosShape(4, 3, 2, 1, 1)]))
    path.write_bytes(npy(described((10**12, 4))))
    fail(2, "x.npy must be a NumPy array file: its header says .* but 0 follow", "compile",
         tmp_path / "m.pt", "--torus", "1x1", "--data", path, "-o", tmp_path / "m.ctz")
