"""docs/onnx.md: its program and its command lines run, and print what the page shows."""

import re

import pytest

from golden.models.onnx_layers import LAYERS
from tests.support.project import ROOT
from tests.support.run_pages import console_steps, run_page

PAGE = "docs/onnx.md"


@pytest.mark.slow
def test_the_project_runs_as_the_page_shows(tmp_path):
    names = [line.split()[1] for line, _ in console_steps(PAGE)]
    assert names == ["compile", "run", "compile", "train", "compile", "run"]
    printed = run_page(PAGE, tmp_path, most_points=5)
    assert float(re.findall(r"accuracy +([\d.]+) %", printed[-1])[-1]) > 93


def test_the_table_lists_every_operator():
    text = (ROOT / PAGE).read_text()
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    assert sorted(name for row in rows for name in re.findall(r"`(\w+)`", row)) == sorted(LAYERS)
