"""Opening a file of a stranger executes nothing of it, and opens and writes no other file."""

import io
import json
import os
import pickle
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from golden import ClosNet, ClosShape, GoldenError, load_model, save_model
from golden.data.loading import load_split
from golden.data.source import Source
from golden.models.onnx_file import load_onnx
from golden.vectors.nets import random_net
from sw_driver.compiler import compile
from sw_driver.errors import DriverError
from sw_driver.files.archive import write_archive
from sw_driver.files.artifact import load_artifact, save_artifact
from sw_driver.files.kinds import OwnModel
from sw_driver.files.own_models import load_own_model
from tests.support.onnx_nets import node, write_net

SHAPES = [ClosShape(6, 4, 3, 2, 2)]


class Trap:
    """What whoever unpickles it writes a file by."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.write_text, (self.path, "executed")


def array(trap):
    file = io.BytesIO()
    np.save(file, np.array([trap, trap], object), allow_pickle=True)
    return file.getvalue()


def saved(value):
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


def zipped(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


CONTENTS = {
    "a pickle": pickle.dumps,
    "a saved object": saved,
    "a saved dict": lambda trap: saved({"format": 4, "state_dict": {"weight": trap}}),
    "an old saved object": lambda trap: legacy(trap),
    "an array": array,
    "an archive of arrays": lambda trap: zipped(**{"x.npy": array(trap), "y.npy": array(trap)}),
    "a zip of a pickle": lambda trap: zipped(**{
        "archive/data.pkl": pickle.dumps(trap), "archive/version": "3",
        "manifest.json": json.dumps({"members": {}})}),
}


def legacy(trap):
    file = io.BytesIO()
    torch.save(trap, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


def weights(path):
    model = path.with_name("net.py")
    model.write_text("from torch import nn\nmake = lambda: nn.Linear(2, 2)\n")
    return load_own_model(OwnModel(model, "make"), path)


READERS = {
    "bad.ctz": load_artifact,
    "bad.pt": load_model,
    "w.pt": weights,
    "bad.onnx": load_onnx,
    "bad.npy": lambda path: load_split(Source(str(path), test_fraction=0.5)),
    "bad.npz": lambda path: load_split(Source(str(path), test_fraction=0.5)),
    "bad.csv": lambda path: load_split(Source(str(path), label="y", test_fraction=0.5)),
    "bad.parquet": lambda path: load_split(Source(str(path), label="y", test_fraction=0.5)),
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("kind", CONTENTS)
def test_no_reader_executes_a_pickle(tmp_path, name, kind):
    trap = tmp_path / "trap"
    path = tmp_path / name
    path.write_bytes(CONTENTS[kind](Trap(trap)))
    with pytest.raises((DriverError, GoldenError)):
        READERS[name](path)
    assert not trap.exists()


def test_no_member_of_an_artifact_is_unpickled(tmp_path, monkeypatch):
    """Nor one whose digests are right: whoever makes the file computes them."""
    trap, path = tmp_path / "trap", tmp_path / "bad.ctz"
    plain = np.lib.format.write_array

    def pickled(file, part, version, allow_pickle):
        plain(file, np.array([Trap(trap)], object), version=(1, 0), allow_pickle=True)

    monkeypatch.setattr("numpy.lib.format.write_array", pickled)
    write_archive(path, {}, {"words": np.zeros(1, np.int64)})
    monkeypatch.undo()
    with pytest.raises(DriverError, match=r"words\.npy is not a NumPy array"):
        load_artifact(path)
    assert not trap.exists()


def test_the_trap_works(tmp_path):
    trap = tmp_path / "trap"
    pickle.loads(pickle.dumps(Trap(trap)))
    assert trap.read_text() == "executed"


class Watch:
    """What this process opens, starts or connects to while it is on; hooks cannot be removed."""

    def __init__(self):
        self.on, self.seen = False, []
        sys.addaudithook(self._hear)

    def _hear(self, event, arguments):
        if self.on and (event in {"open", "os.remove", "os.rename", "os.mkdir", "os.system"}
                        or event.startswith(("subprocess", "socket", "os.exec", "os.posix_spawn"))):
            self.seen.append((event, arguments))

    def during(self, call):
        self.seen.clear()
        self.on = True
        try:
            call()
        finally:
            self.on = False
        return list(self.seen)


WATCH = Watch()


def files(tmp_path):
    """One whole file of each kind, and its reader."""
    model, artifact = tmp_path / "model.pt", tmp_path / "model.ctz"
    save_model(model, ClosNet(SHAPES))
    save_artifact(artifact, compile(random_net(SHAPES, seed=1), "1x1"))
    rng = np.random.default_rng(1)
    x, y = rng.random((20, 6)), np.arange(20) % 2
    np.savez(tmp_path / "x.npz", x=x, y=y)
    rows = "".join(f"{','.join(map(str, row))},{label}\n" for row, label in zip(x, y, strict=True))
    (tmp_path / "x.csv").write_text("a,b,c,d,e,f,y\n" + rows)
    write_net(tmp_path / "net.onnx", [node("Gemm", ["x", "w"], ["h"], "first")],
              {"w": rng.random((6, 4)).astype(np.float32)})
    return {
        model: load_model, artifact: load_artifact, tmp_path / "net.onnx": load_onnx,
        tmp_path / "x.npz": READERS["bad.npz"], tmp_path / "x.csv": READERS["bad.csv"],
    }


def test_readers_open_their_file_and_nothing_else(tmp_path):
    for path, read in files(tmp_path).items():
        read(path)  # What is imported or compiled the first time is opened now.
        seen = WATCH.during(lambda read=read, path=path: read(path))
        opened = {str(arguments[0]) for event, arguments in seen if event == "open"}
        assert {event for event, _ in seen} == {"open"}, path.name
        assert opened == {os.fspath(path)}, path.name
        assert not [arguments for _, arguments in seen if set(str(arguments[1])) & set("wax+")]
