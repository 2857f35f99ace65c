"""nn.MultiheadAttention with replaced projections: it computes what its dense form does."""

import json

import pytest
import torch
from torch import nn

from golden import ClosLinear, ModelError, ShapeError
from golden.convert import (
    ClosSpec,
    LowRankSpec,
    ProjectedAttention,
    SparseSpec,
    convert,
    convert_report,
    rebuild,
)

SPECS = [ClosSpec(reduction=1.2, sweeps=2), LowRankSpec(1.5), SparseSpec(0.5)]
CLOS = SPECS[0]


def attention(**options):
    torch.manual_seed(0)
    return nn.MultiheadAttention(16, 4, **options).eval()


def inputs(kdim=16, vdim=16, batch_first=False, **_):
    torch.manual_seed(1)
    found = [torch.randn(5, 3, 16), torch.randn(6, 3, kdim), torch.randn(6, 3, vdim)]
    return [one.transpose(0, 1) for one in found] if batch_first else found


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: type(spec).__name__)
@pytest.mark.parametrize(
    "options", [{}, {"batch_first": True}, {"bias": False}, {"kdim": 12, "vdim": 10}], ids=str
)
def test_it_computes_what_the_dense_form_does(options, spec):
    new, report = convert_report(attention(**options), {"": spec})
    dense, given = new.to_dense().eval(), inputs(**options)
    padding = torch.tensor([[False] * 6, [False] * 4 + [True] * 2, [False] * 6])
    mask = torch.arange(6)[None] > torch.arange(5)[:, None] + 1
    for more in (
        {}, {"need_weights": False}, {"average_attn_weights": False}, {"attn_mask": mask},
        {"key_padding_mask": padding}, {"key_padding_mask": padding, "need_weights": False},
        {"attn_mask": torch.randn(12, 5, 6), "need_weights": False},
        {"attn_mask": mask.float(), "key_padding_mask": padding.float()},
    ):  # fmt: skip
        for found, wanted in zip(new(*given, **more), dense(*given, **more), strict=True):
            assert (found is None) == (wanted is None)
            if found is not None:
                torch.testing.assert_close(found, wanted)
    single = [one.select(0 if options.get("batch_first") else 1, 0) for one in given]
    for found, wanted in zip(new(*single), dense(*single), strict=True):
        torch.testing.assert_close(found, wanted)
    assert report.layers[0].error > 0 and report.layers[0].kind == "MultiheadAttention"
    again = rebuild(attention(**options), json.loads(json.dumps(report.record)))
    again.load_state_dict(new.state_dict())
    assert again(*given)[0].equal(new(*given)[0])


def test_projections_with_room_for_all_compute_the_same():
    dense = attention()
    new = convert(dense, {"": ClosSpec(routers=(1, 16, 1), sweeps=300)})
    given = inputs()
    torch.testing.assert_close(new(*given)[0], dense(*given)[0], atol=1e-3, rtol=1e-3)
    assert type(new.query_map) is ClosLinear


@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_an_encoder_layer_takes_it_on_its_fast_path_too(training, grad):
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(16, 2, 24, dropout=0.0, batch_first=True)
    new = convert(layer, {"self_attn": CLOS, "linear?": CLOS}).train(training)
    x = torch.randn(3, 5, 16)
    padding = torch.tensor([[False] * 5, [False] * 3 + [True] * 2, [False] * 5])
    with torch.set_grad_enabled(grad):
        y = new.norm1(x + new.self_attn(x, x, x, key_padding_mask=padding, need_weights=False)[0])
        wanted = new.norm2(y + new.linear2(torch.relu(new.linear1(y))))
        found = new(x, src_key_padding_mask=padding)
    torch.testing.assert_close(found[~padding], wanted[~padding])


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
def test_a_stack_takes_nested_tensors_for_padding():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(16, 2, 24, dropout=0.0, batch_first=True)
    new = convert(nn.TransformerEncoder(layer, 2), {"*.self_attn": CLOS}).eval()
    x = torch.randn(3, 5, 16)
    padding = torch.tensor([[False] * 5, [False] * 3 + [True] * 2, [False] * 5])
    wanted = new(x, src_key_padding_mask=padding)
    with torch.no_grad():
        found = new(x, src_key_padding_mask=padding)
    torch.testing.assert_close(found[~padding], wanted[~padding].detach())


def test_what_is_frozen_stays_frozen_also_without_gradients():
    model = attention().requires_grad_(False)
    model.in_proj_weight.requires_grad_(True)
    with torch.no_grad():
        new = convert(model, {"": CLOS})
    trained = {name for name, one in new.named_parameters() if one.requires_grad}
    weights = ("input_weight", "middle_weight", "output_weight")
    assert trained == {f"{part}_map.{one}" for part in ("query", "key", "value") for one in weights}


def test_gradients_and_dropout():
    new = convert(attention(dropout=0.5), {"": CLOS}).train()
    given = inputs()
    torch.manual_seed(2)
    first = new(*given)[0]
    assert not first.equal(new(*given)[0])
    first.square().sum().backward()
    assert all(one.grad.abs().sum() > 0 for name, one in new.named_parameters()
               if name != "key_map.bias")  # It has no effect on a softmax.


@pytest.mark.parametrize(
    "model, message",
    [
        (attention(add_bias_kv=True), "no add_bias_kv"),
        (attention(add_zero_attn=True), "no add_zero_attn"),
    ],
)
def test_what_it_has_not_is_refused(model, message):
    with pytest.raises(ModelError, match=message):
        convert(model, {"": CLOS})


def test_a_projection_that_has_no_replacement_is_named():
    with pytest.raises(ModelError, match="query_map: reduction must be"):
        convert(attention(), {"": ClosSpec(reduction=1000.0)})


def test_hooks_of_parts_are_refused():
    model = attention()
    model.out_proj.register_forward_hook(lambda *_: None)
    with pytest.raises(ModelError, match="forward hook"):
        convert(model, {"": CLOS})


def test_sizes_are_checked():
    maps = [ClosLinear(8, 8, (2, 2, 2)) for _ in range(3)]
    for out, heads, message in [
        (ClosLinear(8, 4, (2, 2, 2)), 2, "must make 8 features"),
        (ClosLinear(8, 8, (2, 2, 2)), 3, "num_heads must divide the 8 features, not be 3"),
        (nn.ReLU(), 2, "out_features of out_proj must be a whole number"),
    ]:
        with pytest.raises(ShapeError, match=message):
            ProjectedAttention(*maps, out, heads)
    whole = ProjectedAttention(*maps, ClosLinear(8, 8, (2, 2, 2)), 2)
    with pytest.raises(ShapeError, match="query and key must have as many samples, not 2 and 1"):
        whole(torch.ones(3, 2, 8), *[torch.ones(3, 1, 8)] * 2)
    bare = ClosLinear(8, 8, (2, 2, 2), bias=False)
    with pytest.raises(ShapeError, match="all projections must have a bias, or none"):
        ProjectedAttention(*maps, bare, 2)
