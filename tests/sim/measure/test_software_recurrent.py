"""What is timed of recurrent layers are layers of as many inputs, and verdicts follow times."""

import itertools

import pytest
import torch

from sim.measure import software_recurrent


def test_pairs_have_a_quarter_of_the_weights_and_the_same_outputs():
    found = list(software_recurrent.pairs(quick=True))
    assert [pair.name for pair in found][:2] == ["LSTM, H 256, N 1", "LSTM, H 256, N 16"]
    assert len(found) == 6 < len(software_recurrent.CASES)
    for pair in found[::2]:
        counts = [
            sum(p.numel() for p in layer.parameters() if p.ndim > 1)
            for layer in (pair.ours, pair.dense)
        ]
        assert 4 <= counts[1] / counts[0] < 4.2
        with torch.no_grad():
            assert pair.ours(pair.x[:2])[0].shape == pair.dense(pair.x[:2])[0].shape


def test_times_are_minima_in_turns_and_leave_the_threads(monkeypatch):
    ticks = itertools.count()
    pair = next(software_recurrent.pairs())
    pair = software_recurrent.Pair("a", "LSTM", 1, pair.ours, pair.dense, pair.x[:2])
    threads = torch.get_num_threads()
    value = software_recurrent.measured(pair, 0.0, lambda: next(ticks))
    assert value["ours"] == value["dense"] == [1e6, 1e6]  # One tick each.
    assert next(ticks) == 5 * 2 * 2 * 4
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("slowest, verdict", [(1.25, "reached"), (1.1, "missed")])
def test_verdicts_are_of_the_slowest_case_of_a_target(slowest, verdict):
    def value(kind, samples, forward, both):
        dense = [100.0, 300.0]
        ours = [dense[0] / forward, dense[1] / both]
        name = f"{kind} {samples}"
        return {"name": name, "kind": kind, "samples": samples, "ours": ours, "dense": dense}

    values = [
        value("LSTM", 1, 0.2, 0.2),  # Too few samples.
        value("LSTM", 16, 2.0, slowest),
        value("LSTM", 64, 1.5, 2.0),
        value("GRU", 16, 0.1, 0.1),
    ]
    forward, both = software_recurrent.verdicts(values)
    assert "forward: reached, 1.50 times as fast as nn.LSTM (LSTM 64)" in forward
    assert f"forward and backward: {verdict}, {slowest:.2f} times" in both and "LSTM 16" in both
    assert software_recurrent.rows(values)[1] == (
        "LSTM 16", f"50 / {300 / slowest:.0f}", "100 / 300", f"2.00 / {slowest:.2f}"
    )  # fmt: skip
