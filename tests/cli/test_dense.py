"""Dense layers from the command line: a Clos body with a dense head, trained, compiled and run."""

import json

import pytest
from torch import nn

from golden import ChainNet, load_checkpoint, save_model
from sw_driver.files.artifact import load_artifact
from tests.support.command_line import fail, succeed

LAYERS = ("--layer", "64,16,8,4,4", "--layer", "16,10")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("dense") / "model.pt"
    succeed("train", "--data", "digits", *LAYERS, "--epochs", 4, "-o", path)
    return path


def test_a_dense_head_runs_on_the_rtl(model, tmp_path):
    net = tmp_path / "net.ctz"
    told = json.loads(succeed("compile", model, "--torus", "2x2", "-o", net, "--json").stdout)
    assert [layer["shape"] for layer in told["layers"]] == [[64, 16, 8, 4, 4], [16, 10]]
    assert told["fixed_point"]["agreement"] > 0.98
    assert load_artifact(net, check=True).net.shapes[1].cuts == (0, 8)
    ran = json.loads(succeed("run", net, "--device", "sim", "--samples", 20, "--json").stdout)
    assert ran["words_equal"] == ran["words_compared"] == 200


def test_it_trains_further_in_fixed_point(model, tmp_path):
    """From a net in float; the words and the float model of the file go on together."""
    fixed = tmp_path / "fixed.pt"
    options = ("--device", "golden", "--torus", "2x2", "--epochs", 1, "-o", fixed)
    told = json.loads(succeed("train", "--from", model, *options, "--json").stdout)
    assert told["layers"] == [[64, 16, 8, 4, 4], [16, 10]]
    before, after = (load_checkpoint(path).model for path in (model, fixed))
    assert isinstance(after, ChainNet) and after.shapes == before.shapes
    weights = [one.state_dict()["layers.1.weight"].float() for one in (before, after)]
    assert 0 < float((weights[1] - weights[0]).abs().max()) < 1
    net = tmp_path / "net.ctz"
    succeed("compile", fixed, "--torus", "2x2", "-o", net)
    ran = json.loads(succeed("run", net, "--device", "golden", "--json").stdout)
    assert ran["fixed_point_accuracy"] > 0.8


def test_what_a_torus_cannot_train_is_said_of_the_file(tmp_path):
    leaky = tmp_path / "leaky.pt"
    save_model(leaky, nn.Sequential(nn.Linear(64, 8), nn.LeakyReLU(0.25), nn.Linear(8, 10)))
    options = ("--data", "digits", "--device", "golden", "--torus", "2x2", "-o", tmp_path / "m.pt")
    fail(2, r"--from .*leaky\.pt: layer layers\.0 is followed by LeakyReLU.* no torus trains",
         "train", "--from", leaky, *options)
    few = tmp_path / "few.pt"
    save_model(few, nn.Sequential(nn.Linear(3, 10)))
    fail(2, r"--from: the first layer \(3, 10\) must have 64 inputs", "train", "--from", few,
         *options)


@pytest.mark.slow
def test_it_trains_on_the_rtl(model, tmp_path):
    """Every word of the torus is compared with the golden model after every part."""
    fixed = tmp_path / "fixed.pt"
    succeed("train", "--from", model, "--device", "sim", "--torus", "2x2", "--epochs", 1,
            "--compare", "-o", fixed)
