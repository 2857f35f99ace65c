"""Pairs of cascades: both forms compute what the layer does, of the connections that are named."""

import pytest
import torch

from sim.measure.cascade_pairs import CASCADES, FORMS
from sim.measure.layer_pairs import pair_times


@pytest.mark.parametrize("pair", CASCADES, ids=lambda pair: pair.name)
def test_forms_compute_what_the_layer_does(pair, monkeypatch):
    torch.manual_seed(0)
    ours, dense, x = pair.ours(), pair.dense(), pair.inputs(2)
    expected = ours(x).detach()
    assert expected.shape == dense(x).shape
    forms = pair.others(ours)
    assert tuple(forms) == FORMS
    others = {"gather": "by_matrix", "matrix": "by_gather"}
    for name, form in forms.items():
        with monkeypatch.context() as patch:
            patch.setattr(type(ours.parts[0]), others[name], None)  # It takes no other.
            torch.testing.assert_close(form(x), expected)
    assert list(pair.aims) == [1, 16, 512]


def test_connections_are_those_that_the_names_say():
    made = [pair.ours() for pair in CASCADES]
    sizes = [(len(one.parts), one.in_features, one.out_features) for one in made]
    assert sizes == [(10, 1024, 1024), (2, 512, 512), (1, 784, 300), (6, 64, 64)]
    assert [part.weight.numel() for part in made[1].parts] == [512 * 16] * 2
    assert made[2].density == pytest.approx(1 / 5.5, rel=0.02)
    assert [part.weight.numel() for part in made[0].parts] == [2 * 1024] * 10


def test_times_are_of_the_layer_and_its_forms():
    times = pair_times(CASCADES[-1], 1, torch.device("cpu"), seconds=0.0)
    assert list(times) == ["dense", "ours", *FORMS]
    assert all(0 < forward < both < 1e7 for forward, both in times.values())
