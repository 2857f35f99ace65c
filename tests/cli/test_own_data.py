"""Own data through train, compile and run: classes by name, the same inputs everywhere."""

import json

import numpy as np
import pytest
import torch

from golden import load_checkpoint
from golden.data.loading import load_split
from golden.data.source import Source
from sw_driver import load_artifact
from tests.support.command_line import succeed
from tests.support.own_data import FEATURES, LAYERS, named, numbers, write_csv

X, Y = numbers(60)
OWN = ("--label", "kind", "--test-fraction", 0.25, "--split-seed", 1, "--standardise", *LAYERS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    table = write_csv(folder / "own.csv", X, named(Y))
    succeed("train", "--data", table, *OWN, "--epochs", 8, "-o", folder / "own.pt")
    succeed("compile", folder / "own.pt", "--data", table, "--torus", "1x2",
            "-o", folder / "own.ctz")
    return folder


def run(folder, data, *more):
    return json.loads(succeed("run", folder / "own.ctz", "--data", data, *more, "--json").stdout)


def test_files_keep_how_samples_become_inputs(folder):
    saved = load_checkpoint(folder / "own.pt")
    split = load_split(Source(str(folder / "own.csv"), "kind", None, 0.25, 1, standardise=True))
    assert saved.preparation == split.preparation == load_artifact(folder / "own.ctz").preparation
    assert saved.data == "own.csv" and saved.preparation.classes == ("ant", "zebra")


def test_run_counts_by_the_names_of_classes(folder):
    found = run(folder, folder / "own.csv")
    assert found["samples"] == 60 and found["fixed_point_accuracy"] > 0.8
    assert [count["name"] for count in found["classes"]] == ["ant", "zebra"]
    assert sum(count["right"] for count in found["classes"]) == round(
        60 * found["fixed_point_accuracy"])
    assert [count["samples"] for count in found["classes"]] == [30, 30]
    text = succeed("run", folder / "own.ctz", "--data", folder / "own.csv").stdout
    assert "ant" in text and "right" in text


def test_columns_in_another_order_and_other_classes(folder, tmp_path):
    table = write_csv(tmp_path / "t.csv", X[:, ::-1], named(Y), features=FEATURES[::-1])
    assert run(folder, table)["classes"] == run(folder, folder / "own.csv")["classes"]
    zebras = write_csv(tmp_path / "z.csv", X[Y == 0], named(Y[Y == 0]))
    found = run(folder, zebras)["classes"]
    assert [count["samples"] for count in found] == [0, 30]


def test_samples_without_classes(folder, tmp_path):
    outputs = []
    np.save(tmp_path / "x.npy", X)
    np.savez(tmp_path / "x.npz", x=X)
    for data in (write_csv(tmp_path / "t.csv", X), tmp_path / "x.npy", tmp_path / "x.npz",
                 folder / "own.csv"):
        found = run(folder, data, "-o", tmp_path / "y.npy")
        assert (found["fixed_point_accuracy"] is None) == (data.name != "own.csv")
        assert (found["classes"][0]["samples"] is None) == (data.name != "own.csv")
        outputs.append(np.load(tmp_path / "y.npy"))
    for output in outputs[1:]:
        np.testing.assert_array_equal(output, outputs[0])


def test_the_test_part_is_that_of_the_training(folder):
    found = run(folder, folder / "own.csv", "--test-fraction", 0.25, "--split-seed", 1)
    split = load_split(Source(str(folder / "own.csv"), "kind", None, 0.25, 1, standardise=True))
    assert found["samples"] == len(split.test_y) == 15
    assert found["data"] == "own.csv test split"
    assert [count["samples"] for count in found["classes"]] == np.bincount(split.test_y).tolist()


def test_errors_of_each_output_against_the_float_model(folder, tmp_path):
    found = run(folder, folder / "own.csv", "--model", folder / "own.pt",
                "-o", tmp_path / "y.npy")["output_errors"]
    saved = load_checkpoint(folder / "own.pt")
    inputs = torch.as_tensor(saved.preparation.apply(X)).double()
    with torch.no_grad():
        error = np.abs(np.load(tmp_path / "y.npy") - saved.model.double()(inputs).numpy())
    assert found["names"] == ["ant", "zebra"] and 0 < error.max() < 0.1
    np.testing.assert_allclose(found["largest"], error.max(axis=0), rtol=1e-9)
    np.testing.assert_allclose(found["mean"], error.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(found["rms"], np.sqrt((error**2).mean(axis=0)), rtol=1e-9)
    np.testing.assert_allclose(found["all"][0], error.max(), rtol=1e-9)


@pytest.mark.parametrize("device", [(), ("--device", "golden", "--torus", "1x2")])
def test_a_training_goes_on_with_the_same_inputs(folder, tmp_path, device):
    """In two parts as in one: the split and the scales come from the file."""
    data = ("--data", folder / "own.csv")
    whole, parts = tmp_path / "whole.pt", tmp_path / "parts.pt"
    epochs = 2 if device else 3
    succeed("train", *data, *OWN, *device, "--epochs", epochs, "-o", whole)
    if device:  # Its recipe has all epochs from the start: it goes on with nothing left to do.
        succeed("train", *data, *OWN, *device, "--epochs", epochs, "-o", parts)
    else:
        succeed("train", *data, *OWN, "--epochs", 1, "-o", parts)
    succeed("train", *data, *device[:2], "--epochs", epochs, "--resume", "-o", parts)
    one, other = load_checkpoint(whole), load_checkpoint(parts)
    for name, weight in one.model.state_dict().items():
        assert weight.equal(other.model.state_dict()[name]), name
    assert one.preparation == other.preparation


def test_what_comes_next_names_the_data(tmp_path):
    table = write_csv(tmp_path / "own data.csv", X, named(Y))
    text = succeed("train", "--data", table, *OWN, "--epochs", 1, "-o", tmp_path / "m.pt").stdout
    assert f"--data '{table}' --torus 4x4" in text
