"""The folder of a build: it takes the place of a former one at once, or leaves it as it was."""

import os
import stat

import pytest

from fpga.board_build import _FILES, _replacing
from sw_driver.errors import DriverError

NAME = min(_FILES)


def write(out, text="new"):
    with _replacing(out) as folder:
        (folder / NAME).write_text(text)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_folder_follows_the_umask_and_a_former_one_keeps_its_mode(tmp_path):
    out = tmp_path / "deep" / "out"
    before = os.umask(0o027)
    try:
        write(out)
        assert mode(out) == 0o750
        out.chmod(0o705)
        write(out, "newer")
    finally:
        os.umask(before)
    assert (out / NAME).read_text() == "newer" and mode(out) == 0o705
    assert os.listdir(out.parent) == ["out"]


@pytest.mark.parametrize("there", [True, False])
def test_links_stay(tmp_path, there):
    out = tmp_path / "elsewhere" / "out"
    if there:
        write(out, "old")
    (tmp_path / "near").symlink_to("far")
    (tmp_path / "far").symlink_to(out)
    write(tmp_path / "near")
    assert (tmp_path / "near").is_symlink() and (tmp_path / "far").is_symlink()
    assert (out / NAME).read_text() == "new" and not out.is_symlink()
    assert os.listdir(out.parent) == ["out"]


def test_what_can_be_no_folder_is_refused(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").write_text("mine")
    for name, why in (("loop", "Too many levels"), ("file", "is no folder"),
                      ("file/out", "Not a directory|is no folder"), ("a" * 256, "too long")):
        with pytest.raises(DriverError, match=f"cannot be written: .*({why})"):
            write(tmp_path / name)
    assert sorted(os.listdir(tmp_path)) == ["file", "loop"]
    assert (tmp_path / "file").read_text() == "mine"


def test_the_longest_name(tmp_path):
    write(tmp_path / ("a" * 255))
    assert os.listdir(tmp_path) == ["a" * 255]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, OSError(28, "No space left")])
def test_what_stops_a_build_leaves_the_former_one(tmp_path, stop):
    out = tmp_path / "out"
    write(out, "old")
    with pytest.raises((KeyboardInterrupt, SystemExit, DriverError)), _replacing(out) as folder:
        (folder / NAME).write_text("half")
        raise stop
    assert (out / NAME).read_text() == "old" and os.listdir(tmp_path) == ["out"]
