"""`clostorus.nn` offers what golden has for models, and needs PyTorch and NumPy alone."""

import importlib
import re
import tomllib

import pytest

import clostorus.nn
from tests.support.offered import MODULE, ROOMS, written
from tests.support.project import ROOT
from tests.support.without import EXTRAS, run_without

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PACKAGES = ("clostorus", "hw", "golden", "sw_driver", "sim", "fpga")

USE = """
import sys, clostorus
assert "torch" not in sys.modules
nn = clostorus.nn
assert "torch" not in sys.modules
import torch
assert sorted(dir(nn)) == sorted(nn.__all__)
everything = [getattr(nn, name) for name in nn.__all__]
model = nn.convert(torch.nn.Sequential(torch.nn.Linear(64, 48)), {"0": nn.ClosSpec(reduction=2)})
topology = nn.parse_topology("butterfly:32,3")
model.append(nn.ClosLinear.from_budget(48, 32, reduction=2))
model.append(nn.SparseCascade(topology.masks, topology.constants))
optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
model(torch.ones(3, 64)).square().sum().backward()
optimiser.step()
assert not HIDDEN & {name.partition(".")[0] for name in sys.modules}
"""


def test_the_module_is_that_of_the_rooms():
    assert MODULE.read_text() == written(), "run python -m tests.support.offered --write"


@pytest.mark.parametrize("room", ROOMS)
def test_all_of_a_room_is_offered(room):
    module = importlib.import_module(room)
    assert all(getattr(clostorus.nn, name) is getattr(module, name) for name in module.__all__)


def test_all_that_is_offered_is_there():
    assert clostorus.nn.__all__ == sorted(clostorus.nn.__all__)
    found = {name: getattr(clostorus.nn, name) for name in clostorus.nn.__all__}
    assert {one.__module__.partition(".")[0] for one in found.values()} == {"golden"}
    with pytest.raises(AttributeError, match="module 'clostorus.nn' has no attribute 'Linear'"):
        clostorus.nn.Linear  # noqa: B018


def test_it_needs_no_extra_and_imports_nothing_before_it_is_used():
    done = run_without(USE.replace("HIDDEN", repr(set(EXTRAS))))
    assert done.returncode == 0, done.stderr


def test_the_version_is_that_of_the_project():
    assert clostorus.__version__ == PROJECT["version"]
    done = run_without("import importlib.metadata as m\n"
                       "def version(name): raise m.PackageNotFoundError(name)\n"
                       "m.version = version\nimport clostorus; clostorus.__version__")
    assert "AttributeError: clostorus is not installed" in done.stderr
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        from clostorus import nothing  # noqa: F401


def test_dependencies_are_two_and_the_extras_those_that_pages_name():
    assert [re.match(r"\w+", one)[0] for one in PROJECT["dependencies"]] == ["torch", "numpy"]
    assert set(PROJECT["optional-dependencies"]) == {
        "data", "dev", "experiments", "fpga", "hardware", "onnx"}


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_say_that_they_have_types(package):
    assert (ROOT / package / "py.typed").exists()


def test_layers_use_nothing_that_the_oldest_pytorch_lacks():
    """2.6 has no `is_exporting`, as it turned out when their tests ran with it."""
    assert "torch>=2.6" in PROJECT["dependencies"]
    rooms = ("clos", "layers", "convert", "techniques", "tensors", "topologies")
    used = [path.name for room in rooms for path in (ROOT / "golden" / room).rglob("*.py")
            if re.search(r"torch\.compiler\.is_exporting\b", path.read_text())]
    assert not used, "golden.tensors.tracing.is_exporting asks whether there is one"
