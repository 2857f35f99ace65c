"""ClosLSTM and ClosGRU (NeuroFabric N24) against PyTorch's, with the maps multiplied out."""

import pytest
import torch
from torch import nn

from golden import ShapeError
from golden.layers import ClosGRU, ClosLSTM

KINDS = [ClosLSTM, ClosGRU]


def make(kind, layers=2, **keywords):
    torch.manual_seed(0)
    layer = kind(6, 5, reduction=1.0, num_layers=layers, dtype=torch.float64, **keywords)
    for name, parameter in layer.named_parameters():
        if name.endswith("bias"):
            nn.init.normal_(parameter)
    return layer


def tensors(result):
    y, state = result
    return [y, *(state if isinstance(state, tuple) else [state])]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(7, 3, 6), (7, 6), (1, 1, 6)])
@pytest.mark.parametrize("batch_first, bias", [(False, True), (True, False)])
def test_n24_equals_the_dense_layer(kind, shape, batch_first, bias):
    layer = make(kind, batch_first=batch_first, bias=bias)
    dense = layer.to_dense()
    x = torch.randn(shape, dtype=torch.float64)
    samples = () if x.ndim == 2 else (shape[0] if batch_first else shape[1],)
    state = torch.randn(2, *samples, 5, dtype=torch.float64)
    states = (state, state.flip(-1)) if kind is ClosLSTM else state
    for given in ((), (states,)):
        for found, wanted in zip(
            tensors(layer(x, *given)), tensors(dense(x, *given)), strict=True
        ):
            torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_n24_gradients_are_right(kind):
    layer = make(kind, layers=1)
    names = [name for name, _ in layer.named_parameters()]
    x = torch.randn(3, 2, 6, dtype=torch.float64, requires_grad=True)

    def run(x, *weights):
        named = dict(zip(names, weights, strict=True))
        return tensors(torch.func.functional_call(layer, named, x))[0]

    assert torch.autograd.gradcheck(run, (x, *layer.parameters()))


@pytest.mark.parametrize("kind", KINDS)
def test_n24_weights_are_those_of_the_clos_maps(kind):
    layer = kind(64, 64, reduction=3.0, bias=False)
    dense = sum(p.numel() for p in layer.to_dense().parameters() if p.ndim == 2)
    held = sum(p.numel() for p in layer.parameters())
    assert dense / 4 < held <= dense / 3


@pytest.mark.parametrize("kind, dense", [(ClosLSTM, nn.LSTM), (ClosGRU, nn.GRU)])
def test_n24_from_dense_is_nearer_with_more_weights(kind, dense):
    torch.manual_seed(0)
    whole = dense(12, 9, 2, batch_first=True)
    x = torch.randn(4, 6, 12)

    def error(reduction):
        near = kind.from_dense(
            whole, reduction=reduction, sweeps=100, generator=torch.Generator().manual_seed(0)
        )
        return float((near(x)[0] - whole(x)[0]).detach().norm())

    far, middle, near = (error(reduction) for reduction in (2.0, 1.0, 0.3))
    assert near < 0.02 and near < middle < far
    with pytest.raises(ShapeError, match="one direction"):
        kind.from_dense(dense(4, 4, bidirectional=True), reduction=1)


def test_dropout_is_between_layers_and_in_training_only():
    layer = make(ClosLSTM, dropout=0.5)
    x = torch.randn(4, 3, 6, dtype=torch.float64)
    assert not layer(x)[0].equal(layer(x)[0])
    layer.eval()
    assert layer(x)[0].equal(layer(x)[0])
    assert make(ClosGRU, layers=1, dropout=0.5)(x)[0].equal(make(ClosGRU, layers=1)(x)[0])


def test_recurrent_layers_refuse_what_does_not_fit():
    for keywords, message in [
        ({"num_layers": 0}, "num_layers must be a whole number from 1 to 65536"),
        ({"dropout": 1.0}, "dropout must be at least 0 and below 1"),
        ({"reduction": 50}, "reduction must be above 0 and at most"),
    ]:
        with pytest.raises(ShapeError, match=message):
            ClosLSTM(6, 5, **{"reduction": 1.0, **keywords})
    layer = make(ClosGRU)
    with pytest.raises(ShapeError, match=r"shape \[T, N, 6\] or \[T, 6\], .* not \[2, 5\]"):
        layer(torch.ones(2, 5))
    with pytest.raises(ShapeError, match=r"state must have shape \[2, 3, 5\], not \[1, 3, 5\]"):
        layer(torch.ones(4, 3, 6).double(), torch.ones(1, 3, 5))
    packed = nn.utils.rnn.pack_sequence([torch.ones(3, 6), torch.ones(2, 6)])
    with pytest.raises(ShapeError, match="packed sequences are not taken"):
        layer(packed)
