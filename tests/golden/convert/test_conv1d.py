"""Convolutions in one direction are replaced, and made again from the record."""

import json

import pytest
import torch
from torch import nn

from golden import ModelError
from golden.convert import ClosSpec, LowRankSpec, convert, convert_report, rebuild
from golden.layers import ClosConv1d

CLOS = ClosSpec(reduction=2.0, sweeps=3)

OPTIONS = {
    "padded": {"kernel_size": 3, "padding": 1, "stride": 2},
    "same": {"kernel_size": 5, "padding": "same", "padding_mode": "circular", "bias": False},
    "dilated, in groups": {"kernel_size": 3, "dilation": 2, "groups": 2},
    "pointwise": {"kernel_size": 1, "stride": 2},
}


@pytest.mark.parametrize("options", OPTIONS)
def test_it_is_replaced_with_its_options_and_made_again(options):
    torch.manual_seed(0)
    dense = nn.Sequential(nn.Conv1d(16, 24, **OPTIONS[options]), nn.ReLU()).eval()
    new, report = convert_report(dense, {"0": CLOS})
    assert type(new[0]) is ClosConv1d and not new[0].training
    assert report.layers[0].weights_after <= report.layers[0].weights_before / 2
    x = torch.randn(3, 16, 12)
    wanted = nn.Conv1d(16, 24, **OPTIONS[options])
    wanted.load_state_dict({"weight": new[0].weight} | ({"bias": new[0].bias}
                           if new[0].bias is not None else {}))
    torch.testing.assert_close(new[0](x), wanted(x))
    again = rebuild(dense, json.loads(json.dumps(report.record)))
    again.load_state_dict(new.state_dict())
    assert again(x).equal(new(x))


@pytest.mark.filterwarnings("ignore:ClosConv1d")
def test_a_fit_with_room_for_all_computes_the_same():
    torch.manual_seed(0)
    dense = nn.Conv1d(8, 8, 3, padding=1)
    new = convert(dense, {"": ClosSpec(routers=(1, 8, 1), sweeps=200)})
    x = torch.randn(2, 8, 9)
    torch.testing.assert_close(new(x), dense(x), atol=1e-3, rtol=1e-3)


def test_calibration_weights_a_pointwise_one():
    torch.manual_seed(0)
    dense = nn.Conv1d(16, 16, 1, stride=2)
    mixing = torch.randn(16, 3) @ torch.randn(3, 16)  # Inputs lie in three directions.
    inputs = torch.einsum("nct,dc->ndt", torch.randn(20, 16, 10), mixing)
    spec = ClosSpec(reduction=1.8, sweeps=50)
    by_inputs = convert_report(dense, {"": spec}, calibration=inputs).report.layers[0]
    by_weights = convert(dense, {"": spec})
    wanted = dense(inputs).detach()
    apart = float((by_weights(inputs).detach() - wanted).norm() / wanted.norm())
    assert by_inputs.output_error < 0.4 * apart


def test_what_cannot_be_replaced_stays_or_is_refused():
    depthwise = nn.Sequential(nn.Conv1d(8, 8, 3, groups=8), nn.Conv1d(16, 16, 3))
    report = convert_report(depthwise, {"*": CLOS}).report
    assert "depthwise" in report.layers[0].reason and report.layers[1].becomes
    with pytest.raises(ModelError, match="must match a layer that LowRankSpec can replace"):
        convert(nn.Conv1d(16, 16, 3), {"": LowRankSpec(2.0)})
    normed = nn.utils.parametrizations.weight_norm(nn.Conv1d(16, 16, 3))
    with pytest.raises(ModelError, match="weight must be a parameter of the layer"):
        convert(normed, {"": CLOS})


def test_new_weights_on_meta():
    with torch.device("meta"):
        dense = nn.Conv1d(16, 16, 3)
    new = convert(dense, {"": ClosSpec(reduction=2.0, initialise="new")})
    assert type(new) is ClosConv1d and new.bias.is_meta
