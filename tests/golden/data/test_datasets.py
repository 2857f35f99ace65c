"""Datasets: the real ones, and files that are not what they say."""


import numpy as np
import pytest

from golden import DataError
from golden.data import datasets
from tests.support.datasets import idx_bytes, write_files


def test_digits_are_the_split_of_record():
    split = datasets.load("digits")
    assert split.train_x.shape == (1437, 64) and split.test_x.shape == (360, 64)
    assert split.train_y.shape == (1437,) and split.test_y.shape == (360,)
    assert split.train_x.dtype == np.float32 and split.train_y.dtype == np.int64
    assert (split.train_x.min(), split.train_x.max()) == (0, 1)
    assert (split.features, split.classes, split.name) == (64, 10, "digits")
    counts = np.bincount(split.test_y)
    assert counts.min() >= 35 and counts.max() <= 37


def test_mnist10k_is_in_the_package():
    split = datasets.load("mnist10k")
    assert split.train_x.shape == (8000, 784) and split.test_x.shape == (2000, 784)
    assert split.train_x.dtype == np.float32 and split.train_x.max() == 1
    assert (split.classes, split.name) == (10, "mnist10k")
    rows = np.concatenate([split.train_x, split.test_x])
    assert len(np.unique(rows, axis=0)) == 10000


@pytest.mark.parametrize("pack", [False, True])
def test_directory_of_idx_files(tmp_path, pack):
    split = datasets.load(str(write_files(tmp_path, pack)))
    raw = np.random.default_rng(0).integers(0, 256, (6, 2, 3), dtype=np.uint8)
    np.testing.assert_allclose(split.train_x, raw.reshape(6, 6) / 255, rtol=1e-6)
    assert split.test_x.shape == (4, 6) and split.test_y.shape == (4,)
    assert split.name == tmp_path.name


@pytest.mark.parametrize("pack", [False, True])
@pytest.mark.parametrize("dots", [False, True])
@pytest.mark.parametrize(
    ("place", "given", "name"),
    [
        ("FashionMNIST/raw", ".", "FashionMNIST"),
        ("MNIST/raw", "MNIST", "MNIST"),
        ("MNIST/raw", "MNIST/raw", "MNIST"),
        ("raw", ".", "data"),
        ("digits", "digits", "digits/"),
    ],
)
def test_names_and_folders_of_others(tmp_path, place, given, name, dots, pack):
    """As torchvision lays the files out, and with a dot in their names."""
    directory = tmp_path / "data"
    (directory / place).mkdir(parents=True)
    write_files(directory / place, pack, dots)
    split = datasets.load(str(directory / given))
    assert split.name == name and split.train_x.shape == (6, 6)
    found = datasets.files(str(directory / given))
    assert {path.parent.resolve() for path in found} == {(directory / place).resolve()}
    assert len(set(found)) == 4 and all(path.is_file() for path in found)


def test_several_datasets_are_refused(tmp_path):
    for name in ("MNIST", "FashionMNIST"):
        (tmp_path / name / "raw").mkdir(parents=True)
        write_files(tmp_path / name / "raw")
    message = "must hold one dataset, not several: name one of .*FashionMNIST/raw, .*/MNIST/raw"
    with pytest.raises(DataError, match=message):
        datasets.load(str(tmp_path))
    write_files(tmp_path)  # What lies in the directory itself is meant.
    assert datasets.load(str(tmp_path)).name == tmp_path.name


def test_what_is_missing_is_named_where_the_rest_is(tmp_path):
    (tmp_path / "MNIST" / "raw").mkdir(parents=True)
    write_files(tmp_path / "MNIST" / "raw", t10k_labels=lambda b: None)
    with pytest.raises(DataError, match="MNIST/raw must hold t10k-labels-idx1-ubyte or"):
        datasets.load(str(tmp_path))


def test_files_of_the_names():
    assert datasets.files("digits") == ()
    assert len(datasets.files("mnist10k")) == 4
    for load in (datasets.load, datasets.files):
        for name in ("cifar", "a" * 300, __file__):
            with pytest.raises(DataError, match="one of digits, mnist10k or a directory"):
                load(name)


def test_unknown_name_is_refused():
    with pytest.raises(DataError, match="one of digits, mnist10k or a directory.*not 'cifar'"):
        datasets.load("cifar")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"t10k_labels": lambda b: None}, "must hold t10k-labels-idx1-ubyte or .*has neither"),
        ({"train_images": lambda b: b"PNG" + b}, "train-images.*begin with the bytes 00 00 08 03"),
        ({"train_labels": lambda b: b""}, "begin with the bytes 00 00 08 01.*not nothing"),
        ({"train_images": lambda b: b[:9]}, "header of 16 bytes, not 9"),
        ({"train_images": lambda b: b[:-1]}, r"must hold 36 bytes.*\[6, 2, 3\], not 35"),
        ({"train_images": lambda b: b + b"\0"}, "must hold 36 bytes.*not more"),
        (
            {"train_images": lambda b: idx_bytes(np.zeros((1024, 32, 32), np.uint8)) + b"\0"},
            "must hold 1048576 bytes.*not more",
        ),
        ({"train_labels": lambda b: idx_bytes(np.zeros(5, np.uint8))}, "6 labels.*not 5"),
        ({"t10k": lambda b: b[:4] + bytes(4) + b[8:]}, r"at least one item, not \[0"),
        (
            {"t10k_images": lambda b: idx_bytes(np.zeros((4, 2, 2), np.uint8))},
            "test images must have 6 pixels.*not 4",
        ),
    ],
)
@pytest.mark.parametrize("pack", [False, True])
def test_files_that_are_not_what_they_say(tmp_path, changes, message, pack):
    with pytest.raises(DataError, match=message):
        datasets.load_idx_directory(write_files(tmp_path, pack, **changes))


@pytest.mark.parametrize(
    "damage",
    [
        lambda b: b[:-12],
        lambda b: b"not gzip" + b,
        lambda b: b[:20] + bytes([b[20] ^ 0x55]) + b[21:],
    ],
    ids=["truncated", "not gzip", "altered"],
)
def test_damaged_gzip_is_refused(tmp_path, damage):
    write_files(tmp_path, pack=True)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match="train-images-idx3-ubyte.gz must "):
        datasets.load_idx_directory(tmp_path)


def test_what_does_not_fit_into_memory_is_refused(tmp_path, monkeypatch):
    def full(*_):
        raise MemoryError

    write_files(tmp_path)
    monkeypatch.setattr(datasets.np, "frombuffer", full)
    with pytest.raises(DataError, match="train-images-idx3-ubyte must fit into memory, and does"):
        datasets.load(str(tmp_path))


def test_false_count_reserves_no_memory(tmp_path):
    """A header that promises 2**60 bytes is an error, not an attempt to hold them."""
    huge = b"\0\0\x08\x03" + b"\x00\x10\x00\x00" * 3
    write_files(tmp_path, train_images=lambda b: huge + b"\0" * 10)
    with pytest.raises(DataError, match="not 10"):
        datasets.load_idx_directory(tmp_path)
