"""The commands of docs/export.md: ours write the folders, and a simulator alone plays them."""

import re
import shutil
import subprocess

import pytest
import torch

from golden import ClosNet, ClosShape, save_model
from tests.support.project import ROOT

PAGE = (ROOT / "docs" / "export.md").read_text()
# Of the folders that the page names: all that a user has who has nothing of this project.
ALONE = {"PATH": "/usr/bin:/bin"}


def lines_of(section):
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    lines = re.findall(r"^    (\S.*)$", text, re.M)
    return [line for line in lines if re.match(r"clostorus |cd |iverilog |vvp |verilator |obj_dir"
                                               r"|python ", line)]


def run(lines, folder, environment):
    done = subprocess.run(["bash", "-e"], input="\n".join(lines), cwd=folder, env=environment,
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    shapes = [ClosShape(64, 16, 8, 2, 4), ClosShape(16, 10, 4, 2, 2)]
    net = ClosNet(shapes, generator=torch.Generator().manual_seed(0))
    save_model(folder / "model.pt", net, data="digits")
    return folder


def split(section, environment, folder, moved):
    """Run our lines of a section, carry the folder away, and return the lines of others."""
    lines = lines_of(section)
    # Two samples of the 16, since Icarus is slow on a training.
    ours = [line.replace(" -o lesson", " --samples 2 -o lesson") if "--testbench" in line else line
            for line in lines if line.startswith("clostorus ")]
    run(ours, folder, environment)
    [enters] = [line for line in lines if line.startswith("cd ")]
    shutil.copytree(folder / enters.removeprefix("cd "), moved)
    return [line for line in lines if not line.startswith(("clostorus ", "cd "))]


@pytest.mark.slow
@pytest.mark.parametrize("section", ["In a simulator", "A training"])
def test_a_folder_and_icarus_are_enough(section, folder, tmp_path, toolchain, icarus):
    moved = tmp_path / "elsewhere"
    lines = split(section, toolchain.environment, folder, moved)
    compiles, runs = [line for line in lines if line.startswith(("iverilog ", "vvp "))]
    assert run([compiles], moved, ALONE) == ""
    [said] = run([runs], moved, ALONE).splitlines()[-1:]
    assert re.fullmatch(r"PASS: \d+ beats sent, \d+ came as they must, in \d+ cycles", said)
    for path in moved.iterdir():
        if path.name != "tb.vvp":
            text = path.read_text()
            assert not re.search(rf"{re.escape(str(ROOT))}|/tmp/|/home/", text), path.name


@pytest.mark.slow
def test_verilator_and_cocotb(folder, tmp_path, toolchain, icarus):
    moved = tmp_path / "elsewhere"
    environment = {name: value for name, value in toolchain.environment.items()
                   if name != "PYTHONPATH"}
    lines = split("In a simulator", environment, folder, moved)
    others = [line for line in lines if line.startswith(("verilator ", "obj_dir/"))]
    assert len(others) == 2
    assert "\nPASS: " in run(others, moved, environment)
    lines = lines_of("In cocotb")
    run([line for line in lines if line.startswith("clostorus ")], folder, environment)
    outside = tmp_path / "outside"
    outside.mkdir()
    for name in ("bench", "axi_bench"):
        shutil.copytree(folder / name, outside / name)
    for name in ("torus.v", "axi.v"):
        shutil.copy(folder / name, outside)
    runs = [line for line in lines if line.startswith("python ")]
    assert len(runs) == 3
    for line in runs:
        assert run([line], outside, environment).splitlines()[-1] == "2 of 2 tests passed"


def test_what_a_page_shows_is_what_a_testbench_says():
    bench = (ROOT / "sw_driver" / "script" / "tb.v").read_text()
    assert '"PASS: %0d beats sent, %0d came as they must, in %0d cycles"' in bench
    assert "parameter STALLS" in bench and "parameter PATIENCE" in bench
