"""ONNX files of every layer: of plain products, for any number of samples, checked or not written.

The packages are not among those that `make` installs: pip install onnx onnxscript onnxruntime.
"""

import pytest
import torch
from torch import nn

from golden import ClosLinear, ModelError
from golden.export import onnx_file, to_onnx
from golden.export.two_d import FORMS
from tests.support.llama import Block
from tests.support.traced_layers import LAYERS, inputs, make

onnx = pytest.importorskip("onnx", reason="the optional package onnx is not installed")
for package in ("onnxscript", "onnxruntime"):
    pytest.importorskip(package, reason=f"the optional package {package} is not installed")

PRODUCTS = {"MatMul", "Gemm"}
FAST = ("ClosLinear, remainders", "ClosConv2d")
CASES = [
    *((name, form) for form in FORMS for name in FAST),
    *(
        pytest.param(name, FORMS[0], marks=pytest.mark.slow)
        for name in LAYERS
        if name not in FAST
    ),
]


def weights_of_products(path):
    graph = onnx.load(path).graph
    shapes = {one.name: tuple(one.dims) for one in graph.initializer}
    made = [node for node in graph.node if node.op_type in PRODUCTS]
    return [shapes.get(node.input[1]) for node in made]


@pytest.mark.parametrize("name, form", CASES)
def test_products_are_of_two_dimensions(name, form, tmp_path):
    layer = make(name)
    to_onnx(layer, tmp_path / "layer.onnx", inputs(name, 1), form=form)
    shapes = weights_of_products(tmp_path / "layer.onnx")
    constant = [shape for shape in shapes if shape is not None]  # Attention multiplies values.
    assert len(constant) == len(shapes) or "Attention" in name
    assert all(len(shape) == 2 for shape in constant)
    assert constant or "Conv" in name or "LSTM" in name or "GRU" in name


@pytest.mark.slow
@pytest.mark.parametrize("form", [*FORMS, None])
def test_a_decoder_block(form, tmp_path):
    torch.manual_seed(0)
    block = Block(24, 36, 3, lambda i, o: ClosLinear.from_budget(i, o, reduction=2.0, bias=False))
    to_onnx(block, tmp_path / "block.onnx", torch.randn(2, 5, 24), form=form)
    shapes = weights_of_products(tmp_path / "block.onnx")
    constant = [shape for shape in shapes if shape is not None]  # Attention multiplies values.
    assert form is None or (len(constant) >= 21 and {len(shape) for shape in constant} == {2})


def test_a_file_that_differs_is_not_written(tmp_path, monkeypatch):
    layer, path = ClosLinear(8, 6, (2, 2, 3)), tmp_path / "layer.onnx"
    other = ClosLinear(8, 6, (2, 2, 3))
    monkeypatch.setattr(onnx_file, "to_2d", lambda *_, **__: other)
    with pytest.raises(ModelError, match="computes something else than the model for 1 samples"):
        to_onnx(layer, path, torch.randn(3, 8))
    assert not list(tmp_path.iterdir()) and layer.training


def test_bad_arguments_are_refused(tmp_path):
    layer, x = nn.Linear(3, 2), torch.ones(2, 3)
    with pytest.raises(ModelError, match="example must hold a sample or more"):
        to_onnx(layer, tmp_path / "a.onnx", x[:0])
    with pytest.raises(ModelError, match="path must be a path or a text, not 3"):
        to_onnx(nn.Linear(2, 2), 3, torch.ones(1, 2))
    with pytest.raises(ModelError, match="form must be one of"):
        to_onnx(layer, tmp_path / "a.onnx", x, form="rows")
    with pytest.raises(ModelError, match="cannot be written"):
        to_onnx(layer, tmp_path / "no" / "a.onnx", x)
    with pytest.raises(ModelError, match="PyTorch cannot export the model: ") as caught:
        to_onnx(layer, tmp_path / "a.onnx", torch.ones(2, 4))
    assert str(caught.value).isprintable()
    assert not list(tmp_path.iterdir())
