"""Pairs of `ClosLinear`: what is timed is what it says, and a verdict follows from the figures."""

import pytest
import torch

from golden import ClosLinear
from sim.errors import BenchFailed
from sim.measure import linear_pairs
from sim.measure.layer_pairs import pair_times
from sim.measure.layer_pairs_table import cascades_text, pairs_text
from sim.measure.linear_pairs import LINEAR, clos_products, reused_times
from sim.measure.timing import layer_steps
from sim.measure.verdicts import Verdicts

CPU = torch.device("cpu")


@pytest.mark.parametrize("pair", LINEAR, ids=lambda pair: pair.name)
def test_layers_of_a_pair_take_the_same_inputs_and_give_outputs_alike(pair):
    ours, dense = pair.ours(), pair.dense()
    variant = pair.others(ours)["recompute"]
    x = pair.inputs(2)
    assert ours(x).shape == dense(x).shape == (2, dense.out_features)
    assert not ours.recompute and variant.recompute
    count = sum(p.numel() for p in ours.parameters())
    assert sum(p.numel() for p in dense.parameters()) / count == pytest.approx(
        float(pair.name.split(", ")[-1].split()[0]), rel=0.02)


@pytest.mark.parametrize("batch", [1, 4, 64])
def test_products_are_those_of_the_layer(batch):
    layer = ClosLinear(128, 96, (16, 20, 12), bias=False)
    assert layer.shape.parameters > 1 << 13
    forward, both = clos_products(layer, batch)
    sizes = [tuple(y.numel() for y in forward())]
    assert sizes == [(16 * 20 * batch, 20 * 12 * batch, 96 * batch)]
    assert sorted(y.numel() for y in both()[1:]) == sorted(
        [*(w.numel() for w in layer.parameters()), 12 * 20 * batch, 16 * 20 * batch, 128 * batch])
    x = torch.randn(batch, 128)
    with torch.autograd.profiler.profile() as profile:
        both()
    products = {event.key: event.count for event in profile.key_averages()}
    _, step = layer_steps(layer, x)
    with torch.autograd.profiler.profile() as profile:
        step()
    of_layer = {event.key: event.count for event in profile.key_averages()}
    for name in ("aten::bmm", "aten::mul"):
        assert products.get(name) == of_layer.get(name)


def test_steps_give_every_gradient_and_add_none_up():
    torch.manual_seed(0)
    layer, x = torch.nn.LSTM(3, 4), torch.randn(5, 2, 3)
    forward, both = layer_steps(layer, x)
    assert forward()[0].shape == (5, 2, 4)
    assert [g.shape for g in both()] == [x.shape, *(p.shape for p in layer.parameters())]
    assert all(p.grad is None for p in layer.parameters())


def test_times_are_of_all_that_takes_turns():
    times = pair_times(LINEAR[0], 1, CPU, seconds=0.0)
    assert list(times) == ["dense", "ours", "compiled", "products", "recompute"]
    assert all(0 < forward < 1e7 and 0 < both < 1e7 for forward, both in times.values())
    assert times["products"][1] < times["ours"][1]


def test_table_has_a_verdict_for_every_aim():
    def figures(ours, both):
        return {"dense": (70.0, 100.0), "ours": (ours, both), "products": (80.0, 150.0),
                "recompute": (1.0, 2.0)}

    measured = [{"pair": LINEAR[0].name, "batch": 1, "us": figures(100.0, 200.0)},
                {"pair": LINEAR[-1].name, "batch": 1, "us": figures(101.0, 210.0)}]
    measured.append({"pair": LINEAR[-1].name, "batch": 1, "reused": True,
                     "us": {"dense": (3.0, 500.0), "ours": (1.0, 40.0)}})
    verdicts = Verdicts()
    text = pairs_text(measured, "the CPU", verdicts, aims=True)
    first, last, again = (line.split(" | ") for line in text.splitlines() if "batch 1" in line)
    assert first[5:] == ["0.70 / 0.50", "0.7 / 0.5", "met / met", "0.80 / 0.75", "met / met |"]
    assert last[6:8] == ["- / 12", "- / **missed**"]
    assert last[8:] == ["0.79 / 0.71", "met / **missed** |"]
    assert again[0].endswith("batch 1, memory reused")
    assert again[5:8] == ["3.00 / 12.50", "- / 12", "- / met"]
    assert str(verdicts) == "Of 8 aims, 6 are met and 2 missed."
    assert "met" not in pairs_text(measured, "a GPU", verdicts, aims=False)


def test_a_compiled_layer_has_a_row_and_verdicts_of_its_own():
    us = {"dense": (70.0, 100.0), "ours": (140.0, 400.0), "compiled": (35.0, 100.0),
          "products": (21.0, 80.0), "recompute": (1.0, 2.0)}
    verdicts, compiled = Verdicts(), Verdicts()
    measured = [{"pair": LINEAR[0].name, "batch": 1, "us": us}]
    text = pairs_text(measured, "the CPU", verdicts, aims=True, compiled=compiled)
    _, row = (line.split(" | ") for line in text.splitlines() if "batch 1" in line)
    assert row[0].endswith("batch 1, compiled")
    assert row[1:] == ["70 / 100", "35 / 100", "21 / 80", "", "2.00 / 1.00", "0.7 / 0.5",
                       "met / met", "0.60 / 0.80", "**missed** / met |"]
    assert (verdicts.missed, compiled.met, compiled.missed) == (4, 3, 1)


def test_a_cascade_is_held_against_its_faster_form():
    us = {"dense": (20.0, 30.0), "ours": (11.0, 60.0), "gather": (10.0, 90.0),
          "matrix": (40.0, 50.0)}
    verdicts = Verdicts()
    value = {"pair": "hypercube:64,6", "batch": 16, "us": us}
    last = cascades_text([value], verdicts, aims=True).splitlines()[-1]
    assert last == ("| hypercube:64,6, batch 16 | 20 / 30 | 11 / 60 | 10 / 90 | 40 / 50 "
                    "| 1.82 / 0.50 | 1.10 / 1.20 | met / **missed** |")
    assert (verdicts.met, verdicts.missed) == (1, 1)
    assert "met" not in cascades_text([value], verdicts, aims=False)


@pytest.mark.slow
def test_a_process_of_its_own_times_the_large_pair():
    assert set(reused_times(0.0)) == {"dense", "ours", "compiled", "products", "recompute"}


def test_a_process_that_fails_says_why(monkeypatch):
    monkeypatch.setattr(linear_pairs.sys, "executable", "/bin/false")
    with pytest.raises(BenchFailed, match="timing in a process of its own failed"):
        reused_times(0.0)
