"""convert on whole models: they compute what their parts compute, trained and in inference."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from golden import ClosLinear, ModelError
from golden.convert import CascadeSpec, ClosSpec, LowRankSpec, SparseSpec, convert
from golden.layers import ClosConv2d, ClosGRU, LowRankLinear, SparseCascade

MASKS = {
    "linear1": torch.rand(32, 16, generator=torch.Generator().manual_seed(0)) < 0.4,
    "linear2": torch.rand(16, 32, generator=torch.Generator().manual_seed(1)) < 0.4,
}
for mask in MASKS.values():
    mask[:, 0] = True

SPECS = {
    "clos": ({"*linear[12]": ClosSpec(reduction=2.0, sweeps=3)}, ClosLinear),
    "low rank": ({"*linear[12]": LowRankSpec(2.0)}, LowRankLinear),
    "sparse": ({"*linear[12]": SparseSpec(0.3)}, SparseCascade),
    "cascade": (
        {"*linear1": CascadeSpec([MASKS["linear1"]]), "*linear2": CascadeSpec([MASKS["linear2"]])},
        SparseCascade,
    ),
    "one of two": ({"*linear1": ClosSpec(reduction=2.0, sweeps=3)}, ClosLinear),
}


def encoder_layer(**options):
    torch.manual_seed(0)
    return nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True, **options)


def by_hand(layer, x, padding=None, mask=None):
    """What an encoder layer is made of, its linear layers called as modules."""
    attended, _ = layer.self_attn(
        x, x, x, key_padding_mask=padding, attn_mask=mask, need_weights=False
    )
    x = layer.norm1(x + attended)
    return layer.norm2(x + layer.linear2(layer.activation(layer.linear1(x))))


@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("specs", SPECS)
def test_an_encoder_layer_computes_what_its_parts_do(specs, training, grad):
    patterns, kind = SPECS[specs]
    new = convert(encoder_layer(), patterns).train(training)
    assert type(new.linear1) is kind
    torch.manual_seed(1)
    x = torch.randn(3, 5, 16)
    padding = torch.tensor([[False] * 5, [False] * 3 + [True] * 2, [False] * 4 + [True]])
    mask = nn.Transformer.generate_square_subsequent_mask(5)
    with torch.set_grad_enabled(grad):
        torch.testing.assert_close(new(x), by_hand(new, x))
        torch.testing.assert_close(new(x, src_mask=mask), by_hand(new, x, mask=mask))
        found = new(x, src_key_padding_mask=padding)
        torch.testing.assert_close(found[~padding], by_hand(new, x, padding)[~padding])


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
def test_a_stack_of_encoder_layers_takes_nested_tensors_for_padding(frozen):
    stack = nn.TransformerEncoder(encoder_layer(), 3)
    new = convert(stack, SPECS["clos"][0]).eval().requires_grad_(not frozen)
    x = torch.randn(3, 5, 16, generator=torch.Generator().manual_seed(1))
    padding = torch.tensor([[False] * 5, [False] * 3 + [True] * 2, [False] * 4 + [True]])
    wanted = x
    for layer in new.layers:
        wanted = by_hand(layer, wanted, padding)
    with torch.no_grad():
        quick = new(x, src_key_padding_mask=padding)
    torch.testing.assert_close(quick[~padding], wanted[~padding])
    torch.testing.assert_close(new(x, src_key_padding_mask=padding)[~padding], wanted[~padding])


def test_an_encoder_layer_trains_and_then_infers():
    new = convert(encoder_layer(), SPECS["clos"][0])
    optimiser = torch.optim.SGD(new.parameters(), lr=0.001)
    x = torch.randn(3, 5, 16, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        before = new.eval()(x)
    for _ in range(3):
        optimiser.zero_grad()
        new.train()(x).square().sum().backward()
        optimiser.step()
    with torch.no_grad():
        after = new.eval()(x)
        torch.testing.assert_close(after, by_hand(new, x))
    assert not torch.allclose(after, before, atol=1e-3)


def test_a_dense_weight_can_be_read_and_not_written():
    layers = [
        ClosLinear(12, 10, (3, 4, 2)),
        LowRankLinear(12, 10, 3),
        SparseCascade([torch.ones(10, 12).bool()]),
        ClosConv2d(4, 5, (2, 3, 1), kernel_size=3),
    ]
    for layer in layers:
        assert layer.weight.equal(layer.to_dense())
        assert "weight" not in layer.state_dict()
        with pytest.raises(AttributeError):
            layer.weight = torch.ones(10, 12)
        with pytest.raises(KeyError, match="already exists"):
            layer.weight = nn.Parameter(torch.ones(10, 12))
    torch.testing.assert_close(
        nn.functional.linear(torch.ones(2, 12), layers[0].weight), layers[0](torch.ones(2, 12))
    )


class Vision(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 4, stride=4)
        self.encoder = nn.TransformerEncoder(encoder_layer(), 2)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.head = nn.Linear(16, 16)

    def forward(self, images):
        x = self.encoder(self.patches(images).flatten(2).mT)
        return self.head(self.attention(x, x, x, need_weights=False)[0].mean(dim=1))


@pytest.mark.filterwarnings("ignore:ClosConv2d .* times the weights")
def test_a_vision_transformer_computes_the_same_where_there_is_room_for_all():
    model = Vision().eval()
    room = ClosSpec(routers=(1, 32, 1), sweeps=1000)
    new = convert(model, {"*linear[12]": room, "head": room})
    new = convert(new, {"patches": ClosSpec(routers=(1, 16, 1), sweeps=1000)})
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    assert type(new.patches) is ClosConv2d
    assert type(new.attention.out_proj) is type(model.attention.out_proj)
    with torch.no_grad():
        torch.testing.assert_close(new(x), model(x), atol=1e-2, rtol=1e-2)
    torch.testing.assert_close(new.train()(x), new.eval()(x))


def test_recurrent_models_may_flatten_their_parameters():
    new = convert(nn.Sequential(nn.GRU(8, 6)), {"0": ClosSpec(reduction=1.0)})
    new[0].flatten_parameters()
    assert type(new[0]) is ClosGRU and not new[0].bidirectional and new[0].proj_size == 0


@pytest.mark.parametrize("spec", [ClosSpec(reduction=1.5, sweeps=2), LowRankSpec(2.0),
                                  SparseSpec(0.5), CascadeSpec([torch.ones(12, 12).bool()])])
@pytest.mark.parametrize("frozen", ["weight", "bias", "both"])
def test_what_is_frozen_stays_frozen_and_modes_stay(spec, frozen):
    model = nn.Sequential(nn.Linear(12, 12, dtype=torch.float64), nn.Dropout())
    for name in ("weight", "bias") if frozen == "both" else (frozen,):
        model[0].get_parameter(name).requires_grad_(False)
    model[0].eval()
    new = convert(model, {"0": spec})
    assert [module.training for module in new] == [False, True] and new.training
    for name, parameter in new[0].named_parameters():
        assert parameter.dtype == torch.float64
        part = "bias" if name == "bias" else "weight"
        assert parameter.requires_grad == model[0].get_parameter(part).requires_grad, name


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_frozen_maps_of_recurrent_layers_stay_frozen(kind):
    model = kind(8, 6, 2)
    model.weight_ih_l0.requires_grad_(False)
    model.bias_hh_l1.requires_grad_(False)
    new = convert(model, {"": ClosSpec(reduction=1.0, sweeps=2)})
    frozen = {name for name, one in new.named_parameters() if not one.requires_grad}
    weights = {"input_weight", "middle_weight", "output_weight"}
    assert frozen == {f"input_maps.0.{name}" for name in weights} | {"state_maps.1.bias"}


@pytest.mark.parametrize("spec", [ClosSpec(reduction=1.5, sweeps=2), SparseSpec(0.5)])
def test_frozen_convolutions_stay_frozen(spec):
    model = nn.Conv2d(4, 8, 3).requires_grad_(False)
    new = convert(model, {"": spec})
    assert not any(parameter.requires_grad for parameter in new.parameters())


def tied():
    model = nn.Sequential(nn.Embedding(12, 12), nn.Linear(12, 12))
    model[1].weight = model[0].weight
    return model


def hooked(register):
    model = nn.Sequential(nn.Linear(12, 12))
    getattr(model[0], register)(lambda *_: None)
    return model


def pruned():
    model = nn.Sequential(nn.Linear(12, 12))
    prune.random_unstructured(model[0], "weight", 0.5)
    return model


def parametrised():
    return nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(12, 12)))


def observed():
    model = nn.Sequential(nn.Linear(12, 12))
    model[0].weight.register_hook(lambda gradient: gradient)
    return model


def shared():
    model = nn.Sequential(nn.Linear(12, 12), nn.Linear(12, 12))
    model[1].bias = model[0].bias
    return model


def beyond_copying():
    model = nn.Sequential(nn.Linear(12, 12), nn.Linear(12, 12))
    prune.random_unstructured(model[0], "weight", 0.5)
    return model


@pytest.mark.parametrize(
    "model, pattern, message",
    [
        (tied(), "1", "'1', pattern '1': its weight is also 0.weight"),
        (shared(), "*", "'0', pattern '\\*': its bias is also 1.bias"),
        (hooked("register_forward_hook"), "0", "'0', pattern '0': .* forward hook"),
        (hooked("register_forward_pre_hook"), "0", "forward pre-hook"),
        (hooked("register_full_backward_hook"), "0", "backward hook"),
        (observed(), "0", "its weight has a hook"),
        (pruned(), "0", "'0'.* weight must be a parameter .*prune.remove"),
        (parametrised(), "0", "'0'.* weight must be a parameter"),
        (beyond_copying(), "1", "model must be one that copy.deepcopy can copy"),
        (nn.Sequential(nn.Linear(12, 12, device="meta")), "0", "'0'.* hold numbers"),
        (nn.Sequential(nn.Linear(12, 12, dtype=torch.complex64)), "0", "'0'.* real"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused_by_name(model, pattern, message):
    for spec in (ClosSpec(reduction=1.5, sweeps=2), SparseSpec(0.5)):
        with pytest.raises(ModelError, match=message) as caught:
            convert(model, {pattern: spec})
        assert "\n" not in str(caught.value)


def test_hooks_of_other_layers_stay():
    model, calls = nn.Sequential(nn.Linear(12, 12), nn.ReLU()), []
    model[1].register_forward_hook(lambda *_: calls.append(1))
    convert(model, {"0": ClosSpec(reduction=1.5, sweeps=2)})(torch.ones(2, 12))
    assert calls == [1]


def test_a_layer_that_the_model_holds_twice_is_not_tied_to_another():
    layer = nn.Linear(12, 12)
    new = convert(nn.Sequential(layer, layer), {"*": ClosSpec(reduction=1.5, sweeps=2)})
    assert new[0] is new[1] and isinstance(new[0], ClosLinear)
    copy.deepcopy(new)
