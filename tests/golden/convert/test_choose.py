"""Which layers are replaced: what is skipped, too small, not smaller, or a user's own kind."""

import pytest
import torch
from torch import nn

from golden import ClosLinear, ModelError
from golden.convert import (
    CascadeSpec,
    ClosSpec,
    LowRankSpec,
    ProjectedAttention,
    SparseSpec,
    as_linear,
    convert,
    convert_report,
)
from golden.layers import ClosConv2d, LowRankConv2d, LowRankLinear

CLOS = ClosSpec(reduction=1.5, sweeps=2)


class Kernel(nn.Module):
    """A user's own layer: y = x K + b."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(inputs, outputs))
        self.offset = nn.Parameter(torch.randn(outputs))

    def forward(self, x):
        return x @ self.kernel + self.offset


KINDS = {Kernel: lambda layer: as_linear(layer.kernel.T, layer.offset)}


def mixed():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.Conv2d(16, 16, 3, groups=16),
        nn.Conv2d(16, 12, 1), nn.Conv2d(12, 12, 3, groups=3), nn.Flatten(), nn.Linear(12, 3),
    ).eval()  # fmt: skip


def reasons(report):
    return {layer.name: layer.reason for layer in report.layers}


def test_what_is_unsupported_is_refused_by_name_or_skipped():
    low = LowRankSpec(1.5)
    with pytest.raises(ModelError, match="'4', pattern '\\*': groups must be 1, .* not 3"):
        convert(mixed(), {"*": low})
    new, report = convert_report(mixed(), {"*": low}, unsupported="skip")
    assert type(new[3]) is LowRankConv2d and type(new[4]) is nn.Conv2d
    assert "groups must be 1" in reasons(report)["4"]
    assert "depthwise" in reasons(report)["2"] and not reasons(report)["3"]
    assert "1" not in reasons(report)  # It has no matrix.
    assert new(torch.ones(2, 8, 5, 5)[:, :, :5, :5]).shape == (2, 3)


def test_depthwise_layers_are_passed_over_without_an_error():
    new = convert(mixed(), {"[023]": LowRankSpec(2.0)})
    kinds = [type(layer) for layer in new[:4]]
    assert kinds == [LowRankConv2d, nn.BatchNorm2d, nn.Conv2d, LowRankConv2d]
    with pytest.raises(ModelError, match=r"matches 2 \(it is depthwise"):
        convert(mixed(), {"2": LowRankSpec(2.0)})


def test_layers_stay_that_are_small_or_would_not_be_smaller():
    new, report = convert_report(mixed(), {"3": CLOS, "6": CLOS}, min_weights=100)
    assert type(new[6]) is nn.Linear and type(new[3]) is ClosConv2d
    assert reasons(report)["6"] == "it has fewer weights than 100"
    room = ClosSpec(routers=(1, 16, 1), sweeps=2)
    for convert_all in (False, True):
        new, report = convert_report(
            mixed(), {"3": room, "0": CLOS}, only_smaller=not convert_all, unsupported="skip"
        )
        assert (type(new[3]) is ClosConv2d) == convert_all
    report = convert_report(mixed(), {"3": room}, only_smaller=True).report
    assert "nothing is saved: it would have" in reasons(report)["3"]


def test_a_pattern_must_match_a_name_even_when_skipping():
    with pytest.raises(ModelError, match="'tail' must match a layer .* no module at all"):
        convert(mixed(), {"tail": CLOS}, unsupported="skip")


def test_kinds_of_a_user_are_replaced_as_what_they_stand_for():
    torch.manual_seed(0)
    model = nn.Sequential(Kernel(12, 9), nn.ReLU(), Kernel(9, 16))
    model[2].kernel.requires_grad_(False)
    with pytest.raises(ModelError, match="must match a layer that ClosSpec can replace"):
        convert(model, {"0": CLOS})
    new, report = convert_report(model, {"0": LowRankSpec(0.55), "2": CLOS}, kinds=KINDS)
    assert [layer.kind for layer in report.layers] == ["Kernel", "Kernel"]
    assert type(new[0]) is LowRankLinear and type(new[2]) is ClosLinear
    x = torch.randn(4, 12)
    torch.testing.assert_close(new[0](x), model[0](x), atol=1e-4, rtol=1e-4)
    assert not new[2].middle_weight.requires_grad and new[2].bias.requires_grad


@pytest.mark.parametrize(
    "options, message",
    [
        ({"kinds": [Kernel]}, "kinds must be a mapping"),
        ({"kinds": {"Kernel": len}}, "classes of modules as keys, not 'Kernel'"),
        ({"kinds": {Kernel: nn.Linear}}, r"kinds\[Kernel\] must be a function"),
        ({"kinds": {Kernel: lambda layer: layer.kernel}}, r"kinds\[Kernel\] must return one of"),
        ({"unsupported": "pass"}, "unsupported must be 'refuse' or 'skip', not 'pass'"),
        ({"min_weights": -1}, "min_weights must be a whole number of at least 0"),
        ({"only_smaller": 1}, "only_smaller must be True or False, not 1"),
        ({"progress": "bar"}, "progress must be a function"),
        ({"calibration": 3}, "calibration must be a batch"),
    ],
)
def test_options_are_checked_by_name(options, message):
    model = nn.Sequential(Kernel(12, 12))
    with pytest.raises(ModelError, match=message):
        convert(model, {"0": CLOS}, **({"kinds": KINDS} | options))


@pytest.mark.parametrize("spec", [CLOS, LowRankSpec(2.0), SparseSpec(0.5)])
def test_a_model_on_meta_gets_new_layers_there(spec):
    with torch.device("meta"):
        model = nn.Sequential(nn.Linear(12, 12), nn.Conv2d(12, 12, 1))
    with pytest.raises(ModelError, match="'0'.*on the meta device: give initialise='new'"):
        convert(model, {"*": spec})
    new = convert(model, {"*": type(spec)(**(vars(spec) | {"initialise": "new"}))})
    assert all(parameter.is_meta for parameter in new.parameters())
    assert type(new[0]) is not nn.Linear and type(new[1]) is not nn.Conv2d


@pytest.mark.parametrize("layer", [nn.Linear(12, 12), nn.Conv2d(12, 12, 1)])
@pytest.mark.parametrize("spec", [ClosSpec, LowRankSpec, SparseSpec])
def test_new_weights_are_those_that_the_layer_draws(spec, layer):
    size = {"alpha": 0.9} if spec is SparseSpec else {"reduction": 1.2}
    made = spec(**size, initialise="new")
    torch.manual_seed(3)
    first = convert(layer, {"": made})
    torch.manual_seed(3)
    again = convert(layer, {"": made})
    assert first.to_dense().equal(again.to_dense()) and first.to_dense().abs().sum() > 0
    assert not first.to_dense().equal(convert(layer, {"": made}).to_dense())
    assert first.bias.equal(layer.bias)


def test_recurrent_layers_get_new_weights_unless_a_part_is_frozen():
    new = ClosSpec(reduction=1.0, initialise="new")
    layer = nn.GRU(8, 6)
    assert all(p.requires_grad for p in convert(layer, {"": new}).parameters())
    assert not any(
        p.requires_grad for p in convert(layer.requires_grad_(False), {"": new}).parameters()
    )
    layer.weight_hh_l0.requires_grad_(True)
    with pytest.raises(ModelError, match="initialise must be 'fit' for a layer of which a part"):
        convert(layer, {"": new})


def test_initialise_is_checked():
    for make in (lambda **o: ClosSpec(2.0, **o), lambda **o: LowRankSpec(2.0, **o),
                 lambda **o: SparseSpec(0.5, **o)):  # fmt: skip
        with pytest.raises(ModelError, match="initialise must be 'fit' or 'new', not 'zeros'"):
            make(initialise="zeros")


def test_what_lies_in_a_replaced_layer_is_a_part_of_it():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.map = nn.Linear(12, 12)

        def forward(self, x):
            return self.map(x)

    model = nn.Sequential(Block())
    kinds = {Block: lambda block: as_linear(block.map.weight, block.map.bias)}
    new, report = convert_report(model, {"*": CLOS}, kinds=kinds)
    assert type(new[0]) is ClosLinear and [one.name for one in report.layers] == ["0"]


@pytest.mark.parametrize("spec", [CLOS, LowRankSpec(2.0), SparseSpec(0.5)])
def test_weights_made_in_inference_mode_can_be_fitted(spec):
    with torch.inference_mode():
        dense = nn.Sequential(nn.Linear(12, 12))
    new = convert(dense, {"0": spec}, calibration=torch.randn(20, 12))
    new(torch.ones(2, 12)).sum().backward()


@pytest.mark.parametrize("spec", [CLOS, LowRankSpec(2.0)])
@pytest.mark.parametrize(
    "inputs, message",
    [
        (torch.full((20, 12), float("nan")), "layer '0', .* inputs must be finite"),
        (torch.zeros(20, 12), "layer '0', .* inputs must not be 0 throughout"),
        (torch.zeros(0, 12), "layer '0', .* inputs must hold at least one sample"),
    ],
)
def test_inputs_that_say_nothing_are_refused(spec, inputs, message):
    with pytest.raises(ModelError, match=message):
        convert(nn.Sequential(nn.Linear(12, 12)), {"0": spec}, calibration=inputs)


def test_a_lazy_layer_is_refused_until_it_has_sizes():
    model = nn.Sequential(nn.LazyLinear(12), nn.Linear(12, 12))
    with pytest.raises(ModelError, match=r"but 0.weight has none yet: run it once on inputs"):
        convert(model, {"*": CLOS}, unsupported="skip")
    model(torch.ones(2, 8))
    convert(model, {"*": CLOS}, unsupported="skip")


def test_a_pattern_that_matches_the_model_itself_says_so():
    with pytest.raises(ModelError, match="but matches the model itself, 0$"):
        convert(nn.Sequential(nn.ReLU()), {"*": CLOS})


def test_a_forward_of_its_own_is_refused():
    model = nn.Sequential(nn.Linear(12, 12))
    model[0].forward = lambda x: x
    with pytest.raises(ModelError, match="'0', pattern '0': the layer has a forward of its own"):
        convert(model, {"0": CLOS})


def test_an_error_changes_nothing():
    model = mixed()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(ModelError, match="'4'"):
        convert(model, {"*": LowRankSpec(1.5)}, calibration=torch.ones(2, 8, 3, 3))
    assert all(value.equal(before[name]) for name, value in model.state_dict().items())
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_attention_is_replaced_where_the_masks_fit_no_part():
    masks = CascadeSpec([torch.ones(8, 8).bool()])
    with pytest.raises(ModelError, match="CascadeSpec has nothing for it"):
        convert(nn.MultiheadAttention(8, 2), {"": masks})
    assert type(convert(nn.MultiheadAttention(8, 2), {"": CLOS})) is ProjectedAttention
