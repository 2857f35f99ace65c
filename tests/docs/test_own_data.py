"""docs/own-data.md: its program and its command lines run, and print what the page shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.pages import blocks

PAGE = "docs/own-data.md"
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
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    assert [line.split()[1] for line, _ in STEPS] == ["train", "compile", "run", "train"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for line, shown in STEPS:
        done = subprocess.run(["bash", "-ec", line], cwd=tmp_path, capture_output=True, text=True,
                              env=os.environ | {"PATH": path}, check=False)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        wanted = words(shown)
        assert words(done.stdout)[: len(wanted)] == wanted, line
        accuracies = [re.findall(r"([\d.]+) %", text) for text in (done.stdout, shown)]
        for found, told in zip(*accuracies, strict=False):
            assert not shown or abs(float(found) - float(told)) < 3, line
    assert float(accuracies[0][-1]) > 90
