"""Pairs of convolutions: the same options, and few enough weights."""

import pytest
import torch

from sim.measure.convolution_pairs import CONVOLUTIONS, REDUCTION


@pytest.mark.parametrize("pair", CONVOLUTIONS, ids=lambda pair: pair.name)
def test_pairs_compare_the_same_options_at_a_quarter_of_the_weights_at_most(pair):
    ours, dense, x = pair.ours(), pair.dense(), pair.inputs(1)
    parameters = dict(dense.named_parameters())
    count = sum(p.numel() for p in ours.parameters()) - parameters["bias"].numel()
    assert 0 < count <= parameters["weight"].numel() / REDUCTION
    with torch.no_grad():
        assert ours(x).shape == dense(x).shape
    for option in ("kernel_size", "stride", "padding", "dilation", "groups", "padding_mode"):
        assert getattr(ours, option) == getattr(dense, option)


def test_contiguous_images_have_aims_and_all_else_is_reported():
    aims = [pair.aims for pair in CONVOLUTIONS]
    assert [sorted(one) for one in aims] == [[8, 64]] * 3 + [[8]] * 4
    assert all(aim == (None, 1 / 0.6) for one in aims[:3] for aim in one.values())
    assert all(aim == (None, None) for one in aims[3:] for aim in one.values())
    for index, pair in enumerate(CONVOLUTIONS[:6]):
        layout = torch.channels_last if index >= 3 else torch.contiguous_format
        assert pair.inputs(2).is_contiguous(memory_format=layout)
        assert ("channels_last" in pair.name) == (index >= 3)
