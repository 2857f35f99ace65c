"""Chains in ONNX files: what they compute is what onnxruntime computes."""

import subprocess
import sys

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto
from torch import nn

from golden import ModelError, load_onnx
from golden.models.net import chain_net
from golden.models.read import read_chain
from tests.support.onnx_nets import node, write_net

RNG = np.random.default_rng(5)
A, B = (RNG.standard_normal(size, np.float32) for size in ((6, 5), (5, 4)))
ROW, COLUMN = RNG.standard_normal(5, np.float32), RNG.standard_normal((1, 5), np.float32)
NORM = {name: RNG.random(5, np.float32) + 0.5 for name in ("s", "b", "m", "v")}
FIRST = node("MatMul", ["x", "a"], ["h"], "first")


def reference(path, x):
    """What onnxruntime computes."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    [found] = session.run(None, {session.get_inputs()[0].name: x})
    return found


def check(path, x=None):
    """Both compute the same, and so do the layers that are read; return those."""
    x = RNG.standard_normal((7, 6)).astype(np.float32) if x is None else x
    net = load_onnx(path)
    wanted = reference(path, x)
    given = torch.as_tensor(x)
    with torch.no_grad():
        np.testing.assert_allclose(net(given).numpy(), wanted, rtol=1e-5, atol=1e-5)
        folded = chain_net(net)(given.flatten(1)) if x.ndim == 2 else net(given)
        np.testing.assert_allclose(folded.numpy().reshape(wanted.shape), wanted, atol=2e-5)
    return read_chain(net, sample_shape=x.shape[1:])


# What stands between x @ a and the end, and its constants.
BETWEEN = {
    "bias": ([node("Add", ["h", "r"], ["y"])], {"r": ROW}),
    "bias of a row": ([node("Add", ["r", "h"], ["y"])], {"r": COLUMN}),
    "number": ([node("Add", ["h", "r"], ["y"])], {"r": np.float32(0.5)}),
    "relu": ([node("Relu", ["h"], ["y"])], {}),
    "clip": ([node("Clip", ["h", "l", "u"], ["y"])], {"l": np.float32(-1), "u": np.float32(0.5)}),
    "clip below": ([node("Clip", ["h", "l"], ["y"])], {"l": np.float32(0)}),
    "clip above": ([node("Clip", ["h", "", "u"], ["y"])], {"u": np.float32(0.5)}),
    "leak": ([node("LeakyRelu", ["h"], ["y"], alpha=0.25)], {}),
    "slope": ([node("PRelu", ["h", "r"], ["y"])], {"r": np.full(5, 0.5, np.float32)}),
    "norm": ([node("BatchNormalization", ["h", *NORM], ["y"], epsilon=0.01)], NORM),
    "scale": ([node("Mul", ["h", "r"], ["y"])], {"r": ROW}),
    "part": ([node("Div", ["h", "r"], ["y"])], {"r": ROW}),
    "less": ([node("Sub", ["h", "r"], ["y"])], {"r": ROW}),
    "less of": ([node("Sub", ["r", "h"], ["y"])], {"r": ROW}),
    "sign": ([node("Neg", ["h"], ["y"])], {}),
    "dropout": ([node("Dropout", ["h"], ["y", "mask"])], {}),
    "identity": ([node("Identity", ["h"], ["y"])], {}),
    "cast": ([node("Cast", ["h"], ["y"], to=TensorProto.FLOAT)], {}),
    "flatten": ([node("Flatten", ["h"], ["y"], axis=-1)], {}),
    "there and back": ([node("Unsqueeze", ["h", "i"], ["k"]), node("Squeeze", ["k", "i"], ["y"])],
                       {"i": np.array([2])}),
    "reshape": ([node("Reshape", ["h", "i"], ["y"])], {"i": np.array([0, 5])}),
    "turned weights": ([node("Transpose", ["w"], ["t"], perm=[1, 0]),
                        node("Identity", ["t"], ["u"]), node("MatMul", ["h", "u"], ["y"])],
                       {"w": RNG.standard_normal((3, 5), np.float32)}),
}


@pytest.mark.parametrize("name", BETWEEN)
def test_every_operator_computes_what_onnxruntime_does(name, tmp_path):
    nodes, weights = BETWEEN[name]
    check(write_net(tmp_path / "net.onnx", [FIRST, *nodes], {"a": A, **weights}))


@pytest.mark.parametrize("before, after", [("scale", "relu"), ("norm", "clip"), ("bias", "norm")])
def test_operators_behind_each_other(before, after, tmp_path):
    first, second = BETWEEN[before], BETWEEN[after]
    for one in second[0]:
        one = type(one).FromString(one.SerializeToString())
        one.input[0], one.output[0] = "y", "z"
        nodes = [FIRST, *first[0], one, node("MatMul", ["z", "c"], ["end"])]
    path = write_net(tmp_path / "net.onnx", nodes, {"a": A, "c": B, **first[1], **second[1]})
    layers = check(path)
    assert [item.layer.out_features for item in layers] == [5, 4]


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.booleans(), st.sampled_from([None, (5,), (1, 5), (1,), ()]), st.floats(-2, 2, width=16),
       st.floats(-2, 2, width=16))
def test_gemm_in_all_its_forms(tmp_path, turned, bias, alpha, beta):
    weights = {"a": A.T.copy() if turned else A}
    if bias is not None:
        weights["r"] = RNG.standard_normal(bias).astype(np.float32)
    gemm = node("Gemm", ["x", *weights], ["y"], alpha=alpha, beta=beta, transB=int(turned))
    [item] = check(write_net(tmp_path / "net.onnx", [gemm], weights))
    assert item.layer.out_features == 5 and (item.layer.bias is None) == (bias is None)


@pytest.mark.parametrize("opset", [7, 9, 11, 13, 18, 21])
def test_operators_of_old_and_new_opsets(opset, tmp_path):
    bounds = {"l": np.float32(-1), "u": np.float32(1)} if opset >= 11 else {}
    clip = node("Clip", ["n", *bounds], ["c"], **({} if bounds else {"min": -1.0, "max": 1.0}))
    axes = {"i": np.array([0])} if opset >= 13 else {}
    squeeze = node("Squeeze", ["r", *axes], ["q"], **({} if axes else {"axes": [0]}))
    nodes = [FIRST, node("BatchNormalization", ["h", *NORM], ["n"]), clip, squeeze,
             node("Gemm", ["c", "c2", "q"], ["y"])]
    weights = {"a": A, "c2": B, "r": RNG.standard_normal((1, 4)).astype(np.float32)}
    check(write_net(tmp_path / "net.onnx", nodes, weights | NORM | bounds | axes, opset=opset))


def test_constants_that_are_nodes(tmp_path):
    nodes = [node("Constant", [], ["a"], value_floats=[1.0, -2.0, 3.0, 0.5, 1.0, 2.0]),
             node("Constant", [], ["i"], value_ints=[6, 1]),
             node("Reshape", ["a", "i"], ["w"]), node("MatMul", ["x", "w"], ["y"])]
    [item] = check(write_net(tmp_path / "net.onnx", nodes, {}))
    assert item.layer.weight.flatten().tolist() == [1.0, -2.0, 3.0, 0.5, 1.0, 2.0]


def test_half_and_double_precision(tmp_path):
    kinds = {np.float16: TensorProto.FLOAT16, np.float64: TensorProto.DOUBLE}
    for kind, number in kinds.items():
        path = write_net(tmp_path / "net.onnx", [FIRST], {"a": A.astype(kind)}, kind=number)
        weight = load_onnx(path)[0].weight
        assert weight.dtype == (torch.float64 if kind == np.float64 else torch.float32)
        assert np.array_equal(weight.T, A.astype(kind))


class Viewed(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(36, 8), nn.Linear(8, 3, bias=False)

    def forward(self, x):
        return self.head(torch.relu(self.body(x.view(x.size(0), -1))))


class Taken(nn.Module):
    """Submodules with the names of attributes of a Sequential."""

    def __init__(self):
        super().__init__()
        self.training_ = nn.Linear(36, 4)

    def forward(self, x):
        return self.training_(x.flatten(1))


NETS = {
    "sequential": nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.BatchNorm1d(8), nn.ReLU6(),
                                nn.Dropout(), nn.Linear(8, 3, bias=False), nn.LeakyReLU(0.125)),
    "view": Viewed(),
    "named": Taken(),
    "pixels": nn.Sequential(nn.Conv2d(1, 4, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 1)),
}


@pytest.mark.filterwarnings("ignore")  # Of the exporters.
@pytest.mark.parametrize("batch", ["dynamic", "fixed"])
@pytest.mark.parametrize("dynamo", [True, False], ids=["dynamo", "torchscript"])
@pytest.mark.parametrize("name", NETS)
def test_what_torch_exports(name, dynamo, batch, tmp_path):
    torch.manual_seed(3)
    net, path = NETS[name].eval(), tmp_path / "net.onnx"
    options = {}
    if batch == "dynamic":
        options = ({"dynamic_shapes": ({0: torch.export.Dim("batch")},)} if dynamo else
                   {"dynamic_axes": {"x": {0: "batch"}}, "input_names": ["x"]})
    x = torch.rand(2, 1, 6, 6)
    torch.onnx.export(net, (x,), path, dynamo=dynamo, verbose=False, **options)
    assert (tmp_path / "net.onnx.data").exists() == dynamo
    check(path, x.numpy())
    with torch.no_grad():
        assert torch.allclose(load_onnx(path)(torch.cat([x, x])), net(torch.cat([x, x])), atol=1e-6)


def test_names_of_nodes_that_modules_cannot_have(tmp_path):
    names = ["a.b", "forward", "training", "same", "same_4", ""]
    nodes = [node("MatMul", ["x", "a"], ["h0"], "first")]
    nodes += [node("Add", [f"h{i}", "r"], [f"h{i + 1}"], name) for i, name in enumerate(names)]
    path = write_net(tmp_path / "net.onnx", nodes, {"a": A, "r": ROW})
    check(path)
    assert len(load_onnx(path)) == len(names)  # The first Add is the bias of the layer.
    twice = [FIRST] + [node("Add", [f"h{i or ''}", "r"], [f"h{i + 1}"], "same") for i in range(4)]
    path = write_net(tmp_path / "twice.onnx", twice, {"a": A, "r": ROW})
    wanted = np.ones((1, 6)) @ A + 4 * ROW  # onnxruntime takes no name twice.
    found = load_onnx(path)(torch.ones(1, 6)).detach()
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-5)


def test_weights_in_a_file_beside_it(tmp_path, monkeypatch):
    weights = {"a": A, "c": B}
    nodes = [FIRST, node("MatMul", ["h", "c"], ["y"])]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deep").mkdir()
    path = write_net(tmp_path / "deep" / "net.onnx", nodes, weights, external="w.bin")
    assert (tmp_path / "deep" / "w.bin").exists()
    check(path)
    assert torch.equal(load_onnx("deep/net.onnx")[1].weight, torch.as_tensor(B.T))


def test_without_the_package_it_says_what_to_install(tmp_path):
    code = ("import sys; sys.modules['onnx'] = None; import golden\n"
            "try: golden.load_onnx('net.onnx')\n"
            "except golden.ModelError as error: print(error)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ("net.onnx needs the package onnx to be read: pip install "
                           "'clostorus[onnx]'\n")
    assert issubclass(ModelError, ValueError)
