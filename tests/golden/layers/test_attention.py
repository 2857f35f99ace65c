"""ClosMultiheadAttention against PyTorch's layer, with the projections multiplied out."""

import pytest
import torch
from torch import nn

from golden import ShapeError
from golden.layers import ClosMultiheadAttention


def make(**keywords):
    torch.manual_seed(0)
    given = {"reduction": 1.0, "dtype": torch.float64} | keywords
    layer = ClosMultiheadAttention(12, 3, **given)
    for name, parameter in layer.named_parameters():
        if name.endswith("bias"):
            nn.init.normal_(parameter)
    return layer


def inputs(batch_first=False, batched=True, kdim=12, vdim=12):
    torch.manual_seed(1)
    sizes = [(2, 4, 12), (2, 5, kdim), (2, 5, vdim)]
    found = [torch.randn(size, dtype=torch.float64) for size in sizes]
    if not batched:
        found = [one[0] for one in found]
    elif not batch_first:
        found = [one.transpose(0, 1).contiguous() for one in found]
    return [one.requires_grad_() for one in found]


PADDING = torch.tensor([[False, False, True, False, True], [False] * 5])
LATER = torch.ones(4, 5).triu(1).bool()
MASKS = {
    "none": {},
    "padding": {"key_padding_mask": PADDING},
    "padding, numbers": {"key_padding_mask": PADDING.double() * -2},
    "mask": {"attn_mask": LATER},
    "mask, numbers": {"attn_mask": torch.arange(20.0).view(4, 5).double() / 9},
    "mask of heads": {"attn_mask": torch.arange(120).view(6, 4, 5) % 7 == 3},
    "both": {"key_padding_mask": PADDING, "attn_mask": LATER},
    "causal": {"attn_mask": LATER, "is_causal": True},
}


def assert_equal(layer, given, **keywords):
    dense = layer.to_dense()
    results = [one(*given, **keywords) for one in (layer, dense)]
    for found, wanted in zip(*results, strict=True):
        torch.testing.assert_close(found, wanted)
    back = torch.randn_like(results[0][0])
    torch.testing.assert_close(
        *(torch.autograd.grad(y, given, back, allow_unused=True) for y, _ in results)
    )


@pytest.mark.filterwarnings("ignore:Support for mismatched")
@pytest.mark.parametrize("masks", MASKS)
@pytest.mark.parametrize("need_weights", [True, False])
def test_equals_the_dense_layer_under_every_mask(masks, need_weights):
    layer = make()
    assert_equal(layer, inputs(), need_weights=need_weights, **MASKS[masks])


@pytest.mark.parametrize("batch_first, bias", [(True, True), (False, False)])
@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("kdim, vdim", [(12, 12), (8, 6)])
@pytest.mark.parametrize("average", [True, False])
def test_equals_the_dense_layer_with_every_option(batch_first, bias, batched, kdim, vdim, average):
    layer = make(batch_first=batch_first, bias=bias, kdim=kdim, vdim=vdim)
    given = inputs(batch_first, batched, kdim, vdim)
    assert_equal(layer, given, average_attn_weights=average)
    assert_equal(layer, given, need_weights=False)


def test_gradients_of_weights_are_those_of_the_dense_layer():
    layer = make()
    dense = layer.to_dense()
    for one in (layer, dense):
        one(*inputs(), need_weights=False)[0].square().sum().backward()
    for name, of_weight in zip(
        ("q_proj", "k_proj", "v_proj", "out_proj"),
        [*dense.in_proj_weight.grad.chunk(3), dense.out_proj.weight.grad],
        strict=True,
    ):
        one = getattr(layer, name)
        wanted = torch.autograd.grad(one.to_dense(), list(one.weights), of_weight)
        torch.testing.assert_close(tuple(w.grad for w in one.weights), wanted)


def test_causal_alone_is_the_mask_of_later_keys():
    layer = make()
    for weights in (True, False):
        given = inputs()
        found = layer(*given, need_weights=weights, is_causal=True)[0]
        wanted = layer(*given, need_weights=weights, attn_mask=LATER)[0]
        torch.testing.assert_close(found, wanted)


def test_dropout_is_in_training_only():
    layer = make(dropout=0.5)
    given = inputs()
    for weights in (True, False):
        layer.train()
        first, second = (layer(*given, need_weights=weights)[0] for _ in range(2))
        assert not first.equal(second)
        layer.eval()
        first, second = (layer(*given, need_weights=weights)[0] for _ in range(2))
        assert first.equal(second)


@pytest.mark.parametrize("kdim", [None, 8])
def test_from_dense_is_near_and_keeps_what_is_frozen(kdim):
    torch.manual_seed(0)
    dense = nn.MultiheadAttention(12, 3, kdim=kdim, batch_first=True).eval()
    for name, parameter in dense.named_parameters():
        parameter.requires_grad_(name.startswith("out_proj"))
    layer = ClosMultiheadAttention.from_dense(
        dense, reduction=0.2, sweeps=100, generator=torch.Generator().manual_seed(0)
    )
    assert not layer.training and layer.batch_first
    trained = {name.split(".")[0] for name, p in layer.named_parameters() if p.requires_grad}
    assert trained == {"out_proj"}
    x, key = torch.randn(2, 4, 12), torch.randn(2, 5, kdim or 12)
    value = torch.randn(2, 5, 12)
    with torch.no_grad():
        wanted = dense(x, key, value)[0]
        assert float((layer(x, key, value)[0] - wanted).norm() / wanted.norm()) < 0.02


def test_from_dense_keeps_what_is_frozen_of_each_projection():
    dense = nn.MultiheadAttention(12, 3, kdim=8)
    dense.k_proj_weight.requires_grad_(False)
    layer = ClosMultiheadAttention.from_dense(dense, reduction=1.0, sweeps=1)
    frozen = {name for name, one in layer.named_parameters() if not one.requires_grad}
    assert frozen == {f"k_proj.{part}_weight" for part in ("input", "middle", "output")}


@pytest.mark.parametrize("train", [True, False])
def test_it_stands_in_a_transformer_layer(train):
    torch.manual_seed(0)
    block = nn.TransformerEncoderLayer(12, 3, 16, dropout=0.0, batch_first=True).double()
    block.self_attn = make(batch_first=True)
    dense = nn.TransformerEncoderLayer(12, 3, 16, dropout=0.0, batch_first=True).double()
    dense.load_state_dict(block.state_dict(), strict=False)
    dense.self_attn = block.self_attn.to_dense()
    x = inputs(batch_first=True)[0].detach()
    block.train(train)
    dense.train(train)
    padding = PADDING[:, :4]
    torch.testing.assert_close(
        block(x, src_key_padding_mask=padding), dense(x, src_key_padding_mask=padding)
    )


def test_what_does_not_fit_is_refused():
    for keywords, message in [
        ({"num_heads": 5}, r"num_heads must divide embed_dim \(12\), not 5"),
        ({"dropout": 1.0}, "dropout must be at least 0 and below 1"),
        ({"add_bias_kv": True}, "add_bias_kv must be False"),
        ({"add_zero_attn": True}, "add_zero_attn must be False"),
        ({"batch_first": "yes"}, "batch_first must be a bool, not 'yes'"),
        ({"kdim": 0}, "kdim must be a whole number of at least 1"),
        ({"reduction": 99}, "reduction must be above 0 and at most"),
    ]:
        given = {"embed_dim": 12, "num_heads": 3, "reduction": 1.0} | keywords
        with pytest.raises(ShapeError, match=message):
            ClosMultiheadAttention(**given)
    layer = make()
    query, key, value = inputs()
    for arguments, message in [
        ((query[..., :5], key, value), r"query must have shape \[L, N, 12\], .* not \[4, 2, 5\]"),
        ((query, key[:, :1], value[:, :1]), "query and key must have as many samples, not 2 and 1"),
        ((query, key[0], value), r"key must have shape .* not \[2, 12\]"),
        ((query, key, value[:3]), r"key and value must be as many, not \[5, 2, 12\] and"),
        ((query, key, value, PADDING[:, :3]), r"key_padding_mask must have shape \[2, 5\]"),
        ((query, key, value, PADDING.int()), "key_padding_mask must be of truth values or real"),
        ((query, key, value, None, True, LATER[:3]), r"attn_mask must have shape \[4, 5\] or"),
        ((query, key, 3), "input must be a tensor, not 3"),
    ]:
        with pytest.raises(ShapeError, match=message):
            layer(*arguments)
    with pytest.raises(ShapeError, match="neither add_bias_kv nor add_zero_attn"):
        ClosMultiheadAttention.from_dense(
            nn.MultiheadAttention(12, 3, add_bias_kv=True), reduction=1.0
        )
