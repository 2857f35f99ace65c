"""One hostile input, and the workshop that it is tried in."""

import dataclasses
import hashlib
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import torch
from pyarrow import parquet
from typer.testing import CliRunner

from sw_driver.cli import app
from tests.support.onnx_nets import node, write_net
from tests.support.own_data import LAYERS as SMALL_LAYERS
from tests.support.own_data import named, numbers, write_csv
from tests.support.project import ROOT

LAYERS = ("--layer", "64,16,8,2,4", "--layer", "16,10,4,2,2")


_OWN_MODEL = """\
import sys
import torch
from golden import ClosLinear

def make():
    return ClosLinear(64, 10, (8, 4, 5))

def small():
    return ClosLinear(9, 10, (3, 4, 5))

def tanh():
    return torch.nn.Sequential(make(), torch.nn.Tanh())

def fails():
    return 1 / 0

def leaves():
    sys.exit(3)

def number():
    return 7

def asks(inputs):
    return make()

nothing = None
"""


class Workshop:
    """A folder with the files that a user has, made once; every case gets an empty one beside it.

    Attributes
    ----------
    files : Path
        Holds model.pt, model.ctz (2x2), fixed.pt (trained on the golden device), x.npy and the
        folder mnist; the inputs of x.npy as x.csv, x.npz and x.parquet; own.pt and own.ctz, trained
        on the table own.csv; and net.py, broken.py, w.pt and text.pt of a model of one's own. No
        case may change it.
    here : Path
        The working directory of a case.
    refusals : int
        How often something was refused since the last `clear`.
    outcomes : dict
        What commands make of whole files: the same in every case, so found out once.
    """

    def __init__(self, folder: Path) -> None:
        self.files, self.here = folder / "files", folder / "here"
        self.files.mkdir()
        self.here.mkdir()
        self.refusals = 0
        self.outcomes: dict[tuple[str, tuple[str, ...]], object] = {}
        model = self.files / "model.pt"
        self.succeed("train", *LAYERS, "--epochs", 2, "-o", model)
        self.succeed("compile", model, "--torus", "2x2", "-o", self.files / "model.ctz")
        np.save(self.files / "x.npy", np.random.default_rng(1).random((4, 64)))
        self._write_mnist(self.files / "mnist")
        self.succeed(
            "train", "--device", "golden", "--torus", "1x2", "--epochs", 1, "--data",
            self.files / "mnist", *LAYERS, "-o", self.files / "fixed.pt",
        )  # fmt: skip
        self._write_tables()
        shutil.copy(ROOT / "tests" / "fpga" / "cells.lib", self.files)
        (self.files / "net.py").write_text(_OWN_MODEL)
        (self.files / "broken.py").write_text("import torch\n\ndef make(:\n")
        torch.save({"weight": torch.zeros(10, 64)}, self.files / "w.pt")
        torch.save({"weight": "text"}, self.files / "text.pt")
        self._write_onnx()
        self._before = self._state(self.files)

    def _write_onnx(self) -> None:
        """A dense net of the digits, in one file and with its weights in another."""
        rng = np.random.default_rng(3)
        weights = {"a": rng.standard_normal((64, 16)), "c": rng.standard_normal((16, 10))}
        weights = {name: weight.astype(np.float32) for name, weight in weights.items()}
        nodes = [node("Gemm", ["x", "a"], ["h"], "first"), node("Relu", ["h"], ["r"], "relu"),
                 node("MatMul", ["r", "c"], ["y"], "second")]
        for name, beside in (("net.onnx", None), ("beside.onnx", "beside.bin")):
            write_net(self.files / name, nodes, weights, shape=("batch", 64), external=beside)

    def _write_tables(self) -> None:
        """Tables and an archive, with and without classes."""
        x = np.load(self.files / "x.npy")
        names = [f"p{number}" for number in range(64)]
        write_csv(self.files / "x.csv", x, features=names)
        np.savez_compressed(self.files / "x.npz", x=x)
        columns = pyarrow.table(dict(zip(names, x.T, strict=True)))
        parquet.write_table(columns, self.files / "x.parquet")
        samples, labels = numbers()
        own = write_csv(self.files / "own.csv", samples, named(labels))
        self.succeed(
            "train", "--data", own, "--label", "kind", "--test-fraction", 0.25, "--standardise",
            *SMALL_LAYERS, "--epochs", 2, "-o", self.files / "own.pt",
        )  # fmt: skip
        self.succeed("compile", self.files / "own.pt", "--data", own, "--torus", "1x1", "-o",
                     self.files / "own.ctz")

    def _write_mnist(self, folder: Path) -> None:
        """Twelve images of 8x8 to train on, and as many to test with."""
        folder.mkdir()
        rng = np.random.default_rng(2)
        for part in ("train", "t10k"):
            for kind, array in (
                ("images-idx3", rng.integers(0, 256, (12, 8, 8))),
                ("labels-idx1", np.arange(12) % 10),
            ):
                header = bytes([0, 0, 8, array.ndim])
                header += b"".join(size.to_bytes(4, "big") for size in array.shape)
                name = f"{part}-{kind}-ubyte"
                (folder / name).write_bytes(header + array.astype(np.uint8).tobytes())

    def run(self, *arguments: object):
        """Run a command in this process; the result has exit_code, stdout and stderr."""
        texts = [str(argument).format(files=self.files, here=self.here) for argument in arguments]
        return self.inside(lambda: CliRunner().invoke(app, texts))

    def inside(self, call: Callable[[], Any]) -> Any:
        """Call something in the working directory of the case."""
        before = os.getcwd()
        os.chdir(self.here)
        try:
            return call()
        finally:
            os.chdir(before)

    def succeed(self, *arguments: object):
        """Run a command that must end well."""
        result = self.run(*arguments)
        assert result.exit_code == 0, result.output
        return result

    def refused(self, message: str, *arguments: object, status: int = 2) -> None:
        """Run a command that must end with one line on standard error, and leave nothing."""
        before = self._state(self.here)
        result = self.run(*arguments)
        told_by_typer = result.exit_code == 2 and "Usage: " in result.stderr
        if told_by_typer:
            assert "Error" in result.stderr and "Traceback" not in result.stderr
            assert re.search(message, " ".join(result.stderr.split())), result.stderr
        else:
            assert isinstance(result.exception, SystemExit), repr(result.exception)
            assert result.exit_code == status, result.output
            assert re.fullmatch(f"clostorus: .*{message}.*\n", result.stderr), result.stderr
        assert result.stdout == ""
        assert self._state(self.here) == before, "a refused command leaves nothing"
        self.refusals += 1

    def clear(self) -> None:
        """Make the working directory empty, and see that the files are as they were."""
        assert self._state(self.files) == self._before, "a case changed what it was given"
        shutil.rmtree(self.here)
        self.here.mkdir()
        self.refusals = 0

    @staticmethod
    def _state(folder: Path) -> dict[str, str]:
        return {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            if path.is_file()
            else "folder"
            for path in sorted(folder.rglob("*"))
        }


@dataclasses.dataclass(frozen=True)
class Case:
    """A hostile input.

    Parameters
    ----------
    group
        What it attacks: "command line", "files", "Python API", "signals and pipes".
    name
        What it is; unique in its group.
    attempt
        Tries it; raises if there comes anything but what must.
    """

    group: str
    name: str
    attempt: Callable[[Workshop], None]

    def __str__(self) -> str:
        return f"{self.group}: {self.name}"
