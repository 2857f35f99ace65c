"""A converted model is made again from its record, also from one of a stranger."""

import copy
import json

import pytest
import torch
from torch import nn

from golden import ClosLinear, ModelError
from golden.convert import (
    CascadeSpec,
    ClosSpec,
    LowRankSpec,
    SparseSpec,
    as_linear,
    convert_report,
    rebuild,
)
from golden.convert.build import packed, unpacked
from golden.layers import SparseCascade
from golden.topologies import parse_topology

CLOS = ClosSpec(reduction=1.5, sweeps=2)
SKIPPING = parse_topology("butterfly:16,4+skip")


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(4, 8, 3, stride=2, padding=1)
        self.second = nn.Conv2d(8, 16, (1, 3), padding=(0, 1), dilation=(1, 1), bias=False)
        self.rows = nn.GRU(16, 3, batch_first=True, bidirectional=True)
        self.attention = nn.MultiheadAttention(6, 2, batch_first=True)
        self.wide = nn.Linear(6, 16)
        self.head = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16))
        self.again = self.head[2]

    def forward(self, x):
        x = self.second(self.first(x)).flatten(2).mT
        x = self.rows(x)[0]
        x = self.attention(x, x, x)[0]
        return self.again(self.head(self.wide(x)))


SPECS = {
    "clos": {"first": CLOS, "rows": ClosSpec(reduction=1.0, sweeps=2), "head.*": CLOS},
    "low rank": {"first": LowRankSpec(2.0), "second": LowRankSpec(1.5), "head.0": LowRankSpec(2.0)},
    "sparse": {"first": SparseSpec(0.6, seed=5), "attention": SparseSpec(0.5),
               "head.0": SparseSpec(0.4, seed=2)},
    "cascade": {"head.0": CascadeSpec(SKIPPING.masks, SKIPPING.constants)},
}  # fmt: skip


def model():
    torch.manual_seed(0)
    return Model().eval()


@pytest.mark.parametrize("meta", [False, True])
@pytest.mark.parametrize("specs", SPECS)
def test_a_model_is_made_again_and_computes_the_same(specs, meta):
    new, report = convert_report(model(), SPECS[specs])
    record = json.loads(json.dumps(report.record))
    with torch.device("meta" if meta else "cpu"):
        dense = Model().eval()
    kinds = [type(module) for module in dense.modules()]
    again = rebuild(dense, record)
    assert [type(module) for module in dense.modules()] == kinds
    assert all(parameter.is_meta == meta for parameter in again.parameters())
    again.load_state_dict(copy.deepcopy(new.state_dict()), assign=meta)
    x = torch.randn(3, 4, 6, 6)
    assert again(x).equal(new(x)) and again.again is again.head[2]
    assert again.state_dict().keys() == new.state_dict().keys()


def test_in_place_the_model_itself_gets_the_layers():
    _, report = convert_report(model(), {"head.*": CLOS})
    dense = model().train()
    dense.head[2].eval()
    dense.head[0].requires_grad_(False)
    assert rebuild(dense, report.record, in_place=True) is dense
    assert type(dense.head[2]) is ClosLinear and dense.again is dense.head[2]
    assert dense.head[0].training and not dense.head[2].training
    assert not dense.head[0].bias.requires_grad and dense.head[2].bias.requires_grad


@pytest.mark.parametrize("specs", ["clos", "low rank", "sparse"])
def test_what_is_frozen_is_that_of_the_converted_model(specs):
    dense = model()
    for name, parameter in dense.named_parameters():
        parameter.requires_grad_("bias" in name or name.startswith("attention"))
    if specs == "clos":  # Of a recurrent layer all is frozen, or nothing.
        dense.rows.requires_grad_(False)
    new, report = convert_report(dense, SPECS[specs])
    again = rebuild(dense, report.record)
    found, wanted = (
        {name: one.requires_grad for name, one in m.named_parameters()} for m in (again, new)
    )
    assert found == wanted and len(set(found.values())) == 2


def test_a_model_that_was_converted_twice_is_made_again_by_both_records():
    first, one = convert_report(model(), {"first": CLOS})
    second, other = convert_report(first, {"head.*": LowRankSpec(1.5)})
    again = rebuild(rebuild(model(), one.record), other.record)
    again.load_state_dict(second.state_dict())
    x = torch.randn(3, 4, 6, 6)
    assert again(x).equal(second(x))


def test_a_model_that_is_the_layer_itself():
    new, report = convert_report(nn.Linear(12, 9), {"": CLOS})
    for in_place in (False, True):
        again = rebuild(nn.Linear(12, 9), report.record, in_place=in_place)
        again.load_state_dict(new.state_dict())
        assert again(torch.ones(2, 12)).equal(new(torch.ones(2, 12)))


def test_layers_of_a_kind_of_the_user():
    class Kernel(nn.Module):
        def __init__(self):
            super().__init__()
            self.kernel = nn.Parameter(torch.randn(12, 9, dtype=torch.float64))

    held = nn.Sequential(Kernel())
    kinds = {Kernel: lambda layer: as_linear(layer.kernel.T)}
    new, report = convert_report(held, {"0": CLOS}, kinds=kinds)
    again = rebuild(held, report.record)
    again.load_state_dict(new.state_dict())
    assert again[0].to_dense().equal(new[0].to_dense()) and again[0].bias is None
    assert again[0].input_weight.dtype == torch.float64


def changed(change):
    specs = SPECS["sparse"] | {"head.2": CLOS, "wide": LowRankSpec(1.0)}
    _, report = convert_report(model(), specs)
    record = json.loads(json.dumps(report.record))
    change(record, record["layers"])
    return record


def arguments(name, **values):
    return lambda _, layers: layers[name]["arguments"].update(values)


BIG = {"shape": [1 << 40, 1 << 40], "bits": ""}


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda record, _: record.update(format=2), "format of the record must be 1, not 2"),
        (lambda record, _: record.update(format=True), "format of the record must be 1, not True"),
        (lambda record, _: record.pop("layers"), "layers of the record must be a mapping"),
        (lambda _, layers: layers.update(tail=layers["head.2"]), "'tail': the model must have"),
        (lambda _, layers: layers.update(rows=layers["head.2"]), "kind must be one of ClosGRU for"),
        (lambda _, layers: layers.update({"head.1": layers["head.2"]}), "'head.1': the model must"),
        (lambda _, layers: layers["head.2"].update(kind="Linear"), "kind must be one of ClosLin"),
        (lambda _, layers: layers["head.2"].update(kind=["x"]), "kind must be one of ClosLin"),
        (lambda _, layers: layers["head.2"].pop("arguments"), "arguments must be a mapping"),
        (arguments("head.2", in_features=17), "in_features must be 16, as that of the model"),
        (arguments("head.2", in_features=1 << 60), "in_features must be 16, as that of the model"),
        (arguments("head.2", routers=[4, 1 << 50, 4]), "'head.2': "),
        (arguments("head.2", routers=[4, "4", 4]), "middle_routers must be a whole number"),
        (arguments("head.2", device="cpu"), "must be among .*, not 'device'"),
        (lambda _, layers: layers["head.2"]["arguments"].pop("routers"), "arguments of ClosLinear"),
        (arguments("wide", rank=0), "rank must be 1 to 6"),
        (arguments("head.0", masks=[BIG]), "shape of a mask must have at most"),
        (arguments("head.0", masks=[{"shape": [16, 16], "bits": "!"}]), "bits of a mask must be"),
        (arguments("head.0", masks=[{"shape": [16, 16], "bits": 3}]), "bits of a mask must be"),
        (arguments("head.0", masks=3), "masks must be a sequence"),
        (arguments("head.0", masks=[packed(torch.ones(4, 16) > 0)]), "out_features must be 16"),
        (arguments("first", channels=packed(torch.eye(8, 4) > 0)), "channels must be as many"),
        (arguments("first", channels=packed(torch.ones(9, 4) > 0)), "channels must have shape"),
        (arguments("first", in_channels=3), "in_channels must be 4"),
        (arguments("first", stride=3), r"stride must be \(2, 2\), as that of the model, not 3"),
        (arguments("first", padding=None), r"padding must be a whole number"),
        (arguments("first", padding=0), r"padding must be \(1, 1\), as that of the model, not 0"),
        (lambda _, layers: layers["first"]["arguments"].pop("stride"), r"stride must be \(2, 2\)"),
        (arguments("head.2", bias="x"), "bias must be True, as that of the model, not 'x'"),
        (arguments("head.2", bias=False), "bias must be True, as that of the model, not False"),
        (arguments("attention", batch_first=False), "batch_first must be True, as that of"),
        (arguments("attention", num_heads=3), "num_heads must be 2, as that of the model"),
        (arguments("attention", query_map=None), "query_map must be a mapping"),
        (arguments("attention", out_proj={"kind": "ProjectedAttention"}), "kind of out_proj must"),
    ],
)  # fmt: skip
def test_a_wrong_record_is_refused_and_names_the_layer(change, message):
    dense = model()
    kinds = [type(module) for module in dense.modules()]
    with pytest.raises(ModelError, match=message) as caught:
        rebuild(dense, changed(change), in_place=True)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600
    assert [type(module) for module in dense.modules()] == kinds


def test_masks_are_kept_as_bits():
    torch.manual_seed(0)
    for size in ((1, 1), (3, 5), (16, 16)):
        mask = torch.rand(size) < 0.5
        assert unpacked(json.loads(json.dumps(packed(mask)))).equal(mask)
    short = packed(torch.ones(16, 16) > 0) | {"shape": [16, 17]}
    with pytest.raises(ModelError, match="must be 34 bytes for shape"):
        unpacked(short)


def test_constants_are_kept():
    _, report = convert_report(model(), SPECS["cascade"])
    again = rebuild(model(), report.record)
    stages = SparseCascade(SKIPPING.masks, SKIPPING.constants).parts
    for found, wanted in zip(again.head[0].parts, stages, strict=True):
        assert found.mask.equal(wanted.mask)
        assert found.constant_values.equal(wanted.constant_values)
        assert found.constant_edges.equal(wanted.constant_edges)


@pytest.mark.parametrize("options", [{"model": 3}, {"in_place": 1}, {"record": "x"}])
def test_arguments_are_checked(options):
    with pytest.raises(ModelError, match=f"{next(iter(options))} must be"):
        rebuild(**({"model": model(), "record": {"format": 1, "layers": {}}} | options))
