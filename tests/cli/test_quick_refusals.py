"""What a command refuses at once: PyTorch is not imported for it."""

import subprocess
import sys
import time
import zipfile

import pytest

from sim.measure.names import TABLE_NAMES
from sim.measure.tables import TABLES
from tests.support.knobs import mostly_slow

_CHILD = """
import sys
from sw_driver.cli import main
try:
    main()
except SystemExit as end:
    slow = {"torch", "scipy", "sklearn", "matplotlib", "networkx"} & set(sys.modules)
    print("status", end.code, *sorted(slow))
"""
_COMPILE = ("compile", "model.pt", "--torus", "2x2", "-o", "out.ctz")
_TRAIN = ("train", "--device", "golden", "-o", "out.pt")
_BOARD = ("build", "--board", "icebreaker", "--out", "out")
WRONG = {
    "an option that there is not": ("run", "model.ctz", "--nonsense"),
    "a value that is no number": ("run", "model.ctz", "--samples", "many"),
    "a command that there is not": ("nonsense",),
    "a torus to compile for": ("compile", "model.pt", "--torus", "4y4", "-o", "out.ctz"),
    "no net to compile": ("compile", "none.onnx", "--torus", "2x2", "-o", "out.ctz"),
    "a reduction": (*_COMPILE, "--reduction", "0.5"),
    "no net to begin with": ("train", "--from", "none.onnx", "-o", "out.pt"),
    "a reduction of nothing": ("train", "--reduction", "2", "-o", "out.pt"),
    "an order of ops": (*_COMPILE, "--order", "worst"),
    "a board to compile for": (*_COMPILE, "--board", "none"),
    "bits of a word": (*_COMPILE, "--word-bits", "99"),
    "a loss of words": (*_COMPILE, "--word-bits", "auto", "--loss", "2"),
    "no place for an artifact": ("compile", "model.pt", "--torus", "2x2", "-o", "none/out.ctz"),
    "no data": (*_COMPILE, "--data", "model.pt.npy", "-o", "model.pt.npy"),
    "a device to run on": ("run", "model.ctz", "--device", "none"),
    "a port that is not there": ("run", "model.ctz", "--device", "serial", "--port", "/none"),
    "waves of no simulation": ("run", "model.ctz", "--trace", "waves.vcd"),
    "another format": ("run", "model.ctz", "-o", "out.csv"),
    "a top module": ("verilog", "--torus", "2x2", "--top", "none", "-o", "out.v"),
    "a torus of Verilog": ("verilog", "--torus", "4y4", "-o", "out.v"),
    "no torus of Verilog": ("verilog", "-o", "out.v"),
    "a device to train on": ("train", "--device", "none", "-o", "out.pt"),
    "a rate without a torus": ("train", "--lr", "0.1", "-o", "out.pt"),
    "a rate below 0": (*_TRAIN, "--lr", "-2"),
    "a momentum": (*_TRAIN, "--momentum", "15"),
    "a loss": (*_TRAIN, "--loss", "none"),
    "a torus that trains": (*_TRAIN, "--torus", "4y4"),
    "a layer": ("train", "--layer", "8,8,2", "-o", "out.pt"),
    "a layer for a torus": (*_TRAIN, "--layer", "8,8,99,2,2"),
    "data to train on": ("train", "--data", "none", "-o", "out.pt"),
    "data for a torus": (*_TRAIN, "--data", "none"),
    "a board to build for": ("build", "--board", "none"),
    "a torus to build": (*_BOARD, "--torus", "4y4"),
    "a board to plan for": ("plan", "--board", "none"),
    "a table": ("bench", "none"),
    "a target to fuzz": ("fuzz", "none"),
    "minutes to fuzz": ("fuzz", "--minutes", "-1"),
    "a page for what came of fuzzing": ("fuzz", "--page", "none.md"),
    "a device of a table": ("bench", "software", "--torch-device", "none"),
    "no topology": ("analyse",),
    "a picture that is none": ("analyse", "clos:8,8,2,2,2", "-o", "picture.txt"),
}
READERS = {
    "run": ("run", "{}"),
    "info": ("info", "{}"),
    "verify": ("verify", "{}"),
    "compile": ("compile", "{}", "--torus", "2x2", "-o", "out.ctz"),
    "verilog --bake": ("verilog", "--bake", "{}", "-o", "out.v"),
    "verilog --config-from": ("verilog", "--config-from", "{}", "-o", "out.v"),
    "build --bake": (*_BOARD, "--bake", "{}"),
    "build --config-from": (*_BOARD, "--config-from", "{}"),
}
BAD = ("missing", "text", "zip", "folder", "other", "cut")


@pytest.fixture(scope="module")
def folder(made, tmp_path_factory):
    """Files that no command takes, beside some that may do."""
    folder = tmp_path_factory.mktemp("bad")
    for name in ("model.pt", "model.ctz"):
        whole = (made / name).read_bytes()
        (folder / name).write_bytes(whole)
        (folder / f"cut-{name}").write_bytes(whole[:-200])
    (folder / "text").write_text("hello\n")
    (folder / "folder").mkdir()
    with zipfile.ZipFile(folder / "zip", "w") as archive:
        archive.writestr("a.txt", "a")
    return folder


def refused(folder, command):
    """Run a command that is refused in a line; return whether it says what imports slowly."""
    before = sorted(folder.iterdir())
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, *command], capture_output=True, text=True, cwd=folder
    )
    assert time.perf_counter() - start < 10  # For a machine with much else to do: 0.3 s without.
    assert done.stdout == "status 2\n", (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith(("clostorus: ", "Usage: ")), done.stderr
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("case", mostly_slow(WRONG, range(0, 99, 3)))
def test_wrong_arguments(folder, case):
    refused(folder, WRONG[case])


# --config-from takes both kinds, and has to read what a model file was trained on.
KINDS = [pytest.param(reader, kind) for reader in READERS for kind in BAD
         if kind != "other" or not reader.endswith("--config-from")]  # fmt: skip


@pytest.mark.parametrize(("reader", "kind"), mostly_slow(KINDS, range(0, 99, 5)))
def test_files_of_another_kind(folder, reader, kind):
    model = reader == "compile"
    own, other = ("model.pt", "model.ctz") if model else ("model.ctz", "model.pt")
    name = {"other": other, "cut": f"cut-{own}"}.get(kind, kind)
    refused(folder, [part.format(name) for part in READERS[reader]])


def test_a_training_that_is_not_there(folder):
    refused(folder, ("train", "--resume", "-o", "missing"))


def test_names_of_tables_are_known_without_them():
    assert tuple(TABLES) == TABLE_NAMES
