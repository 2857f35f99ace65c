"""`python -m sw_driver.cli.train_demo` on a small net: it passes, and it fails when it should."""

import os
import re
import subprocess
import sys

import pytest
import torch

import sw_driver.cli.train_demo
from golden import ClosShape, load_model
from golden.fixed.training import FixedTrainingNet
from sim.vector.processor import has_avx2
from sw_driver.cli.train_demo import run_train_demo
from sw_driver.device.golden import GoldenDevice
from sw_driver.system.console import Output
from sw_driver.train.recipe import Recipe
from tests.support.project import ROOT

SHAPES = [ClosShape(64, 16, 8, 2, 4), ClosShape(16, 10, 4, 2, 2)]

pytestmark = pytest.mark.cocotb


def demo(folder) -> int:
    return run_train_demo(folder, Output(as_json=False, quiet=False), shapes=SHAPES, torus="1x2",
                          recipe=Recipe(epochs=2), samples=60)


@pytest.mark.slow
def test_the_rtl_trains_as_the_golden_model(tmp_path, capsys):
    assert demo(tmp_path) == 0
    text = capsys.readouterr().out
    said = ("losses and stored words and cycles equal Verilator's" if has_avx2()
            else "not run, since the processor has no AVX2")
    assert f"vector engine, epoch 1 on 1x2: {said}" in text
    facts = dict(re.findall(r"^(\S.*?\S) {2,}(\S.*?) *$", text, re.M))
    assert facts["samples trained on"] == facts["losses equal"] == "120"
    # 292 weights, 26 biases, and the random generators of two PEs.
    assert facts["words read back from the torus"] == facts["words equal"] == str(318 + 2)
    rows = [line.split() for line in text.splitlines() if re.match(r" *[12] +0\.", line)]
    assert [row[1] for row in rows] == ["0.030", "0.015"]
    for row in rows:
        losses = [float(value) for value in row[2:5]]
        assert losses[1] == losses[2]
        assert losses[0] == pytest.approx(losses[1], abs=0.05)
    assert float(rows[1][2]) < float(rows[0][2])
    assert load_model(tmp_path / "model.pt").shapes == tuple(SHAPES)
    assert (tmp_path / "curves.png").read_bytes()[1:4] == b"PNG"


@pytest.mark.slow
def test_another_rounding_fails(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sw_driver.cli.train_demo, "GoldenDevice",
                        lambda: GoldenDevice(engine="torch"))
    monkeypatch.setattr(FixedTrainingNet, "rounding", lambda self, words, shift:
                        torch.full_like(words, (1 << shift) >> 1))
    assert demo(tmp_path) == 1
    captured = capsys.readouterr()
    assert re.search(r"words differ after epoch 1: \d+ of 320; the first in layers\.0",
                     captured.err)
    facts = dict(re.findall(r"^(\S.*?\S) {2,}(\S.*?) *$", captured.out, re.M))
    assert int(facts["words equal"]) < 320


@pytest.mark.parametrize("demo", ["demo", "train_demo"])
def test_errors_are_one_line(tmp_path, demo):
    (tmp_path / "build").write_text("in the way")
    done = subprocess.run(
        [sys.executable, "-m", f"sw_driver.cli.{demo}"], cwd=tmp_path, capture_output=True,
        text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode == 2 and not done.stdout
    assert re.fullmatch(
        f"sw_driver.cli.{demo}: build/.* must be a folder: Not a directory\n", done.stderr)
