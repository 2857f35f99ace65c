"""ONNX files that are refused: each in one line that names the node, and what comes nearest."""

import os
import re

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from golden import CheckpointError, GoldenError, ModelError, load_onnx
from tests.support.onnx_nets import node, write_net

RNG = np.random.default_rng(6)
A = RNG.standard_normal((6, 6)).astype(np.float32)
ROW = RNG.standard_normal(6).astype(np.float32)
FIRST = node("MatMul", ["x", "a"], ["h"], "first")


def after(kind, *others, name="n", outputs=("y",), **attributes):
    """A graph of one more node behind the first."""
    return [FIRST, node(kind, ["h", *others], list(outputs), name, **attributes)]


# The nodes, the message, and what else the graph has.
GRAPHS = {
    "softmax": (after("Softmax"), r"node n \(Softmax\) is not supported: leave it out", {}),
    "sigmoid": (after("Sigmoid"), r"node n \(Sigmoid\) is not supported: the nearest is Hard", {}),
    "unknown": (after("Erf", name=""), r"node that makes y \(Erf\) is not supported: supported are",
                {}),
    "residual": ([FIRST, node("Relu", ["h"], ["s"], "n"), node("Add", ["h", "s"], ["y"], "m")],
                 r"node n \(Relu\) and node m \(Add\) both read h, .* without residual", {}),
    "twice": (after("Add", "h"), r"node n \(Add\) is of two results of the net", {}),
    "slope": (after("LeakyRelu"), r"layer n is a LeakyReLU of slope 0.01, .* nearest is 0.0078125",
              {}),
    "no slope": (after("LeakyRelu", alpha=float("inf")),
                 r"layer n is a LeakyReLU of slope inf, .* nearest is 1 = 2\*\*-0", {}),
    "falling": (after("LeakyRelu", alpha=-float("inf")), r"layer n is a LeakyReLU of slope -inf",
                {}),
    "slopes": (after("PRelu", "r"), r"node n \(PRelu\) has a slope for each feature", {}),
    "bounds": (after("Clip", "u", "l"), "must have bounds min below max, not 1 and 0", {}),
    "bounds of features": (after("Clip", "r"), "must have one number for min, not 6", {}),
    "turned samples": ([node("Gemm", ["x", "a"], ["y"], "n", transA=1)], "transposes the samples",
                       {}),
    "weights first": ([node("MatMul", ["a", "x"], ["y"], "n")], "multiplies weights by samples",
                      {}),
    "samples as bias": ([node("Gemm", ["a", "a", "x"], ["y"], "n")], "multiplies weights by them",
                        {}),
    "bias of samples": ([node("Gemm", ["x", "a", "a"], ["y"], "n")],
                        r"must have a bias for each output, not \[6, 6\]", {}),
    "wide bias": ([node("Gemm", ["x", "a", "w"], ["y"], "n")], "must have a bias of 6 numbers", {}),
    "divisor": ([FIRST, node("Div", ["r", "h"], ["y"], "n")], "divides by the samples", {}),
    "vectors": ([node("MatMul", ["x", "a"], ["y"], "n")],
                r"computes each vector of \[N, 3, 6\] on its own", {"shape": ("b", 3, 6)}),
    "misfit": ([node("MatMul", ["x", "a"], ["y"], "n")], r"node n \(MatMul\) must take \[N, 5\]",
               {"shape": ("b", 5)}),
    "joined samples": (after("Reshape", "all"), r"reshapes to \[-1, 3\]|must take", {}),
    "fixed samples": (after("Reshape", "two"), r"reshapes to \[2, 3\], which is not supported", {}),
    "flat": (after("Flatten", axis=0), "has axis 0, which is not supported", {}),
    "squeezed samples": (after("Unsqueeze", "zero"), r"has axes \[0\], which \[N, 6\]", {}),
    "norm of the batch": (after("BatchNormalization", "r", "r", "r", "r", training_mode=1,
                                outputs=("y", "p", "q")), "mean of the batch", {}),
    "norm of two sizes": (after("BatchNormalization", "r", "r", "w", "r"), "numbers of one size",
                          {}),
    "dropout in training": (after("Dropout", "half", "true"), "it is in training mode", {}),
    "mask": (after("Dropout", outputs=("d", "mask")),
             "output mask must depend on input x, but does not", {"outputs": ("mask",)}),
    "rounding": (after("Cast", to=TensorProto.FLOAT16), "rounds the samples to another type", {}),
    "computed weights": ([node("Exp", ["a"], ["e"], "e"), node("MatMul", ["x", "e"], ["y"], "n")],
                         r"node e \(Exp\) computes weights, which is not supported", {}),
    "large constant": ([node("ConstantOfShape", ["zero"], ["e"], "e"),
                        node("Add", ["x", "e"], ["y"], "n")], "computes weights", {}),
    "impossible constant": ([node("Reshape", ["a", "two"], ["e"], "e"),
                             node("MatMul", ["x", "e"], ["y"], "n")], "cannot be computed", {}),
    "whole weights": (after("Add", "two"), "must have real numbers for constant, not int64", {}),
    "empty weights": (after("Add", "none"), "must have a constant that is not empty", {}),
    "weights of NaN": (after("Mul", "nan"), "layer first: weight must be finite", {}),
    "convolution": ([node("Conv", ["x", "k"], ["y"], "n")], "pointwise ClosConv2d and Conv2d",
                    {"shape": ("b", 1, 6, 6)}),
    "unknown name": (after("Add", "nowhere"), "reads nowhere, which nothing before it makes", {}),
    "made twice": ([FIRST, node("Relu", ["h"], ["h"], "n")], "makes h, which is there already", {}),
    "circle": ([node("MatMul", ["x", "t"], ["y"], "n"), node("Transpose", ["u"], ["t"]),
                node("Transpose", ["t"], ["u"])], "reads t, which nothing before it makes",
               {"outputs": ("y",)}),
    "no weights": ([node("Relu", ["x"], ["y"], "n")], "must follow a layer of weights", {}),
    "nothing": ([node("Identity", ["x"], ["y"], "n")], "must hold at least one Gemm or MatMul", {}),
    "several inputs": ([FIRST], r"must have one input, not 2 \(x, z\)", {"inputs": ("x", "z")}),
    "several outputs": (after("Relu"), r"must have one output, not 2 \(h, y\)",
                        {"outputs": ("h", "y")}),
    "no input": ([node("Identity", ["a"], ["y"], "n")], "must have one input, not 0", {
        "inputs": ()}),
    "another output": ([FIRST], "output a must depend on input x, but does not", {
        "outputs": ("a",)}),
    "bytes": ([FIRST], "input x must be of real numbers, not UINT8", {"kind": TensorProto.UINT8}),
    "no batch": ([FIRST], r"must have the dimensions \[samples, features\]", {"shape": (6,)}),
    "old opset": ([FIRST], "its opset must be 7 to [0-9]+, not 6", {"opset": 6}),
    "new opset": ([FIRST], "its opset must be 7 to [0-9]+, not 99", {"opset": 99}),
    "wrong attribute": (after("LeakyRelu", alpha="much"), "is none of opset 18: ", {}),
    "unknown attribute": (after("Relu", size=3), "is none of opset 18: ", {}),
    "missing input": ([node("MatMul", ["x"], ["y"], "n")], "is none of opset 18: ", {}),
    "qonnx": (after("Quant", "half", "half", "half", domain="qonnx.custom_op.general"),
              r"node n \(Quant\) of qonnx.custom_op.general quantises with a scale of its own",
              {"domains": ("qonnx.custom_op.general",)}),
    "brevitas": (after("BipolarQuant", "half", domain="onnx.brevitas"),
                 r"of onnx.brevitas quantises .* export the net without quantisers",
                 {"domains": ("onnx.brevitas",)}),
    "quantised": (after("QuantizeLinear", "half"), "quantises with a scale of its own", {}),
    "function": (after("Mine", domain="me"), "of me is not supported: .* onnx.inliner",
                 {"domains": ("me",)}),
}
WEIGHTS = {"a": A, "r": ROW, "w": ROW[:4], "l": np.float32(0), "u": np.float32(1),
           "all": np.array([-1, 3]), "two": np.array([2, 3]), "zero": np.array([0]),
           "half": np.float32(0.5), "true": np.array(True), "none": np.zeros(0, np.float32),
           "nan": np.full(6, np.nan, np.float32), "k": np.ones((2, 1, 3, 3), np.float32)}


@pytest.mark.parametrize("name", GRAPHS)
def test_graphs_that_are_refused(name, tmp_path):
    nodes, message, options = GRAPHS[name]
    path = write_net(tmp_path / "net.onnx", nodes, WEIGHTS, **options)
    with pytest.raises(GoldenError, match=f"^{re.escape(str(path))}: .*(?:{message})") as refused:
        load_onnx(path)
    assert "\n" not in str(refused.value)


def saved(path, change):
    """Write a net with weights beside it, and change what its file says of them."""
    write_net(path, [FIRST], {"a": A}, external="w.bin")
    model = onnx.load_model(path, load_external_data=False)
    [tensor] = model.graph.initializer
    fields = {one.key: one.value for one in tensor.external_data}
    change(tensor, fields)
    del tensor.external_data[:]
    for key, value in fields.items():
        tensor.external_data.add(key=key, value=str(value))
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("location", ["../w.bin", "/etc/passwd", "deep/w.bin", "..", ".", "",
                                      "..\\w.bin", "w.bin/", "c:w.bin", "w.bin\0"])
def test_weights_lie_beside_the_file_alone(location, tmp_path):
    (tmp_path / "w.bin").write_bytes(A.tobytes())
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "w.bin").write_bytes(A.tobytes())
    (tmp_path / "here").mkdir()
    path = saved(tmp_path / "here" / "net.onnx", lambda _, fields: fields.update(location=location))
    with pytest.raises(CheckpointError, match="initializer a must have its data in a file beside"):
        load_onnx(path)


def test_weights_are_no_link_and_no_pipe(tmp_path):
    path = saved(tmp_path / "net.onnx", lambda _, fields: None)
    data = tmp_path / "w.bin"
    data.rename(tmp_path / "other.bin")
    with pytest.raises(CheckpointError, match="w.bin, which cannot be read: No such file"):
        load_onnx(path)
    data.symlink_to("other.bin")
    with pytest.raises(CheckpointError, match="must be a file, not a link"):
        load_onnx(path)
    data.unlink()
    os.mkfifo(data)
    with pytest.raises(CheckpointError, match="must be a file, not a link"):
        load_onnx(path)


SIZES = {
    "more": lambda tensor, fields: tensor.dims.__setitem__(0, 1 << 40),
    "less": lambda tensor, fields: tensor.dims.__setitem__(0, 5),
    "short": lambda tensor, fields: fields.update(length=4),
    "behind": lambda tensor, fields: fields.update(offset=10),
    "before": lambda tensor, fields: fields.update(offset=-4),
    "no number": lambda tensor, fields: fields.update(offset="x"),
    "no length": lambda tensor, fields: fields.update(length="x"),
    "negative": lambda tensor, fields: tensor.dims.__setitem__(0, -6),
    "text": lambda tensor, fields: setattr(tensor, "data_type", TensorProto.STRING),
    "no type": lambda tensor, fields: setattr(tensor, "data_type", 999),
}


@pytest.mark.parametrize("name", SIZES)
def test_weights_are_as_long_as_they_say(name, tmp_path):
    path = saved(tmp_path / "net.onnx", SIZES[name])
    with pytest.raises(GoldenError, match="initializer a (must|has)") as refused:
        load_onnx(path)
    assert "\n" not in str(refused.value)


def test_weights_do_not_share_bytes(tmp_path):
    """A file of a few bytes cannot ask for many times its size."""
    nodes = [FIRST, node("MatMul", ["h", "b"], ["y"])]
    path = write_net(tmp_path / "net.onnx", nodes, {"a": A, "b": A}, external="w.bin")
    (tmp_path / "w.bin").write_bytes(A.tobytes())
    model = onnx.load_model(path, load_external_data=False)
    for tensor in model.graph.initializer:
        for one in tensor.external_data:
            one.value = "0" if one.key == "offset" else one.value
    path.write_bytes(model.SerializeToString())
    with pytest.raises(CheckpointError, match="must have 144 bytes of its own in .*, but asks for"):
        load_onnx(path)


def test_numbers_in_the_file_are_as_many_as_they_say(tmp_path):
    tensor = helper.make_tensor("a", TensorProto.FLOAT, [6, 6], A.tobytes(), raw=True)
    tensor.dims[0] = 1 << 40
    path = write_net(tmp_path / "net.onnx", [FIRST], {})
    model = onnx.load_model(path)
    model.graph.initializer.append(tensor)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="initializer a must hold the numbers that its sizes"):
        load_onnx(path)


@pytest.mark.parametrize("content", [b"", b"no net", b"\x08\x08", bytes(100), b"PK\x03\x04"])
def test_files_of_something_else(content, tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="must be an ONNX file, but is truncated or someth"):
        load_onnx(path)


def test_every_cut_of_a_file_is_refused(tmp_path):
    path = write_net(tmp_path / "net.onnx", after("Add", "r"), {"a": A, "r": ROW})
    whole = path.read_bytes()
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        with pytest.raises(GoldenError) as refused:
            load_onnx(path)
        assert "\n" not in str(refused.value)


def test_every_flipped_byte_is_refused_or_read(tmp_path):
    path = write_net(tmp_path / "net.onnx", after("Add", "r"), {"a": A, "r": ROW})
    whole = path.read_bytes()
    rng, refused = np.random.default_rng(1), 0
    for place in rng.integers(0, len(whole), 150):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(0, 8))
        path.write_bytes(damaged)
        try:
            load_onnx(path)
        except GoldenError as error:
            refused += 1
            assert "\n" not in str(error), error
    assert 20 < refused < 150


def test_files_that_are_none(tmp_path):
    with pytest.raises(CheckpointError, match="cannot be read: No such file"):
        load_onnx(tmp_path / "none.onnx")
    with pytest.raises(CheckpointError, match="must be a file, not a folder"):
        load_onnx(tmp_path)


def test_a_name_that_is_no_text_is_refused(tmp_path):
    """Protobuf gives it as bytes, which is no name of a module."""
    path = write_net(tmp_path / "net.onnx", after("Add", "r"), {"a": A, "r": ROW})
    model = onnx.load(path)
    model.graph.node[0].name = "named"
    path.write_bytes(model.SerializeToString().replace(b"named", b"\xff\xfe\xff\xfe\xff"))
    with pytest.raises(CheckpointError, match="must be an ONNX file, but is truncated or someth"):
        load_onnx(path)


def test_inputs_of_more_numbers_than_there_are(tmp_path):
    path = write_net(tmp_path / "net.onnx", after("Add", "r"), {"a": A, "r": ROW})
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = (1 << 63) - 1
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="must have sizes that a tensor can have, not \\[9223372"):
        load_onnx(path)
