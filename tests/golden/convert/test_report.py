"""What a conversion says of each layer, and how fits are shared and weighted."""

import json

import pytest
import torch
from torch import nn

from golden import ClosLinear, ModelError
from golden.convert import ClosSpec, LowRankSpec, convert, convert_report
from golden.convert.calibration import calibration_inputs

CLOS = ClosSpec(reduction=1.5, sweeps=3)


def model():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Embedding(7, 12), nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 12), nn.Linear(12, 16)
    )


def test_weights_and_errors_are_those_of_the_layers():
    before = model()
    new, report = convert_report(before, {"1": CLOS, "3": LowRankSpec(2.0)})
    rows = {layer.name: layer for layer in report.layers}
    assert list(rows) == ["0", "1", "3", "4"]
    assert rows["1"].weights_before == 192
    assert rows["1"].weights_after == new[1].shape.parameters
    assert rows["3"].weights_after == new[3].rank * 28
    for name, layer in (("1", new[1]), ("3", new[3])):
        wanted = before[int(name)].weight.detach()
        error = (layer.to_dense().detach() - wanted).norm() / wanted.norm()
        assert rows[name].error == pytest.approx(float(error), rel=1e-4)
    assert rows["4"].reason and rows["4"].error is None
    assert report.weights_before == 84 + 3 * 192
    assert report.weights_after == sum(
        one.numel() for name, one in new.named_parameters() if not name.endswith("bias"))
    assert report.replaced == (rows["1"], rows["3"])
    assert rows["1"].becomes.startswith("ClosLinear, ")
    json.dumps(report.record)


def test_the_table_has_layers_of_one_kind_in_one_row():
    blocks = nn.ModuleList(nn.ModuleDict({"map": nn.Linear(12, 12), "out": nn.Linear(12, 2)})
                           for _ in range(3))
    lines = str(convert_report(blocks, {"*.map": CLOS}).report).splitlines()
    assert len(lines) == 5 and len({len(line) for line in lines}) == 1
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0] == ["layer", "kind", "becomes", "weights before", "weights after", "error",
                        "note"]
    assert cells[2][:2] == ["*.map (3 times)", "Linear"] and cells[2][3] == "432"
    assert cells[3][0] == "*.out (3 times)" and cells[3][6] == "no pattern has something for it"
    assert cells[4][0] == "whole model" and cells[4][6].endswith("times fewer")
    single = str(convert_report(nn.Linear(12, 12), {"": CLOS}).report)
    assert "| (the model) |" in single


def test_progress_is_told_of_every_layer():
    told = []
    convert(model(), {"1": CLOS, "4": CLOS}, progress=lambda *one: told.append(one))
    assert told == [("1", 1, 2), ("4", 2, 2)]


def test_equal_layers_are_fitted_once():
    layer = nn.TransformerEncoderLayer(12, 2, 16, batch_first=True)
    stack = nn.TransformerEncoder(layer, 3)  # Its layers are copies.
    with torch.no_grad():
        stack.layers[2].linear1.weight[0, 0] += 1
    new = convert(stack, {"*.linear1": CLOS})
    first, second, third = (one.linear1 for one in new.layers)
    assert first.to_dense().equal(second.to_dense()) and first is not second
    assert first.input_weight.data_ptr() != second.input_weight.data_ptr()
    assert not first.to_dense().equal(third.to_dense())


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x, lambda x: (x,), lambda x: {"x": x}, lambda x: [x[:5], x[5:]],
        lambda x: iter([(x[:9],), {"x": x[9:]}]),
    ],
)  # fmt: skip
def test_inputs_of_layers_are_found(make):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.drop = nn.Linear(4, 6), nn.Dropout(0.5)
            self.second = nn.Linear(6, 2)

        def forward(self, x):
            return self.second(self.drop(self.first(x).relu()))

    torch.manual_seed(0)
    net, x = Net(), torch.randn(40, 4)
    net.drop.eval()
    found = calibration_inputs(net, [(net.first, net.first), (net.second, net.second)], make(x))
    hidden = net.first(x).relu().detach()
    for layer, samples in ((net.first, x), (net.second, hidden)):
        rows = found[id(layer)]
        torch.testing.assert_close(rows, samples)
    assert net.training and not net.drop.training
    assert not net.first._forward_pre_hooks and not net.first._forward_pre_hooks_with_kwargs


def test_pixels_are_samples_of_a_pointwise_convolution():
    layer = nn.Conv2d(3, 5, 1, stride=2)
    x = torch.randn(4, 3, 5, 6)
    rows = calibration_inputs(layer, [(layer, layer)], x)[id(layer)]
    pixels = x[:, :, ::2, ::2].movedim(1, -1).reshape(-1, 3)
    torch.testing.assert_close(rows, pixels)


def test_of_many_samples_a_random_part_is_kept():
    layer = nn.Linear(2, 3)
    x = torch.arange(30000.0).reshape(-1, 1).expand(-1, 2)
    rows = calibration_inputs(layer, [(layer, layer)], list(x.split(7000)))[id(layer)]
    assert rows.shape == (4096, 2) and len(rows[:, 0].unique()) == 4096
    assert rows[:, 0].mean() == pytest.approx(15000, rel=0.03)  # Four deviations of such a mean.


@pytest.mark.parametrize("make", [lambda: nn.Linear(12, 10), lambda: nn.Conv2d(12, 10, 1)])
@pytest.mark.parametrize("spec", [ClosSpec(routers=(2, 2, 2)), LowRankSpec(2.0)])
def test_a_fit_by_inputs_is_nearer_on_them(spec, make):
    torch.manual_seed(0)
    layer = make()
    x = torch.randn(200, 12) * torch.logspace(0, -2, 12)
    given = x if isinstance(layer, nn.Linear) else x.T[None, :, :, None]
    plain, unweighted = convert_report(layer, {"": spec})
    new, report = convert_report(layer, {"": spec}, calibration=given)
    row = report.layers[0]
    assert row.error > unweighted.layers[0].error and unweighted.layers[0].output_error is None
    with torch.no_grad():
        wanted = layer(given)
        off = (new(given) - wanted).norm()
        assert off < 0.8 * (plain(given) - wanted).norm()
        bias = layer.bias if given is x else layer.bias[:, None, None]
        assert row.output_error == pytest.approx(float(off / (wanted - bias).norm()), rel=1e-3)


@pytest.mark.parametrize("bias", [True, False])
def test_low_rank_by_inputs_is_the_best_of_its_rank(bias):
    """The error left is that of the singular values beyond the rank, of what is computed."""
    torch.manual_seed(0)
    layer, x = nn.Linear(12, 10, bias=bias), torch.randn(50, 12) * torch.logspace(0, -1, 12) + 0.3
    new, report = convert_report(layer, {"": LowRankSpec(2.0)}, calibration=x)
    outputs = (x @ layer.weight.T).detach().double()
    varied = outputs - outputs.mean(dim=0) if bias else outputs
    left = torch.linalg.svdvals(varied)[new.rank :].square().sum().sqrt() / outputs.norm()
    assert report.layers[0].output_error == pytest.approx(float(left), rel=1e-4)


@pytest.mark.parametrize(
    "calibration, message",
    [
        ([], "at least one batch, not none"),
        (torch.ones(2, 3), "what the model runs on, but it fails on a tensor"),
        ({"z": torch.ones(2, 12)}, "but it fails on a dict: .*unexpected keyword"),
        ([3], "but it fails on 3"),
    ],
)
def test_calibration_must_run(calibration, message):
    layer = nn.Linear(12, 12)
    with pytest.raises(ModelError, match=message) as caught:
        convert(layer, {"": CLOS}, calibration=calibration)
    assert "\n" not in str(caught.value)
    assert type(convert(layer, {"": CLOS})) is ClosLinear
