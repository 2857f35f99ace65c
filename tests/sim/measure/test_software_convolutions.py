"""The table of convolutions: what is compared, and what is said of it."""

import pytest
import torch

from sim.measure import software_convolutions
from sim.measure.results import Bench
from sim.measure.software_convolutions import TARGET, measure_convolutions, pairs, verdict


def test_pairs_compare_the_same_options_at_a_quarter_of_the_weights_at_most():
    names, targets = set(), 0
    for pair in pairs():
        names.add(pair.name)
        targets += pair.target == TARGET
        dense = dict(pair.dense.named_parameters())
        ours = sum(p.numel() for p in pair.ours.parameters()) - dense["bias"].numel()
        assert 0 < ours <= dense["weight"].numel() / 4
        with torch.no_grad():
            shapes = [layer(pair.x[:1]).shape for layer in (pair.ours, pair.dense)]
        assert shapes[0] == shapes[1]
        for option in ("kernel_size", "stride", "padding", "dilation", "groups", "padding_mode"):
            assert getattr(pair.ours, option) == getattr(pair.dense, option)
    assert len(names) == 14 and targets == 6


@pytest.mark.parametrize(
    "target, ours, said", [(0.6, 60.0, "0.6: met"), (0.6, 61.0, "0.6: missed"), (None, 9.0, "-")]
)
def test_a_verdict_is_of_forward_and_backward(target, ours, said):
    us = {"Clos": (1.0, ours), "dense": (1.0, 100.0)}
    assert verdict({"target": target, "us": us}) == said


def test_a_quick_table_has_a_verdict_and_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(software_convolutions, "_SECONDS", 0.05)
    bench = Bench(tmp_path, quick=True)
    table = measure_convolutions(bench)
    assert len(table.values) == 2
    assert all(0 < us[0] < us[1] for value in table.values for us in value["us"].values())
    assert table.text.count("| 0.6: met |") + table.text.count("| 0.6: missed |") == 1
    assert "64-64, 28x28, 8, channels_last" in table.text
    before = torch.get_num_threads()
    assert measure_convolutions(bench).values == table.values  # From the raw results.
    assert torch.get_num_threads() == before
