"""Pairs of recurrent layers: as many inputs and outputs, and a quarter of the weights."""

import pytest
import torch

from sim.measure.recurrent_pairs import RECURRENT


@pytest.mark.parametrize("pair", RECURRENT, ids=lambda pair: pair.name)
def test_pairs_have_a_quarter_of_the_weights_and_the_same_outputs(pair):
    ours, dense = pair.ours(), pair.dense()
    counts = [sum(p.numel() for p in layer.parameters() if p.ndim > 1) for layer in (ours, dense)]
    assert 4 <= counts[1] / counts[0] < 4.2
    x = pair.inputs(3)[:2]
    with torch.no_grad():
        assert ours(x)[0].shape == dense(x)[0].shape == (2, 3, dense.hidden_size)
    assert f"{type(ours).__name__}, {dense.hidden_size} neurons" in pair.name
    assert pair.inputs(3).shape == (32, 3, dense.input_size)


def test_an_lstm_has_aims_from_sixteen_sequences_on():
    wanted = {pair.name: [batch for batch, aim in pair.aims.items() if aim == (1.2, 1.2)]
              for pair in RECURRENT}
    assert all(found == ([16, 64] if "LSTM" in name else []) for name, found in wanted.items())
