"""`python -m sw_driver.cli.demo`, the second half of `make sim`: it passes, and it fails when
it should.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sim.toolchain import cache_dir
from sim.vector.processor import has_avx2
from tests.support.pages import blocks
from tests.support.project import ROOT

PACKAGES = ("hw", "golden", "sw_driver", "sim", "fpga")
ROUNDING = 'guard & (state["sticky"] | odd)'


def run_demo(folder: Path) -> subprocess.CompletedProcess:
    """Run the demo of a copy of the packages; models come from the common cache."""
    environment = os.environ | {"PYTHONPATH": str(folder), "CLOSTORUS_CACHE": str(cache_dir())}
    return subprocess.run([sys.executable, "-m", "sw_driver.cli.demo"], cwd=folder, env=environment,
                          capture_output=True, text=True)


def facts_of(text: str) -> dict[str, str]:
    """What a table of names and values says."""
    return dict(re.findall(r"^(\S.*?\S) {2,}(\S.*?) *$", text, re.M))


@pytest.fixture
def copy(tmp_path) -> Path:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package,
                        ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.mark.slow
@pytest.mark.cocotb
def test_every_output_word_of_the_digits_is_equal(copy):
    demo = run_demo(copy)
    assert demo.returncode == 0, demo.stdout + demo.stderr
    facts = facts_of(demo.stdout)
    assert facts["words compared"] == facts["words equal"] == "3600"
    assert facts["RTL accuracy"] == facts["fixed-point accuracy"]
    assert float(facts["RTL accuracy"].split()[0]) > 94
    beside = re.findall(r"^vector engine, 360 digits on (.*): (.*)$", demo.stdout, re.M)
    said = "output words and cycles of the run equal" if has_avx2() else "not run, since"
    assert [torus for torus, _ in beside] == ["2x2", "4x4", "4x4"]
    assert all(line.startswith(said) for _, line in beside)
    _, lanes, one = map(float, re.findall(r"cycles per sample, measured +(\S+)", demo.stdout))
    assert one == 176 and lanes < 0.7 * one
    [shown] = [block.text for block in blocks() if "float accuracy  " in block.text]
    assert facts_of(shown).keys() == facts.keys()
    for name, value in facts_of(shown).items():  # Only accuracies depend on PyTorch's sums.
        assert name.endswith("accuracy") or facts[name] == value, name


@pytest.mark.slow
@pytest.mark.cocotb
def test_a_flipped_rounding_bit_fails(copy):
    source = copy / "hw" / "mac" / "requantise.py"
    text = source.read_text()
    assert text.count(ROUNDING) == 1
    source.write_text(text.replace(ROUNDING, 'guard & ~(state["sticky"] | odd)'))
    demo = run_demo(copy)
    assert demo.returncode == 1
    assert "words differ; the first at" in demo.stderr
