"""convert: the layers of an existing model are replaced by name."""

import copy

import pytest
import torch
from torch import nn

from golden import ClosLinear, ModelError
from golden.convert import CascadeSpec, ClosSpec, LowRankSpec, SparseSpec, convert
from golden.layers import (
    ClosConv2d,
    ClosGRU,
    ClosLSTM,
    LowRankLinear,
    SparseCascade,
    SparseRandomConv2d,
)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(2, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 9, 1)
        )
        self.head = nn.Sequential(nn.Linear(9, 16), nn.ReLU(), nn.Linear(16, 16))
        self.tied = self.head[2]

    def forward(self, x):
        return self.tied(self.head(self.features(x).mean(dim=(2, 3))))


def make():
    torch.manual_seed(0)
    return Model().eval(), torch.randn(4, 2, 5, 5)


def test_s5_layers_are_replaced_by_name_and_the_others_stay():
    model, x = make()
    before, y = copy.deepcopy(model.state_dict()), model(x)
    new = convert(
        model,
        {
            "features.0": SparseSpec(0.5),
            "features.3": ClosSpec(routers=(1, 6, 1)),
            "head.*": ClosSpec(routers=(1, 16, 1), sweeps=1000),
        },
    )
    kinds = [type(new.get_submodule(name)) for name in ("features.0", "features.3", "head.0")]
    assert kinds == [SparseRandomConv2d, ClosConv2d, ClosLinear]
    assert new.tied is new.head[2] and type(new.tied) is ClosLinear
    assert not any(module.training for module in new.modules())
    assert model(x).equal(y)
    assert all(model.state_dict()[name].equal(value) for name, value in before.items())
    dense_start = convert(
        model, {"features.0": SparseSpec(1.0), "head.*": ClosSpec(routers=(1, 16, 1), sweeps=1000)}
    )
    torch.testing.assert_close(dense_start(x), y, atol=1e-2, rtol=1e-2)


@pytest.mark.parametrize(
    "layer, spec, kind",
    [
        (nn.Linear(12, 9), ClosSpec(routers=(3, 40, 3)), ClosLinear),
        (nn.Linear(12, 9, bias=False), LowRankSpec(0.55), LowRankLinear),
        (nn.Linear(12, 9), SparseSpec(1.0), SparseCascade),
        (nn.Conv2d(4, 5, 3, stride=2), SparseSpec(1.0), SparseRandomConv2d),
        (nn.Conv2d(4, 5, 1), ClosSpec(routers=(1, 4, 1)), ClosConv2d),
        (nn.Conv2d(2, 5, 3, bias=False), ClosSpec(routers=(1, 5, 1)), ClosConv2d),
    ],
)
@pytest.mark.filterwarnings("ignore:ClosConv2d .* times the weights")
def test_replacements_with_room_for_all_compute_the_same(layer, spec, kind):
    new = convert(layer, {"": spec})
    assert type(new) is kind
    torch.manual_seed(0)
    x = torch.randn(3, layer.in_features) if kind in (ClosLinear, LowRankLinear, SparseCascade) \
        else torch.randn(3, layer.in_channels, 5, 5)
    torch.testing.assert_close(new(x), layer(x), atol=2e-3, rtol=2e-3)


@pytest.mark.parametrize("dense, kind", [(nn.LSTM, ClosLSTM), (nn.GRU, ClosGRU)])
def test_n24_recurrent_layers_are_replaced(dense, kind):
    torch.manual_seed(0)
    model = nn.Sequential(dense(8, 6))
    new = convert(model, {"0": ClosSpec(reduction=0.25)})
    assert type(new[0]) is kind
    x = torch.randn(3, 2, 8)
    torch.testing.assert_close(new(x)[0], model(x)[0], atol=0.02, rtol=0)
    with pytest.raises(ModelError, match="reduction must be given"):
        convert(model, {"0": ClosSpec(routers=(2, 2, 2))})


def test_sparse_spec_keeps_the_weights_of_its_connections():
    torch.manual_seed(0)
    layer = nn.Linear(20, 12)
    new = convert(layer, {"": SparseSpec(0.25, seed=3)})
    mask = new.stages[0].mask
    assert int(mask.sum()) == 12 * 5
    torch.testing.assert_close(new.to_dense(), layer.weight * mask)
    assert new.bias.equal(layer.bias)
    assert not convert(layer, {"": SparseSpec(0.25, seed=4)}).stages[0].mask.equal(mask)


def test_cascade_spec_takes_the_masks():
    ones = torch.ones(4, 9, dtype=torch.bool), torch.ones(16, 4, dtype=torch.bool)
    model, _ = make()
    new = convert(model, {"head.0": CascadeSpec(ones)})
    assert type(new.head[0]) is SparseCascade and new.head[0].bandwidth == 4
    with pytest.raises(ModelError, match="'head.2', pattern 'head.*': masks must make 16 inputs"):
        convert(model, {"head.*": CascadeSpec(ones)})


def test_what_matches_nothing_is_refused_before_anything_is_made():
    model, _ = make()
    clos = ClosSpec(reduction=0.5)
    for specs, message in [
        ({}, "at least one pattern to a spec"),
        ({"tail.*": clos}, r"'tail.\*' must match a layer .* but matches no module at all"),
        ({"features.[12]": clos}, "but matches features.1, features.2"),
        ({"features.*": CascadeSpec([torch.ones(9, 9) > 0])}, "that CascadeSpec can replace"),
        ({"head.*": clos, "*.2": clos}, r"'head.2' must match one pattern, not both 'head.\*'"),
        ({"head.*": ClosSpec(reduction=99)}, r"'head.0', pattern 'head.\*': reduction must be"),
    ]:
        with pytest.raises(ModelError, match=message):
            convert(model, specs)
    for sizes in ({}, {"reduction": 2.0, "routers": (2, 2, 2)}):
        with pytest.raises(ModelError, match="either reduction or routers"):
            ClosSpec(**sizes)
    with pytest.raises(ModelError, match="groups must be 1, a convolution in one group, not 2"):
        convert(nn.Conv2d(4, 4, 3, groups=2), {"": SparseSpec(0.5)})
    with pytest.raises(ModelError, match="padded by a number of zeros"):
        convert(nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular"), {"": SparseSpec(0.5)})


def test_attention_keeps_the_layers_whose_weights_it_uses_itself():
    attention = nn.MultiheadAttention(8, 2)
    with pytest.raises(ModelError, match="but matches out_proj"):
        convert(attention, {"out_proj": ClosSpec(reduction=0.5)})
