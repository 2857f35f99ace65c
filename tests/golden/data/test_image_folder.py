"""Folders of images: a sample each, with the class of its folder."""

import numpy as np
import pytest
from PIL import Image

from golden.data.image_folder import files, read_images
from golden.data.loading import load_split
from golden.errors import DataError

PIXELS = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20


def write(path, pixels=PIXELS, mode=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    (image if mode is None else image.convert(mode)).save(path)


def test_classes_are_folders(tmp_path):
    for name, number in (("cats/b.png", 1), ("cats/a.png", 2), ("dogs/c.bmp", 3)):
        write(tmp_path / name, PIXELS + number)
    (tmp_path / ".hidden").touch()
    found = read_images(tmp_path).train
    assert found.labels == ("cats", "cats", "dogs") and found.name == f"{tmp_path.name}/"
    wanted = np.stack([PIXELS + number for number in (2, 1, 3)]).reshape(3, 12)
    np.testing.assert_array_equal(found.x, wanted.astype(np.float32) / np.float32(255))
    assert found.place(2) == str(tmp_path / "dogs" / "c.bmp")
    assert [path.name for path in files(tmp_path)] == ["a.png", "b.png", "c.bmp"]


def test_images_without_classes(tmp_path):
    write(tmp_path / "1.png")
    found = read_images(tmp_path)
    assert found.train.labels is None and found.test is None


def test_colours_come_one_after_the_other(tmp_path):
    pixels = np.arange(2 * 2 * 3, dtype=np.uint8).reshape(2, 2, 3)
    write(tmp_path / "1.png", pixels)
    found = read_images(tmp_path).train.x[0] * 255
    np.testing.assert_allclose(found, [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11], rtol=1e-6)


def test_parts_are_told_apart_by_folders(tmp_path):
    for part in ("train", "test"):
        for number, kind in enumerate("abab"):
            write(tmp_path / part / kind / f"{number}.png")
    split = load_split(str(tmp_path))
    assert split.train_y.tolist() == [0, 0, 1, 1] == split.test_y.tolist()
    assert split.preparation.classes == ("a", "b")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "must hold IDX files, .*, or images, .*, but is empty"),
        (lambda path: (path / "a").mkdir(), "a must hold images of its class, but is empty"),
        (lambda path: (path / "notes.txt").touch(), "notes.txt must be an image, .png"),
        (lambda path: (write(path / "a" / "1.png"), write(path / "2.png")),
         "a folder of images for each class and nothing else, but also holds 2.png"),
        (lambda path: write(path / "a" / "b" / "1.png"), "a/b must be an image"),
        (lambda path: (write(path / "1.png"), write(path / "2.png", PIXELS.T)),
         "2.png must be 4x3 grey, as .*1.png, not 3x4 grey"),
        (lambda path: (write(path / "1.png"), write(path / "2.png", mode="RGB")),
         "2.png must be 4x3 grey, as .*1.png, not 4x3 RGB"),
        (lambda path: write(path / "1.png", mode="RGBA"), "grey .* or RGB of 8 bits, not of mode"),
        (lambda path: write(path / "1.png", mode="P"), "not of mode P"),
        (lambda path: (path / "1.png").write_bytes(b"text"), "1.png must be a whole image"),
        (lambda path: (write(path / "1.png"), cut(path / "1.png")), "1.png must be a whole image"),
        (lambda path: Image.new("L", (3, 3)).save(path / "1.png", format="TIFF"),
         "1.png must be a whole image"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, make, message):
    make(tmp_path)
    with pytest.raises(DataError, match=message) as found:
        read_images(tmp_path)
    assert "\n" not in str(found.value)


def cut(path):
    path.write_bytes(path.read_bytes()[:-30])
