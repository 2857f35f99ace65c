"""Other sparse layers: what is compared computes what it should, with as many weights."""

import pytest
import torch

from golden import ClosShape
from sim.measure import sparse_rivals
from sim.measure.sparse_rivals import NAMES, rival_times, rivals_text
from sim.measure.verdicts import Verdicts

SHAPE = ClosShape(64, 64, 8, 4, 8)


def test_layers_have_as_many_weights_but_for_the_dense_one():
    torch.manual_seed(0)
    counts = {
        name: sum(p.values().numel() if p.is_sparse_csr else p.numel() for p in layer.parameters())
        for name, layer in sparse_rivals._layers(SHAPE).items()
    }
    assert counts.pop("nn.Linear") == 64 * 64
    assert set(counts) == set(NAMES) - {"nn.Linear"}
    for name, count in counts.items():
        assert count == pytest.approx(SHAPE.parameters, rel=0.1), name


@pytest.mark.filterwarnings("ignore:Sparse CSR")
def test_layers_compute_their_matrices():
    torch.manual_seed(0)
    layers = sparse_rivals._layers(SHAPE)
    x = torch.randn(3, 64)
    for name in sparse_rivals._FORMS:
        torch.testing.assert_close(layers[name](x), layers["Clos"](x))
    csr = layers["CSR"]
    torch.testing.assert_close(csr(x), x @ csr.weight.to_dense().T)
    two = layers["two-stage"]
    inner = torch.einsum("nbs,bsk->nbk", x.view(3, 8, 8), two.first)
    expected = torch.einsum("nbk,kbo->nko", inner, two.second).flatten(1)
    torch.testing.assert_close(two(x), expected)


def test_times_are_of_every_layer_and_leave_the_threads():
    threads = torch.get_num_threads()
    other = 1 if threads > 1 else 2
    times = rival_times(SHAPE, 4, other, torch.device("cpu"), seconds=0.0)
    assert tuple(times) == NAMES
    assert all(0 < forward < 1e6 and 0 < both < 1e6 for forward, both in times.values())
    assert torch.get_num_threads() == threads


def test_ratios_and_verdicts_are_of_the_fastest_form():
    times = {name: [2.0, 4.0] for name in NAMES} | {"Clos": [1.0, 5.0]}
    value = {"shape": SHAPE.as_tuple(), "batch": 4, "threads": 1, "us": times}
    verdicts = Verdicts()
    last = rivals_text([value], verdicts, aims=True).splitlines()[-1]
    assert last == (
        "| (64, 64, 8, 4, 8), 4, 1 | 2.0 / 0.8 | 2.0 / 0.8 | 2.0 / 0.8 | 2.0 / 0.8 "
        "| 0.50 / 1.25 | met / **missed** |")
    assert (verdicts.met, verdicts.missed) == (1, 1)
    assert "met" not in rivals_text([value], verdicts, aims=False)
