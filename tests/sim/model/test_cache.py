"""The cache of what was built: damage, builds that were killed, disks that are full."""

import contextlib
import fcntl
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import hw.tops
import sim.model.build
import sim.model.library
from golden import ClosShape
from golden.system.status import BAD_INPUT, exit_status
from golden.vectors.nets import random_net
from hw.config import TorusConfig
from hw.emit import emit_verilog
from sim.errors import SimError
from sim.model.build import Kind, build_model
from sim.model.cache import cached
from sim.model.emitted import emitted_torus
from sim.model.native import NativeModel
from sw_driver import compile, save_artifact
from sw_driver.errors import StorageError
from sw_driver.system.scratch import temporary_folder, work_folder
from tests.support.command_line import fail
from tests.support.disks import small_disk
from tests.support.stopped import HEEDS_CTRL_C
from tests.support.toys import TOP, HostToy

WAIT_S = 60

DAMAGE = {
    "empty": lambda data: b"",
    "truncated": lambda data: data[:len(data) // 2],
    "zeros": lambda data: bytes(len(data)),
    "one bit": lambda data: data[:-2] + bytes([data[-2] ^ 1]) + data[-1:],
    "longer": lambda data: data + b"\0",
    "gone": None,
}


def spoil(path, damage):
    """In another file: a library that is loaded must stay as it is."""
    data = path.read_bytes()
    path.unlink()
    if DAMAGE[damage] is not None:
        path.write_bytes(DAMAGE[damage](data))


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("CLOSTORUS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def model_cache(cache, monkeypatch, toolchain):
    """An empty cache, but for Verilator's runtime, which takes long to build."""
    with monkeypatch.context() as patch:
        patch.delenv("CLOSTORUS_CACHE")
        runtime = sim.model.build._runtime(toolchain)
    cache.mkdir()
    for path in runtime.parent.glob(f"{runtime.name}*"):
        shutil.copy(path, cache)
    return cache


class Builder:
    """Counts what it makes."""

    def __init__(self, text="made"):
        self.made, self.text = 0, text

    def __call__(self, folder):
        self.made += 1
        (folder / "file").write_text(f"{self.text} {self.made}")
        return folder / "file"


def left(cache):
    return list(cache.glob("building-*"))


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("suffix", ["", ".sha256"])
def test_a_damaged_file_is_made_again_once(cache, damage, suffix):
    build = Builder()
    path = cached("a", ["key"], build)
    assert cached("a", ["key"], build) == path and build.made == 1
    spoil(path.with_name(path.name + suffix), damage)
    for _ in range(2):
        assert cached("a", ["key"], build).read_text() == "made 2"
    assert build.made == 2 and not left(cache)


def test_a_file_of_before_digests_is_made_again(cache):
    build = Builder()
    cached("a", ["key"], build).with_suffix(".sha256").unlink()
    assert cached("a", ["key"], build).read_text() == "made 2"


def test_a_damaged_model_is_built_again(model_cache):
    verilog, beats = emit_verilog(HostToy(32), TOP), np.array([[1], [2]], np.uint32)
    built = build_model(verilog, TOP, Kind.NATIVE)
    spoil(built, "truncated")
    with NativeModel(verilog, TOP) as model:
        assert (model.run(beats, 2, max_cycles=10).beats == ~beats).all()
    assert sim.model.cache.is_whole(built)


def test_damaged_verilog(cache, monkeypatch):
    monkeypatch.setattr(hw.tops, "top_verilog", lambda *_, **__: "module torus")
    config = TorusConfig(rows=1, cols=1)
    assert emitted_torus(config) == "module torus"
    written, = (path for path in cache.glob("torus-verilog-*") if not path.suffix)
    for damage in DAMAGE:
        spoil(written, damage)
        assert emitted_torus(config) == "module torus"


@pytest.mark.usefixtures("toolchain")
def test_a_library_of_another_machine_is_built_again(monkeypatch):
    verilog, load = emit_verilog(HostToy(32), TOP), sim.model.library._load
    built, builds, refusals = build_model(verilog, TOP, Kind.NATIVE), [], []

    def build(*_, again=False, **__):
        builds.append(again)
        return built

    def refuse(path):
        refusals.append(path)
        if len(refusals) in refused:
            raise OSError(f"{path}: version GLIBC_9 not found")
        return load(path)

    monkeypatch.setattr(sim.model.library, "build_model", build)
    monkeypatch.setattr(sim.model.library, "_load", refuse)
    refused = {1}
    NativeModel(verilog, TOP).close()
    refused = {3, 4}
    with pytest.raises(SimError, match="cannot be loaded: .*GLIBC_9.*CLOSTORUS_CACHE"):
        NativeModel(verilog, TOP)
    assert builds == [False, True] * 2


# Builds that are killed.

BUILD = """
import os, sys, time
from pathlib import Path
from sim.model.cache import cached
from sim.toolchain import find_toolchain

def build(folder):
    (folder / "part").write_text("part")
    find_toolchain().run(["sh", "-c", "echo $$ > part; sleep 60"], folder)

cached("a", ["killed"], build)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_build_that_is_killed_leaves_no_program_and_no_folder_for_long(cache, toolchain, number):
    caller = subprocess.Popen([*HEEDS_CTRL_C, sys.executable, "-c", BUILD],
                              stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + WAIT_S
    program = ""
    while not program.strip().isdigit():
        assert time.monotonic() < deadline
        time.sleep(0.02)
        for part in cache.glob("building-*/part"):
            program = part.read_text()
    # Whoever builds something else meanwhile leaves it alone.
    cached("b", ["key"], Builder())
    assert len(left(cache)) == 1
    caller.send_signal(number)
    caller.wait(WAIT_S)
    while Path(f"/proc/{program.strip()}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    cached("c", ["key"], Builder())
    assert not left(cache)


def test_a_folder_in_use_is_left_alone(tmp_path):
    mine = {"work-", "work-ofsomeoneelse.part", "work-another_.part.bak", "a-work-12345678.part"}
    for name in {*mine, "work-killed__.part"}:
        (tmp_path / name).mkdir()
    (tmp_path / "work-file5678.part").write_text("no folder")
    with (work_folder(tmp_path, "work-", ".part") as first,
          work_folder(tmp_path, "work-", ".part") as second):
        assert first.is_dir() and second.is_dir() and first != second
        assert not (tmp_path / "work-killed__.part").exists()
    assert {path.name for path in tmp_path.iterdir()} == {*mine, "work-file5678.part"}


def test_a_folder_that_is_taken_for_unused_is_made_anew(tmp_path, monkeypatch):
    """Another process may see it before it is locked."""
    flock, taken = fcntl.flock, []

    def too_late(lock, operation):
        if not taken:
            taken.extend(tmp_path.iterdir())
            taken[0].rmdir()
        flock(lock, operation)

    monkeypatch.setattr(fcntl, "flock", too_late)
    with work_folder(tmp_path, "work-") as folder:
        assert folder.is_dir() and [folder] != taken


def test_a_folder_that_has_another_name_stays(tmp_path):
    with work_folder(tmp_path, "work-") as folder:
        folder.rename(tmp_path / "result")
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


# Disks.


def refused(error, cache, reason):
    message = str(error.value)
    assert "\n" not in message and str(cache) in message and reason in message
    assert exit_status(error.value) == BAD_INPUT


@pytest.mark.parametrize("size", ["4k", "12k", "100k", pytest.param("700k",
                                                                    marks=pytest.mark.slow)])
def test_a_full_disk_in_the_midst_of_a_build(tmp_path, monkeypatch, toolchain, size):
    """In whichever step it is full: as Yosys, Python, Verilator or the compiler writes."""
    verilog = emit_verilog(HostToy(32), TOP)
    with small_disk(tmp_path / "disk", size) as disk:
        monkeypatch.setenv("CLOSTORUS_CACHE", str(disk))
        with pytest.raises(StorageError) as error:
            build_model(verilog, TOP, Kind.NATIVE)
        refused(error, disk, "No space left on device")
        assert not left(disk)
        assert not [path for path in disk.iterdir() if path.suffix not in (".lock", ".sha256")
                    and not sim.model.cache.is_whole(path)]


def test_a_full_disk_that_python_meets(cache):
    def build(folder):
        with open("/dev/full", "w") as full:
            full.write("text")

    with pytest.raises(StorageError) as error:
        cached("a", ["key"], build)
    refused(error, cache, "No space left on device")


def test_a_folder_of_temporary_files_that_is_full(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(StorageError) as error, temporary_folder() as folder:
        assert folder.parent == tmp_path
        with open("/dev/full", "w") as full:
            full.write("text")
    refused(error, tmp_path, "No space left on device; free some space there, or name another")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with pytest.raises(StorageError, match="No such file or directory"), temporary_folder():
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("toolchain")
def test_the_command_line_says_so_in_one_line(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv("CLOSTORUS_CACHE", str(tmp_path / "file"))
    compiled = compile(random_net([ClosShape(64, 10, 8, 2, 5)], seed=0), "1x1")
    save_artifact(tmp_path / "model.ctz", compiled)
    run = "run", tmp_path / "model.ctz", "--data", "digits", "--device", "sim", "--samples", 1
    fail(BAD_INPUT, "CLOSTORUS_CACHE must be a folder that can be written", *run)
    fail(BAD_INPUT, "cannot be written: it is a folder", *run, "--trace", tmp_path)


@pytest.mark.parametrize("kind", ["file", "below a file", "read-only disk"])
def test_a_cache_that_cannot_be_written(tmp_path, monkeypatch, kind):
    with contextlib.ExitStack() as stack:
        if kind == "read-only disk":
            cache, reason = stack.enter_context(small_disk(tmp_path / "disk", "1m")), "Read-only"
            monkeypatch.setenv("CLOSTORUS_CACHE", str(cache))
            there = cached("a", ["there"], Builder())
            subprocess.run(["mount", "-o", "remount,ro", str(cache)], check=True)
            # What is there is of use all the same.
            assert cached("a", ["there"], Builder()) == there
        else:
            (tmp_path / "file").write_text("mine")
            cache = tmp_path / "file" if kind == "file" else tmp_path / "file" / "cache"
            reason = "File exists" if kind == "file" else "Not a directory"
            monkeypatch.setenv("CLOSTORUS_CACHE", str(cache))
        with pytest.raises(StorageError, match=re.escape(f"{cache}: {reason}")) as error:
            cached("a", ["key"], Builder())
        refused(error, cache, reason)
    if kind != "read-only disk":
        assert (tmp_path / "file").read_text() == "mine"
