"""The compiled code is built once, again where it was damaged, and missed in one line."""

from pathlib import Path

import pytest

from golden.compiled import library as library_module
from golden.compiled.library import library
from golden.errors import CompiledMissing


@pytest.fixture(autouse=True)
def forget():
    """Each test finds its library anew, as a process does, and leaves none behind."""
    library_module._library.cache_clear()
    yield
    library_module._library.cache_clear()


def test_it_is_built_once_and_again_if_it_is_damaged(tmp_path, monkeypatch):
    monkeypatch.setenv("CLOSTORUS_CACHE", str(tmp_path / "first"))
    assert library().golden_new
    built, digest = (tmp_path / "first").glob("*.so"), (tmp_path / "first").glob("*.sha256")
    built, digest = next(built), next(digest)
    stamp = built.stat().st_mtime_ns
    library_module._library.cache_clear()
    assert library().golden_new and built.stat().st_mtime_ns == stamp
    # In another folder, for a process that has loaded a library never looks at its file again.
    library_module._library.cache_clear()
    monkeypatch.setenv("CLOSTORUS_CACHE", str(tmp_path / "second"))
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / digest.name).write_text(digest.read_text())
    (tmp_path / "second" / built.name).write_bytes(built.read_bytes()[:5000])
    assert library().golden_new
    assert (tmp_path / "second" / built.name).stat().st_size == built.stat().st_size
    assert len(list((tmp_path / "second").iterdir())) == 2


def test_no_compiler_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CompiledMissing, match=r"^g\+\+ is not on PATH: install g\+\+ .*$"):
        library()


def test_a_compiler_that_fails_is_one_line(tmp_path, monkeypatch):
    wrong = tmp_path / "g++"
    wrong.write_text('#!/bin/sh\n[ "$1" = -dumpfullversion ] && exit 0\n'
                     "echo first >&2; echo cc1plus: out of memory >&2; exit 1\n")
    wrong.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("CLOSTORUS_CACHE", str(tmp_path / "cache"))
    with pytest.raises(CompiledMissing, match="cannot build .*: cc1plus: out of memory$"):
        library()
    assert list((tmp_path / "cache").iterdir()) == []


def test_no_home_folder_is_one_line(monkeypatch):
    def nowhere():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("CLOSTORUS_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", nowhere)
    with pytest.raises(CompiledMissing, match="CLOSTORUS_CACHE must be set, for there is no home"):
        library()


def test_a_folder_that_takes_no_files_is_one_line(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv("CLOSTORUS_CACHE", str(file))
    with pytest.raises(CompiledMissing, match="CLOSTORUS_CACHE must be a folder that can be "
                                              f"written, .* not {file}: "):
        library()
