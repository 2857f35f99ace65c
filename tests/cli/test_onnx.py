"""ONNX files from the command line: compiled, projected onto Clos layers, and trained further."""

import json

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from golden import ChainNet, ClosNet, load_checkpoint, load_onnx, save_model
from golden.data import datasets
from golden.training.trainer import accuracy
from sw_driver.files.artifact import load_artifact
from tests.support.command_line import fail, succeed
from tests.support.onnx_nets import node, write_net

SPLIT = datasets.load("digits")


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    """A trained dense net of the digits in an ONNX file."""
    torch.manual_seed(1)
    body, head = nn.Linear(64, 48), nn.Linear(48, 10)
    optimiser = torch.optim.Adam([*body.parameters(), *head.parameters()], 0.01)
    x, labels = torch.as_tensor(SPLIT.train_x), torch.as_tensor(SPLIT.train_y)
    for _ in range(60):
        optimiser.zero_grad()
        nn.functional.cross_entropy(head(torch.relu(body(x))), labels).backward()
        optimiser.step()
    weights = {"a": body.weight, "b": body.bias, "c": head.weight, "d": head.bias}
    nodes = [node("Gemm", ["x", "a", "b"], ["h"], "body", transB=1), node("Relu", ["h"], ["r"]),
             node("Gemm", ["r", "c", "d"], ["y"], "head", transB=1)]
    return write_net(tmp_path_factory.mktemp("onnx") / "net.onnx", nodes,
                     {name: weight.detach().numpy() for name, weight in weights.items()},
                     shape=("batch", 64))


def reference(path, x):
    [found] = onnxruntime.InferenceSession(str(path)).run(None, {"x": x})
    return torch.as_tensor(found)


def test_compile_projects_and_says_what_it_loses(net, tmp_path):
    out = tmp_path / "net.ctz"
    options = ("--torus", "2x2", "--data", "digits", "--reduction", 2, "-o", out)
    told = json.loads(succeed("compile", net, *options, "--json").stdout)
    lost = told["projection"]
    assert [one["position"] for one in lost["layers"]] == ["body", "head"]
    assert lost["weights"][0] == 64 * 48 + 480 and lost["weights"][1] == told["parameters"]
    before = accuracy(reference(net, SPLIT.train_x), torch.as_tensor(SPLIT.train_y))
    assert lost["accuracies"][0] == pytest.approx(before)
    compiled = load_artifact(out)
    words = compiled.net.layer_words(compiled.net.quantise_input(torch.as_tensor(SPLIT.train_x)))
    outputs = compiled.net.dequantise_output(words[-1].output.words)
    after = accuracy(outputs, torch.as_tensor(SPLIT.train_y))
    assert lost["accuracies"][1] == pytest.approx(after, abs=0.01)
    wanted = reference(net, SPLIT.train_x).double()
    error = float((outputs - wanted).norm() / wanted.norm())
    assert lost["error"] == pytest.approx(error, abs=0.01)
    text = succeed("compile", net, *options).stdout
    assert "accuracy in float" in text and "layer body" in text


def test_compile_takes_dense_layers_as_they_are(net, tmp_path):
    out = tmp_path / "dense.ctz"
    told = json.loads(succeed("compile", net, "--torus", "2x2", "--data", "digits", "-o", out,
                              "--json").stdout)
    assert told["projection"] is None and told["parameters"] == 64 * 48 + 480
    np.save(tmp_path / "x.npy", SPLIT.test_x)
    succeed("run", out, "--data", tmp_path / "x.npy", "-o", tmp_path / "y.npy")
    found, wanted = np.load(tmp_path / "y.npy"), reference(net, SPLIT.test_x).numpy()
    assert np.abs(found - wanted).max() < 0.01 * np.ptp(wanted)


def test_compile_without_labels(net, tmp_path):
    np.save(tmp_path / "x.npy", SPLIT.train_x[:50])
    told = json.loads(succeed("compile", net, "--torus", "1x1", "--data", tmp_path / "x.npy",
                              "--reduction", 2, "-o", tmp_path / "n.ctz", "--json").stdout)
    assert told["projection"]["accuracies"] is None
    assert 0 < told["projection"]["agreement"] <= 1 and told["projection"]["error"] > 0


@pytest.mark.parametrize("reduction, kind, least", [
    (2, ClosNet, 0.85), (7, ChainNet, 0.4), (None, ChainNet, 0.85)])
def test_train_recovers_what_the_projection_loses(net, reduction, kind, least, tmp_path):
    model = tmp_path / "model.pt"
    options = () if reduction is None else ("--reduction", reduction)
    told = json.loads(succeed("train", "--from", net, *options, "--data", "digits", "--epochs", 6,
                              "--json", "-o", model).stdout)
    before = told["before"]
    labels = torch.as_tensor(SPLIT.test_y)
    assert before[f"of {net}"] == pytest.approx(accuracy(reference(net, SPLIT.test_x), labels))
    if reduction is not None:
        assert told["test_accuracy"] > before["with Clos layers"] + 0.1
    assert told["test_accuracy"] > least
    saved = load_checkpoint(model)
    assert isinstance(saved.model, kind)
    assert told["test_accuracy"] == pytest.approx(
        accuracy(saved.model(torch.as_tensor(SPLIT.test_x)), labels))
    again = json.loads(succeed("train", "--resume", "--epochs", 7, "--json", "-o", model).stdout)
    assert again["layers"] == told["layers"] and again["epochs"] == 7


def test_train_goes_on_from_a_model_file_as_from_itself(net, tmp_path):
    first = tmp_path / "first.pt"
    succeed("train", "--from", net, "--reduction", 2, "--data", "digits", "--epochs", 2, "-o",
            first)
    told = json.loads(succeed("train", "--from", first, "--epochs", 1, "--json", "-o",
                              tmp_path / "second.pt").stdout)
    model = load_checkpoint(first).model
    labels = torch.as_tensor(SPLIT.test_y)
    wanted = accuracy(model(torch.as_tensor(SPLIT.test_x)), labels)
    assert told["before"] == {f"of {first}": pytest.approx(wanted)}


def test_train_on_a_torus_from_a_model_file(net, tmp_path):
    first, fixed = tmp_path / "first.pt", tmp_path / "fixed.pt"
    succeed("train", "--from", net, "--reduction", 2, "--data", "digits", "--epochs", 8, "-o",
            first)
    told = json.loads(succeed("train", "--from", first, "--device", "golden", "--torus", "1x1",
                              "--lr", 0.001, "--epochs", 1, "--json", "-o", fixed).stdout)
    assert told["test_accuracy"] > 0.9  # One epoch from nothing gives less.
    assert load_checkpoint(fixed).model.shapes == load_checkpoint(first).model.shapes


def test_train_dense_layers_on_a_torus(net, tmp_path):
    fixed = tmp_path / "fixed.pt"
    told = json.loads(succeed("train", "--from", net, "--data", "digits", "--device", "golden",
                              "--torus", "1x1", "--lr", 0.001, "--epochs", 1, "--json", "-o",
                              fixed).stdout)
    assert told["test_accuracy"] > 0.9 and told["layers"] == [[64, 48], [48, 10]]


def test_a_torus_does_not_train_a_leak(tmp_path):
    nodes = [node("MatMul", ["x", "a"], ["h"], "n"), node("LeakyRelu", ["h"], ["y"], alpha=0.5)]
    path = write_net(tmp_path / "leak.onnx", nodes, {"a": np.ones((64, 10), np.float32)},
                     shape=("b", 64))
    fail(2, "LeakyReLU.2..-1., which no torus trains", "train", "--from", path, "--data", "digits",
         "--device", "golden", "-o", tmp_path / "m.pt")


def test_weights_in_double_precision_are_trained_in_single(net, tmp_path):
    save_model(tmp_path / "wide.pt", load_onnx(net).double())
    succeed("train", "--from", tmp_path / "wide.pt", "--data", "digits", "--epochs", 1, "-o",
            tmp_path / "m.pt")
    assert load_checkpoint(tmp_path / "m.pt").model.layers[0].weight.dtype == torch.float32


def test_quantised_files_are_refused_by_name(tmp_path):
    nodes = [node("Quant", ["x", "s", "z", "b"], ["q"], "Quant_0", domain="onnx.brevitas"),
             node("MatMul", ["q", "a"], ["y"])]
    weights = {"a": np.ones((64, 10), np.float32), "s": np.float32(0.0625), "z": np.float32(0),
               "b": np.float32(4)}
    path = write_net(tmp_path / "q.onnx", nodes, weights, shape=("b", 64),
                     domains=("onnx.brevitas",))
    fail(2, r"MODEL .*q.onnx: node Quant_0 \(Quant\) of onnx.brevitas quantises with a scale of it",
         "compile", path, "--torus", "1x1", "--data", "digits", "-o", tmp_path / "q.ctz")
