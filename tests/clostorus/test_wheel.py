"""The wheel and the sdist: built apart from this folder, and installed where nothing else is."""

import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.support.pages import FENCE
from tests.support.project import ROOT

pytestmark = pytest.mark.slow
PACKAGES = ("clostorus", "hw", "golden", "sw_driver", "sim", "fpga")
FILES = {"pyproject.toml", "README.md", "LICENSE"}
LOCK = ROOT / ".ci" / "constraints.txt"

TRAIN = """
import sys
import torch
from clostorus import __version__, nn

torch.manual_seed(0)
x = torch.randn(64, 48)
y = x[:, :24].roll(3, 1)
model = torch.nn.Sequential(nn.ClosLinear(48, 24, (6, 4, 6)), torch.nn.ReLU(),
                            nn.ClosLinear.from_budget(24, 24, reduction=1))
optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
losses = []
for _ in range(60):
    optimiser.zero_grad()
    losses.append(torch.nn.functional.mse_loss(model(x), y))
    losses[-1].backward()
    optimiser.step()
assert losses[-1] < 0.7 * losses[0], (losses[0], losses[-1])
assert nn.__file__.startswith(sys.prefix), nn.__file__
print(__version__, torch.__version__)
"""


def run(*command, folder=None):
    """Run a program that must end well; return what it printed."""
    done = subprocess.run([str(one) for one in command], cwd=folder, capture_output=True,
                          text=True, check=False, env=os.environ | {"PYTHONPATH": ""})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files_of(path):
    """What an archive holds: checksums of the files of a wheel, or names of those of an sdist."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            return {one.filename: one.CRC for one in archive.infolist()}
    with tarfile.open(path) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the sdist, the wheel made of it, and in `direct` that made without it."""
    folder = tmp_path_factory.mktemp("built")
    project = folder / "project"
    for name in PACKAGES:
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copyfile(ROOT / name, project / name)
    build = (sys.executable, "-m", "build", "--outdir")
    run(*build, folder, project, folder=folder)
    run(*build, folder / "direct", "--wheel", "--no-isolation", project, folder=folder)
    return folder


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A virtual environment in which there is PyTorch, with NumPy and what the two need."""
    folder = tmp_path_factory.mktemp("empty")
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    [site] = folder.glob("lib/python*/site-packages")
    waiting, seen = ["torch", "numpy"], set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        found = distribution(name)
        wanted = map(Requirement, found.requires or ())
        waiting += [one.name for one in wanted
                    if one.marker is None or one.marker.evaluate({"extra": ""})]
        for top in {path.parts[0] for path in found.files or ()} - {"..", "__pycache__"}:
            (site / top).symlink_to(Path(str(found.locate_file(top))))
    return folder


def test_the_sdist_makes_the_same_wheel(built):
    [made], [direct] = built.glob("*.whl"), built.glob("direct/*.whl")
    assert files_of(made) == files_of(direct)


def test_all_files_of_the_packages_are_in(built):
    wanted = {path.relative_to(built / "project").as_posix() for package in PACKAGES
              for path in (built / "project" / package).rglob("*") if path.is_file()}
    assert {"sim/model/harness.cpp", "sim/testbenches/host_stream.v", "golden/py.typed"} <= wanted
    [wheel], [sdist] = built.glob("*.whl"), built.glob("*.tar.gz")
    assert {name for name in files_of(wheel) if ".dist-info/" not in name} == wanted
    assert wanted | FILES <= files_of(sdist)


def test_it_installs_where_nothing_else_is(built, empty):
    """Without an index: what the wheel requires is all there. The layers then train."""
    [wheel] = built.glob("*.whl")
    python = empty / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "-c", LOCK, wheel)
    version, torch = run(python, "-c", TRAIN, folder=empty).split()
    assert wheel.name.startswith(f"clostorus-{version}-")
    assert torch.startswith(re.search(r"^torch==(\S+)$", LOCK.read_text(), re.M)[1])
    run(python, "-c", layer_lines(), folder=empty)
    told = subprocess.run([empty / "bin" / "clostorus", "--help"], capture_output=True, text=True,
                          check=False)
    assert (told.returncode, told.stdout) == (3, "")
    assert re.fullmatch(r"clostorus: .* pip install 'clostorus\[hardware\]'\n", told.stderr)


def layer_lines():
    """What the README shows of layers alone, and docs/layers.md before it converts models."""
    readme = (ROOT / "README.md").read_text()
    shown = re.findall(r"^(?:from clostorus\.nn import .*|layer = .*)$", readme, re.M)
    assert len(shown) >= 3 and shown[0].startswith("from ")
    page = (ROOT / "docs" / "layers.md").read_text().partition("\n## Converting a model")[0]
    blocks = [text for language, text in FENCE.findall(page) if language == "python"]
    assert blocks
    return "\n".join([*shown, *blocks])


@pytest.mark.parametrize("release", ["torch==2.6.0", "torch"], ids=["oldest", "newest"])
def test_the_layers_train_with_other_releases(release, built, tmp_path):
    if (sys.platform, platform.machine()) == ("linux", "x86_64"):
        pytest.skip("PyPI's wheels of PyTorch for this machine are CUDA builds, of more than 1 GB "
                    "with what they need; docs/layers.md says how 2.6.0 was tried")
    if release != "torch" and sys.version_info >= (3, 14):
        pytest.skip("PyTorch 2.6 has no wheels for this Python")
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path)
    [wheel] = built.glob("*.whl")
    python = tmp_path / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", release, wheel)
    run(python, "-c", TRAIN, folder=tmp_path)
