"""Converted models as plain layers: the models' code may read the weights of what is replaced."""

import pytest
import torch
from torch import nn

from golden import ClosLinear
from golden.convert import ClosSpec, LowRankSpec, SparseSpec, convert
from golden.export import to_2d, to_onnx
from golden.export.two_d import FORMS
from golden.layers import LowRankConv2d, LowRankLinear, SparseCascade

SPECS = [ClosSpec(reduction=1.2, sweeps=2), LowRankSpec(1.2), SparseSpec(0.6)]


def encoder():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
    return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).eval()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: type(spec).__name__)
@pytest.mark.parametrize("pattern", ["*", "*.linear?", "*.self_attn"])
def test_a_transformer_in_evaluation(pattern, spec, form):
    new = convert(encoder(), {pattern: spec})
    plain, x = to_2d(new, form=form), torch.randn(3, 5, 16)
    padding = torch.tensor([[False] * 5, [False] * 3 + [True] * 2, [False] * 5])
    for grad in (False, True):
        with torch.set_grad_enabled(grad):
            found, wanted = (m(x, src_key_padding_mask=padding) for m in (plain, new))
        torch.testing.assert_close(found[~padding], wanted[~padding])


@pytest.mark.parametrize(
    "form",
    ["block-diagonal", *(pytest.param(one, marks=pytest.mark.slow) for one in ("blocks", None))],
)
def test_a_file_of_a_converted_transformer(form, tmp_path):
    new = convert(encoder(), {"*": SPECS[0]})
    to_onnx(new, tmp_path / "model.onnx", torch.randn(2, 5, 16), form=form)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("form", FORMS)
def test_plain_stages_say_the_weight_and_bias_of_the_layer(form, bias):
    torch.manual_seed(0)
    for layer in (
        ClosLinear(13, 17, (3, 2, 4), bias=bias),
        LowRankLinear(13, 17, 3, bias=bias),
        SparseCascade([torch.rand(9, 13) < 0.5, torch.rand(17, 9) < 0.5], bias=bias),
        LowRankConv2d(4, 6, 2, kernel_size=(3, 1), bias=bias),
    ):
        for parameter in layer.parameters():
            nn.init.normal_(parameter)
        plain = to_2d(layer, form=form)
        torch.testing.assert_close(plain.weight, layer.to_dense().detach())
        assert (plain.bias is None) == (layer.bias is None)
        if bias:
            torch.testing.assert_close(plain.bias, layer.bias.detach())
        assert (plain.in_features, plain.out_features) == (
            (4, 6) if isinstance(layer, LowRankConv2d) else (13, 17)
        )
