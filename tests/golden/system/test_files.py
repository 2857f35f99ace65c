"""Output files: whole or as they were; links stay links, pipes are written to, modes are kept."""

import errno
import os
import resource
import socket
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from golden.system.files import check_folder, check_target, is_replaced, write_bytes, write_files


class Refused(ValueError):
    pass


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def path(tmp_path):
    return tmp_path / "out.bin"


def test_new_file_follows_the_umask(path):
    before = os.umask(0o027)
    try:
        write_bytes(path, b"new", Refused)
    finally:
        os.umask(before)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert names(path.parent) == ["out.bin"]


@pytest.mark.parametrize("mode", [0o600, 0o755, 0o664])
def test_old_file_keeps_its_mode(path, mode):
    path.write_bytes(b"old")
    path.chmod(mode)
    write_bytes(path, b"new", Refused)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", mode)


def test_file_is_another_one_and_readers_of_the_old_one_keep_it(path):
    path.write_bytes(b"old")
    with path.open("rb") as reader:
        write_bytes(path, b"new", Refused)
        assert reader.read() == b"old"


# Links


@pytest.mark.parametrize("there", [True, False], ids=["there", "dangling"])
@pytest.mark.parametrize("steps", [1, 3])
def test_links_stay_and_what_they_name_is_replaced(tmp_path, there, steps):
    target = tmp_path / "elsewhere" / "target.bin"
    target.parent.mkdir()
    if there:
        target.write_bytes(b"old")
    links = [tmp_path / f"link{step}" for step in range(steps)]
    for link, to in zip(links, [*links[1:], target], strict=True):
        link.symlink_to(os.path.relpath(to, tmp_path))
    check_target(links[0], Refused)
    write_bytes(links[0], b"new", Refused)
    assert all(link.is_symlink() for link in links)
    assert target.read_bytes() == b"new"
    assert not target.is_symlink()
    assert names(target.parent) == ["target.bin"] and len(names(tmp_path)) == steps + 1


def test_links_that_lead_nowhere_are_refused(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "lost").symlink_to(tmp_path / "none" / "out")
    (tmp_path / "folder").mkdir()
    (tmp_path / "to_folder").symlink_to("folder")
    before = names(tmp_path)
    for name, why in (
        ("a", "Too many levels of symbolic links"),
        ("lost", "there is no folder .*none"),
        ("to_folder", "it is a folder"),
        ("folder", "it is a folder"),
    ):
        for refuse in (lambda path: check_target(path, Refused), lambda path: write(path)):
            with pytest.raises(Refused, match=rf"/{name} cannot be written: {why}"):
                refuse(tmp_path / name)
    assert names(tmp_path) == before


def write(path):
    write_bytes(path, b"new", Refused)


# What is no regular file


def test_a_pipe_is_written_to(tmp_path):
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    content = os.urandom(1 << 18)  # More than a pipe holds.
    assert is_replaced(tmp_path / "file", Refused)
    for path in (pipe, link):
        check_target(path, Refused)  # And does not wait for a reader.
        assert not is_replaced(path, Refused)
        with ThreadPoolExecutor() as pool:
            reader = pool.submit(pipe.read_bytes)
            write_bytes(path, content, Refused)
        assert reader.result() == content
    assert stat.S_ISFIFO(pipe.stat().st_mode) and link.is_symlink()
    assert names(tmp_path) == ["link", "pipe"]


def test_a_pipe_whose_reader_leaves(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: pipe.open("rb").close())
    reader.start()
    with pytest.raises(Refused, match="pipe cannot be written: Broken pipe"):
        write_bytes(pipe, bytes(1 << 20), Refused)
    reader.join()


def test_a_socket_is_refused(tmp_path):
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))
        for refuse in (lambda: check_target(path, Refused), lambda: write(path)):
            with pytest.raises(Refused, match="socket cannot be written: it is a socket"):
                refuse()
    assert stat.S_ISSOCK(path.stat().st_mode)


def test_an_open_file_without_a_name_is_written_to(tmp_path):
    """As standard output of a command, if the file that it goes to was removed meanwhile."""
    with (tmp_path / "gone").open("w+b") as file:
        (tmp_path / "gone").unlink()
        write_bytes(tmp_path / f"/proc/self/fd/{file.fileno()}", b"new", Refused)
        assert file.read() == b"new"
    assert names(tmp_path) == []


# What cannot be written


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("none/out.bin", "there is no folder .*none"),
        ("file/out.bin", "Not a directory"),
        ("a" * 256, "File name too long"),
        (".", "it is a folder"),
    ],
)
def test_places_that_take_no_file(tmp_path, name, why):
    (tmp_path / "file").write_bytes(b"")
    for refuse in (lambda path: check_target(path, Refused), write):
        with pytest.raises(Refused, match=f"cannot be written: {why}"):
            refuse(tmp_path / name)
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("length", [250, 255])
def test_the_longest_names_are_written(tmp_path, length):
    path = tmp_path / ("ä" * (length // 2) + "a" * (length % 2))
    check_target(path, Refused)
    write(path)
    assert path.read_bytes() == b"new" and len(names(tmp_path)) == 1


def test_a_file_that_may_not_be_written_to_is_refused(path, monkeypatch):
    path.write_bytes(b"old")
    path.chmod(0o444)
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)  # Root may do anything.
    for refuse in (lambda: check_target(path, Refused), lambda: write(path)):
        with pytest.raises(Refused, match="out.bin cannot be written: Permission denied"):
            refuse()
    assert path.read_bytes() == b"old"


def test_a_folder_that_takes_no_files_is_refused():
    with pytest.raises(Refused, match="/proc/out.bin cannot be written: "):
        check_target(Path("/proc/out.bin"), Refused)
    with pytest.raises(Refused, match="/proc/none/deep cannot be written: "):
        check_folder(Path("/proc/none/deep"), Refused)


@pytest.mark.parametrize("there", [True, False])
def test_a_full_disk_leaves_all_as_it_was(tmp_path, there):
    """A limit on the size of files stands for it."""
    small, large = tmp_path / "small", tmp_path / "large"
    if there:
        small.write_bytes(b"old")
        large.write_bytes(b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(Refused, match="large cannot be written: File too large"):
            write_files({small: bytes(10), large: bytes(2000)}, Refused)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"] * 2 * there


@pytest.mark.parametrize("stop", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_what_stops_the_renaming_leaves_the_old_file_and_nothing_else(path, monkeypatch, stop):
    path.write_bytes(b"old")

    def replace(*_):
        raise stop

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises((Refused, KeyboardInterrupt)):
        write(path)
    assert path.read_bytes() == b"old" and names(path.parent) == ["out.bin"]


# Folders


def test_folders_that_are_there_or_can_be_made(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "lost")
    (tmp_path / "file").write_bytes(b"")
    before = names(tmp_path)
    for name in (".", "new", "new/deep", "link"):
        check_folder(tmp_path / name, Refused)
    for name in ("file", "file/new"):
        with pytest.raises(Refused, match=f"{name} cannot be written: (.*/file is no folder|Not)"):
            check_folder(tmp_path / name, Refused)
    with pytest.raises(Refused, match="File name too long"):
        check_folder(tmp_path / ("a" * 256) / "new", Refused)
    assert names(tmp_path) == before
