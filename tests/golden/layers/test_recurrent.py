"""ClosLSTM and ClosGRU (NeuroFabric N24) against PyTorch's, with the maps multiplied out."""

import copy
import pickle

import pytest
import torch
from torch import nn
from torch.nn.utils import rnn
from torch.utils.checkpoint import checkpoint

from golden import ShapeError
from golden.layers import ClosGRU, ClosLSTM

KINDS = [ClosLSTM, ClosGRU]


def make(kind, layers=2, **keywords):
    torch.manual_seed(0)
    given = {"reduction": 1.0, "dtype": torch.float64} | keywords
    layer = kind(6, 5, num_layers=layers, **given)
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


def packed(lengths, in_order, dtype=torch.float64):
    torch.manual_seed(1)
    return rnn.pack_sequence(
        [torch.randn(length, 6, dtype=dtype) for length in lengths], enforce_sorted=in_order
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("given", ["steps", "batch", "sorted", "unsorted"])
def test_both_directions_and_packed_sequences_equal_the_dense_layer(kind, bidirectional, given):
    layer = make(kind, batch_first=given == "batch", bidirectional=bidirectional)
    dense = layer.to_dense()
    if given in ("sorted", "unsorted"):
        x = packed((5, 4, 1, 1) if given == "sorted" else (1, 5, 2, 4), given == "sorted")
        values = x.data.requires_grad_()
    else:
        x = values = torch.randn(5, 4, 6, dtype=torch.float64, requires_grad=True)
    samples = 5 if given == "batch" else 4
    state = torch.randn(4 if bidirectional else 2, samples, 5, dtype=torch.float64)
    state.requires_grad_()
    states = (state, state.flip(-1)) if kind is ClosLSTM else state
    for before in ((), (states,)):
        results = []
        for one in (layer, dense):
            y, after = one(x, *before)
            if isinstance(y, rnn.PackedSequence):
                assert y.batch_sizes.equal(x.batch_sizes)
                y = rnn.unpack_sequence(y)
            results.append([*y, *(after if isinstance(after, tuple) else [after])])
        torch.testing.assert_close(*results)
        inputs = [values, state][: 1 + len(before)]
        weight = iter(torch.randn(30, 1, dtype=torch.float64))
        backs = [torch.ones_like(one) * next(weight) for one in results[0]]
        torch.testing.assert_close(
            *(torch.autograd.grad(result, inputs, backs) for result in results)
        )


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_weights_are_those_of_the_dense_layer(kind):
    layer = make(kind, bidirectional=True)
    dense = layer.to_dense()
    x = torch.randn(5, 3, 6, dtype=torch.float64)
    for one in (layer, dense):
        y = tensors(one(x))
        torch.autograd.backward(y, [torch.cos(part.detach()) for part in y])
    for suffix, one in layer._maps():
        of_weight = getattr(dense, f"weight_{suffix}").grad
        wanted = torch.autograd.grad(one.to_dense(), list(one.weights), of_weight)
        torch.testing.assert_close(tuple(w.grad for w in one.weights), wanted)
        torch.testing.assert_close(one.bias.grad, getattr(dense, f"bias_{suffix}").grad)


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # Of jacfwd's own.
@pytest.mark.parametrize("kind", KINDS)
def test_transforms_of_torch_func_and_derivatives_of_derivatives(kind):
    layer = make(kind, layers=1)
    names = [name for name, _ in layer.named_parameters()]
    x = torch.randn(3, 2, 6, dtype=torch.float64)

    def run(x):
        return tensors(layer(x))[0]

    def loss(weights, x):
        return torch.func.functional_call(layer, weights, x[:, None])[0].square().sum()

    weights = {name: value.detach() for name, value in layer.named_parameters()}
    by_sample = torch.vmap(torch.func.grad(loss), in_dims=(None, 1))(weights, x)
    layer.zero_grad()
    run(x).square().sum().backward()
    for name in names:
        torch.testing.assert_close(by_sample[name].sum(0), layer.get_parameter(name).grad)
    back, forth = (way(run)(x) for way in (torch.func.jacrev, torch.func.jacfwd))
    torch.testing.assert_close(back, forth)
    wanted = torch.autograd.functional.jacobian(run, x)
    torch.testing.assert_close(back, wanted)
    assert torch.autograd.gradgradcheck(run, x.requires_grad_())


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
    both = kind.from_dense(dense(4, 4, bidirectional=True), reduction=0.2, sweeps=20)
    assert both.bidirectional and both(torch.ones(2, 1, 4))[0].shape == (2, 1, 8)


@pytest.mark.parametrize("kind", KINDS)
def test_checkpoints_and_copies_compute_the_same(kind):
    layer = make(kind, bidirectional=True)
    x = torch.randn(3, 2, 6, dtype=torch.float64)

    def gradients(y):
        return torch.autograd.grad(y.square().sum(), list(layer.parameters()))

    wanted = layer(x)[0]
    recomputed = checkpoint(lambda x: layer(x)[0], x, use_reentrant=False)
    torch.testing.assert_close(gradients(recomputed), gradients(wanted))
    on_meta = make(kind, bidirectional=True, device="meta")
    on_meta.load_state_dict(layer.state_dict(), assign=True)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), on_meta):
        assert other(x)[0].equal(wanted)


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
    with pytest.raises(ShapeError, match=r"state must have shape \[2, 2, 5\], not \[2, 3, 5\]"):
        layer(packed((3, 2), True), torch.ones(2, 3, 5).double())
    with pytest.raises(ShapeError, match=r"shape \[T, N, 6\] or \[T, 6\], .* not \[2, 2, 5\]"):
        make(ClosGRU, batch_first=True)(rnn.pack_sequence([torch.ones(2, 5)] * 2))
    with pytest.raises(ShapeError, match="proj_size must be 0, not 3: a Clos layer has no proj"):
        ClosLSTM(6, 5, reduction=1.0, proj_size=3)
    with pytest.raises(ShapeError, match="layer must have a proj_size of 0, not LSTM"):
        ClosLSTM.from_dense(nn.LSTM(6, 5, proj_size=3), reduction=1.0)
