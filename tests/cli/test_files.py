"""Output files of commands: never an input, never each other, never half, never a lost link."""

import os
import resource
import shutil
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from golden import ClosNet, ClosShape, load_model, save_model
from golden.data import datasets
from golden.experiments.clos_accuracy import ClosAccuracy
from sw_driver import load_artifact
from sw_driver.system.files import check_outputs
from tests.support.command_line import clostorus, fail, succeed
from tests.support.datasets import write_files

ICEBREAKER = ("build", "--board", "icebreaker")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder with an untrained model.pt and its model.ctz for a 1x1 torus."""
    folder = tmp_path_factory.mktemp("whole")
    save_model(folder / "model.pt", ClosNet([ClosShape(64, 10, 8, 2, 5)]), data="digits")
    succeed("compile", folder / "model.pt", "--torus", "1x1", "-o", folder / "model.ctz")
    (folder / "set").mkdir()
    write_files(folder / "set")
    return folder


@pytest.fixture
def made(whole, tmp_path, monkeypatch):
    """A copy of it, with inputs and a dataset; work that begins is a failure."""
    for name in ("model.pt", "model.ctz"):
        (tmp_path / name).write_bytes((whole / name).read_bytes())
    np.save(tmp_path / "x.npy", np.zeros((3, 64)))
    shutil.copytree(whole / "set", tmp_path / "set")

    def work(*_, **__):
        raise AssertionError("nothing may be computed")

    # What imports others comes first, or it would keep what stands in for them.
    for name in ("train.model_config.config_of", "files.artifact.load_artifact",
                 "compiler.compile", "train.model_file.Trainer"):
        monkeypatch.setattr(f"sw_driver.{name}", work)
    monkeypatch.setattr("golden.load_checkpoint", work)
    return tmp_path


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


OVERWRITES = {
    "compile": ("compile", "{}", "-o", "{}"),
    "compile --data": ("compile", "model.pt", "--data", "{}.npy", "-o", "{}.npy"),
    "run": ("run", "{}", "-o", "{}"),
    "run --data": ("run", "model.ctz", "--data", "{}.npy", "-o", "{}.npy"),
    "run --timeline": ("run", "{}", "--timeline", "{}"),
    "run --trace": ("run", "{}", "--device", "sim", "--trace", "{}"),
    "verilog --config-from": ("verilog", "--config-from", "{}", "-o", "{}"),
    "verilog --bake": ("verilog", "--bake", "{}", "-o", "{}"),
}


@pytest.mark.parametrize("kind", ["itself", "link", "hard link", "other spelling"])
@pytest.mark.parametrize("case", OVERWRITES)
def test_an_input_is_no_output(made, case, kind):
    command, end = OVERWRITES[case], ".npy" if "{}.npy" in OVERWRITES[case] else ""
    source, target = made / f"source{end}", made / f"target{end}"
    source.write_bytes(b"read")
    if kind == "link":
        target.symlink_to(source.name)
    elif kind == "hard link":
        target.hardlink_to(source)
    else:
        target = source if kind == "itself" else made / "set" / ".." / source.name
    torus = ("--torus", "1x1") if command[0] == "compile" else ()
    before, places = contents(made), iter((source, target))
    filled = [next(places) if "{}" in part else part for part in command]
    filled = [made / part if part in ("model.pt", "model.ctz") else part for part in filled]
    option = {"-o": "--output"}.get(command[-2], command[-2])
    reader = {"compile": "MODEL", "run": "ARTIFACT"}.get(command[0], command[1])
    reader = "--data" if "--data" in command else reader
    fail(2, f"{option} must not be a file that {reader} reads: .* would be lost", *filled, *torus)
    assert contents(made) == before


def test_a_dataset_is_no_output(made):
    images, folder = made / "set" / "train-images-idx3-ubyte", made / "set"
    packed, = (path for path in datasets.files("mnist10k") if path.name.startswith("t10k-l"))
    before = contents(made), packed.read_bytes()
    message = "must not be a file that --data reads"
    fail(2, f"--output {message}", "train", "--data", folder, "--layer", "6,3,2,2,1", "-o", images)
    fail(2, f"--output {message}", "train", "--data", "mnist10k", "--resume", "-o", packed)
    fail(2, f"--output {message}", "compile", made / "model.pt", "--torus", "1x1", "--data", folder,
         "-o", images)
    fail(2, f"--timeline {message}", "run", made / "model.ctz", "--data", folder, "--timeline",
         images)
    # Without --data a file says what it was made from: any data that come with the package.
    for command in (("train", "--resume"), ("run", made / "model.ctz"),
                    ("compile", made / "model.pt", "--torus", "1x1")):
        fail(2, f"--output {message}", *command, "-o", packed)
    assert (contents(made), packed.read_bytes()) == before


@pytest.mark.parametrize("name", ["runs.csv", "report.md", "accuracy.png"])
def test_a_dataset_is_no_result_of_an_experiment(tmp_path, name):
    assert (name in ClosAccuracy.pictures) == name.endswith(".png")
    (tmp_path / "out").mkdir()
    for path in datasets.files("mnist10k"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "out" / name).symlink_to(tmp_path / path.name)
    before = contents(tmp_path)
    fail(2, f"{name} of --out must not be a file that --data reads", "experiment", "clos-accuracy",
         "--quick", "--data", tmp_path, "--out", tmp_path / "out")
    assert contents(tmp_path) == before


def test_an_input_is_in_no_folder_that_is_written(made):
    for name in ("schedule.json", "weights_r0_c0.mem", "biases_r7_c9.mem"):
        model = made / "out" / name
        model.parent.mkdir(exist_ok=True)
        model.write_bytes(b"read")
        fail(2, "--export must not be a file that MODEL reads", "compile", model, "--torus", "1x1",
             "--export", model.parent, "-o", made / "m.ctz")
        fail(2, "--output and --export must be different files", "compile", made / "model.pt",
             "--torus", "1x1", "--export", model.parent, "-o", model)
        assert model.read_bytes() == b"read"
        model.unlink()
    for command, name in ((("verilog", "--split"), "artifact.v"), (ICEBREAKER, "report.json"),
                          (ICEBREAKER, "model.ctz")):
        artifact = made / "out" / name
        artifact.hardlink_to(made / "model.ctz")
        for reader in ("--bake", "--config-from"):
            option = "--output" if "--split" in command else "--out"
            fail(2, f"{option} must not be a file that {reader} reads", *command, reader,
                 made / "model.ctz", "-o", artifact.parent)
        artifact.unlink()
    assert not list((made / "out").iterdir())


def test_outputs_are_different_files(made):
    before = contents(made)
    (made / "link").symlink_to("new")
    fail(2, "--output and --timeline must be different files, not both", "run", made / "model.ctz",
         "-o", made / "new", "--timeline", made / "link")
    fail(2, "--trace and --timeline must be different files, not both", "run", made / "model.ctz",
         "--device", "sim", "--trace", made / "new", "--timeline", made / "new")
    assert contents(made) == before


def test_what_keeps_nothing_may_be_named_twice():
    null = Path(os.devnull)
    check_outputs({"--trace": [null], "--timeline": [null]}, {"--data": [null]})


def test_train_goes_on_with_the_file_that_it_reads(tmp_path):
    path = tmp_path / "model.pt"
    small = ("--layer", "64,10,8,2,5", "--quiet", "-o", path)
    succeed("train", "--epochs", 1, *small)
    succeed("train", "--epochs", 2, "--resume", *small)


@pytest.mark.parametrize("command", [("train", "--epochs", 2, "--layer", "64,10,8,2,5"),
                                     ("train", "--device", "golden", "--torus", "1x1", "--epochs",
                                      2, "--layer", "6,3,2,2,1", "--data", "set"),
                                     ("compile", "model.pt", "--torus", "1x1"),
                                     ("run", "model.ctz", "--samples", 2),
                                     ("verilog", "--torus", "1x1", "--top", "inference-router"),
                                     ("analyse", "clos:8,8,2,2,2", "--quick")],
                         ids=lambda command: command[0])
def test_links_pipes_and_modes_stay(whole, tmp_path, command):
    """A link's target is replaced, with its mode; a pipe gets the same bytes."""
    held = "model.pt", "model.ctz", "set"
    filled = [whole / part if part in held else part for part in command]
    target, link, pipe = (tmp_path / f"{name}.png" for name in ("target", "link", "pipe"))
    target.write_bytes(b"old")
    target.chmod(0o640)
    link.symlink_to("target.png")
    os.mkfifo(pipe)
    succeed(*filled, "--quiet", "-o", link)
    assert link.is_symlink() and stat.S_IMODE(target.stat().st_mode) == 0o640
    assert target.read_bytes() != b"old"
    with ThreadPoolExecutor() as pool:
        read = pool.submit(pipe.read_bytes)
        succeed(*filled, "--quiet", "-o", pipe)
    assert read.result() == target.read_bytes()
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.png", "pipe.png",
                                                                "target.png"]


OUTPUTS = {
    "train": ("train", "-o"),
    "compile": ("compile", "model.pt", "--torus", "1x1", "-o"),
    "run": ("run", "model.ctz", "-o"),
    "run --timeline": ("run", "model.ctz", "--samples", 2, "--timeline"),
    "run --trace": ("run", "model.ctz", "--device", "sim", "--trace"),
    "verilog": ("verilog", "--torus", "1x1", "-o"),
    "analyse": ("analyse", "clos:8,8,2,2,2", "--quick", "-o"),
    "bench": ("bench", "area", "--results", "results", "--page"),
}


@pytest.mark.parametrize("case", OUTPUTS)
def test_places_that_take_no_file_are_refused_before_the_work(made, monkeypatch, case):
    monkeypatch.chdir(made)
    os.symlink("loop.png", "loop.png")
    os.mkdir("folder.png")
    before = sorted(made.rglob("*"))
    for name, why in (("none/o.png", "there is no folder"), ("x.npy/o.png", "Not a directory"),
                      ("folder.png", "it is a folder|Is a directory"), ("loop.png", "Too many"),
                      ("/proc/o.png", ""), (f"{'a' * 252}.png", "File name too long")):
        fail(2, f"{name}.*({why})", *OUTPUTS[case], name)
    assert sorted(made.rglob("*")) == before


FOLDERS = {
    "compile": ("compile", "model.pt", "--torus", "1x1", "-o", "m.ctz", "--export"),
    "verilog": ("verilog", "--torus", "1x1", "--split", "-o"),
    "build": (*ICEBREAKER, "--out"),
    "bench": ("bench", "area", "--quick", "--results"),
    "experiment": ("experiment", "clos-accuracy", "--quick", "--out"),
}


@pytest.mark.parametrize("case", FOLDERS)
def test_places_that_take_no_folder_are_refused_before_the_work(made, monkeypatch, case):
    monkeypatch.chdir(made)
    monkeypatch.setattr("fpga.board_build.find_tool", lambda name: pytest.fail("work"))
    os.symlink("loop", "loop")
    before = sorted(made.rglob("*"))
    for name in ("x.npy", "x.npy/deep", "loop", "/proc/deep/out", "a" * 256):
        fail(2, f"{name} (cannot be written|must be a folder)", *FOLDERS[case], name)
    assert sorted(made.rglob("*")) == before


@pytest.fixture
def full():
    """A limit on the size of files stands for a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("case", ["train", "compile", "run", "run --timeline", "verilog"])
def test_a_full_disk_is_one_line(whole, tmp_path, monkeypatch, full, case):
    monkeypatch.chdir(whole)
    monkeypatch.setattr("hw.tops.top_verilog", lambda *_, **__: "module m;\n" * 100)
    before = contents(whole)
    for out in (tmp_path / "out", tmp_path / "new"):
        if out.name == "out":
            out.write_bytes(b"old")
        fail(2, f"{out.name} cannot be written: File too large", *OUTPUTS[case], out)
    assert contents(tmp_path) == {tmp_path / "out": b"old"} and contents(whole) == before


@pytest.mark.parametrize("command", [("compile", "model.pt", "--torus", "1x1", "-o", "m.ctz",
                                      "--export"), ("verilog", "--torus", "1x1", "--split", "-o")],
                         ids=lambda command: command[0])
def test_a_full_disk_leaves_no_part_of_a_folder(whole, tmp_path, monkeypatch, full, command):
    text = "/* Generated by */\n(* top =  1  *)\nmodule m(x);\nendmodule\n" + "//\n" * 100
    monkeypatch.chdir(whole)
    monkeypatch.setattr("hw.tops.top_verilog", lambda *_, **__: text)
    fail(2, "cannot be written: File too large", *command, tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_the_system_refuses_is_one_line(whole, monkeypatch):
    """Even where nothing foresaw it."""
    def full(*_, **__):
        raise OSError(28, "No space left on device", "/tmp/scratch")

    monkeypatch.setattr("sw_driver.files.artifact.load_artifact", full)
    fail(2, "/tmp/scratch: No space left on device", "info", whole / "model.ctz")


def test_outputs_are_read_again(whole, tmp_path):
    """What is written beside and renamed is what a reader expects."""
    assert load_model(whole / "model.pt").shapes == load_artifact(whole / "model.ctz").net.shapes
    assert clostorus("info", whole / "model.ctz").exit_code == 0
