"""docs/onnx.md: its program and its command lines run, and print what the page shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from golden.models.onnx_layers import LAYERS
from tests.support.pages import blocks
from tests.support.project import ROOT

PAGE = "docs/onnx.md"
CONSOLE = [block.text for block in blocks() if block.page == PAGE and block.language == "console"]
STEPS = [step.partition("\n")[::2] for text in CONSOLE
         for step in re.split(r"^\$ ", text, flags=re.M) if step]


def words(text):
    """The words of a text without its figures, which differ in the last place between machines."""
    return re.sub(r"\d+(\.\d+)?", "#", text).split()


@pytest.mark.slow
def test_the_project_runs_as_the_page_shows(tmp_path):
    [program] = [block.text for block in blocks()
                 if block.page == PAGE and block.language == "python"]
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True)
    names = [line.split()[1] for line, _ in STEPS]
    assert names == ["compile", "run", "compile", "train", "compile", "run"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for line, shown in STEPS:
        done = subprocess.run(["bash", "-ec", line], cwd=tmp_path, capture_output=True, text=True,
                              env=os.environ | {"PATH": path}, check=False)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        wanted = words(shown)
        assert words(done.stdout)[: len(wanted)] == wanted, line
        for found, told in zip(*(re.findall(r"([\d.]+) %", text) for text in (done.stdout, shown)),
                               strict=False):
            assert abs(float(found) - float(told)) < 5, line
        accuracy = re.findall(r"accuracy +([\d.]+) %", done.stdout)
    assert float(accuracy[-1]) > 93


def test_the_table_lists_every_operator():
    text = (ROOT / PAGE).read_text()
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    assert sorted(name for row in rows for name in re.findall(r"`(\w+)`", row)) == sorted(LAYERS)
