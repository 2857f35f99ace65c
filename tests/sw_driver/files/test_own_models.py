"""Models of a user's own Python file: executed as a script is, and compiled."""

import sys

import pytest
import torch
from typer.testing import CliRunner

from golden import quantise
from golden.data import datasets
from sw_driver.cli import app
from sw_driver.errors import DriverError
from sw_driver.files.artifact import load_artifact
from sw_driver.files.kinds import OwnModel, own_model
from sw_driver.files.own_models import load_own_model

NET = """\
import dataclasses

import torch.nn.functional as F
from torch import nn

from golden import ClosLinear
from sizes import HIDDEN


@dataclasses.dataclass
class Sizes:
    hidden: int = HIDDEN


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = ClosLinear(64, Sizes().hidden, (8, 4, 4))
        self.norm = nn.BatchNorm1d(HIDDEN)
        self.head = ClosLinear(HIDDEN, 10, (4, 4, 2))

    def forward(self, x):
        return self.head(F.relu6(self.norm(self.body(x.flatten(1)))))


def make_net():
    print("a word")
    return Net()


made = Net()
"""


@pytest.fixture
def file(tmp_path):
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "sizes.py").write_text("HIDDEN = 24\n")
    yield tmp_path / "net.py"
    sys.modules.pop("sizes", None)


def test_files_and_names_are_told_from_model_files(tmp_path):
    assert own_model("a/net.py:make") == OwnModel(tmp_path.__class__("a/net.py"), "make")
    assert own_model("model.pt") is None and own_model("net.py") is None


@pytest.mark.parametrize("name", ["make_net", "Net", "made"])
def test_a_function_a_class_or_a_module_is_the_model(file, name, capsys):
    before = list(sys.path), sys.dont_write_bytecode
    model = load_own_model(OwnModel(file, name), None)
    assert (list(sys.path), sys.dont_write_bytecode) == before
    assert model.body.out_features == 24 and not model.training
    told = capsys.readouterr()
    assert told.out == "" and told.err == ("a word\n" if name == "make_net" else "")
    assert not list(file.parent.rglob("*.pyc"))


def test_weights_of_another_shape_are_refused(file, tmp_path):
    state = load_own_model(OwnModel(file, "make_net"), None).state_dict()
    state["norm.weight"] = torch.zeros(3)
    torch.save(state, tmp_path / "w.pt")
    with pytest.raises(DriverError, match=r"norm.weight must have shape \[24\], not \[3\]"):
        load_own_model(OwnModel(file, "make_net"), tmp_path / "w.pt")


def test_it_is_compiled_from_the_command_line(file, tmp_path):
    model = load_own_model(OwnModel(file, "make_net"), None)
    model.train()(torch.rand(50, 64))
    torch.save(model.state_dict(), tmp_path / "w.pt")
    artifact = tmp_path / "net.ctz"
    for command in (
        ["compile", f"{file}:make_net", "--weights", tmp_path / "w.pt", "--data", "digits",
         "--torus", "2x2", "-o", artifact],
        ["run", artifact, "--samples", "5"],
        ["verify", artifact],
    ):  # fmt: skip
        result = CliRunner().invoke(app, ["--quiet", *map(str, command)])
        assert result.exit_code == 0, result.output
    x = datasets.load("digits").train_x
    wanted, found = quantise(model.eval(), x), load_artifact(artifact)
    assert found.net.infer(torch.as_tensor(x[:9])).equal(wanted.infer(torch.as_tensor(x[:9])))
    assert found.net.layers[0].bounds == wanted.layers[0].bounds
    assert found.config.bounded == int(wanted.layers[0].bounds is not None)
