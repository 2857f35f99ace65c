"""The study of fits, on small matrices: its tables, its rivals, and rows that are kept."""

import re

import numpy as np
import pytest
import torch
from torch import nn

from golden.clos.fit_inputs import moments_of
from golden.clos.shape import ClosShape
from golden.layers import LowRankLinear
from golden.studies import fit_cases, fit_rivals, fits


@pytest.fixture
def small(monkeypatch):
    """A small net, hardly trained, and small matrices."""
    monkeypatch.setattr(fit_cases, "_INPUTS", 24)
    monkeypatch.setattr(fit_cases, "_OUTPUTS", 36)
    monkeypatch.setattr(fit_cases, "_STEPS", 20)
    monkeypatch.setattr(fits, "REDUCTIONS", (1.5, 2.0))
    monkeypatch.setattr(fits, "_FEWEST", 3.0)
    fit_cases.digits_net.cache_clear()
    yield
    fit_cases.digits_net.cache_clear()


def numbers(line):
    return [float(text) for text in re.findall(r"(?<![\w^.-])\d+\.\d+(?!x)", line)]


def test_tables_have_all_rows_and_are_made_once(small, tmp_path, monkeypatch):
    speed = fits.speed_table(tmp_path, quick=True)
    assert len(speed) == 2 + 2 * len(fit_cases.MATRICES)
    assert all(numbers(line)[-1] == 1 for line in speed[2::2])
    near = fits.near_table(tmp_path)
    assert len(near) == 2 + 2 * (4 + 2 * 3)
    tuned = fits.accuracy_table(tmp_path, quick=True)
    assert len(tuned) == 2 + 1 + 5
    monkeypatch.setattr(fits, "fitted", None)
    monkeypatch.setattr(fits, "nearness", None)
    monkeypatch.setattr(fits, "tuned", None)
    assert fits.speed_table(tmp_path, quick=True) == speed
    assert fits.near_table(tmp_path) == near
    assert fits.accuracy_table(tmp_path, quick=True) == tuned


@pytest.mark.parametrize("kind", [*fit_rivals.KINDS, "Clos, new"])
def test_rivals_have_no_more_weights_and_a_distance(kind):
    torch.manual_seed(0)
    dense, x = nn.Linear(24, 36), torch.randn(200, 24) @ torch.randn(24, 24)
    layer = fit_rivals.replaced(dense, kind, 2.0, x)
    weights = sum(one.numel() for name, one in layer.named_parameters() if name != "bias")
    assert weights <= 24 * 36 / 2
    assert weights > 24 * 36 / 2 - (24 + 36 + ClosShape(24, 36, 6, 1, 6).parameters)
    with torch.no_grad():
        wanted = dense(x)
        direct = np.linalg.norm((layer(x) - wanted).numpy()) / np.linalg.norm(
            (wanted - wanted.mean(dim=0)).numpy()
        )
    assert fit_rivals.output_distance(layer, dense, x) == pytest.approx(direct, rel=1e-5)
    assert fit_rivals.output_distance(dense, dense, x) == 0


def test_low_rank_by_inputs_is_the_best_of_its_rank():
    torch.manual_seed(0)
    dense, x = (
        nn.Linear(24, 36).double(),
        torch.randn(200, 24).double() @ torch.randn(24, 24).double(),
    )
    layer = fit_rivals.replaced(dense, "low rank, by inputs", 2.0, x)
    assert isinstance(layer, LowRankLinear)
    root = np.linalg.cholesky(moments_of(x - x.mean(dim=0)).numpy())
    singular = np.linalg.svd(dense.weight.detach().numpy() @ root, compute_uv=False)
    left = (dense.weight - layer.to_dense()).detach().numpy() @ root
    assert np.linalg.norm(left) == pytest.approx(np.linalg.norm(singular[layer.rank :]), rel=1e-9)


def test_singular_values_fall_as_said(small):
    for name, power in (("k^-0.5", 0.5), ("k^-1", 1.0)):
        found = torch.linalg.svdvals(fit_cases.matrix_of(name).double())
        wanted = torch.arange(1, 25, dtype=torch.float64) ** -power
        torch.testing.assert_close(found, wanted, atol=1e-6, rtol=0)
    assert tuple(fit_cases.matrix_of("Gaussian").shape) == (36, 24)
