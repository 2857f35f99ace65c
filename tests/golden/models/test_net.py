"""Any chain as layers and activations alone: folded, saved, read back, trained further."""

import math

import pytest
import torch
from torch import nn

from golden import (
    ChainNet,
    CheckpointError,
    ClosLinear,
    ClosNet,
    ModelError,
    ShapeError,
    fold_batch_norm,
    load_checkpoint,
    load_model,
    propose_format,
    quantise,
    save_model,
    softmax_cross_entropy,
)
from golden.models.activation import NONE, RELU, Activation
from golden.system.digest import content_digest


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(9)


def normed(bias=True):
    model = nn.Sequential(
        nn.Flatten(), ClosLinear(12, 8, (3, 2, 2), bias), nn.BatchNorm1d(8), nn.ReLU(),
        nn.Dropout(), ClosLinear(8, 5, (2, 3, 2)),
    )  # fmt: skip
    for _ in range(20):
        model(torch.randn(30, 12))
    return model.eval()


def mixed():
    return nn.Sequential(
        nn.Linear(12, 8, bias=False), nn.LeakyReLU(0.25), nn.Hardtanh(-1, 2),
        ClosLinear(8, 6, (2, 2, 2), bias=False), nn.ReLU(), nn.Linear(6, 5), nn.ReLU6(),
    )  # fmt: skip


def test_a_folded_clos_net_is_one_that_trains_further():
    model, x = normed(), torch.randn(40, 12)
    with pytest.raises(ModelError, match="layer 2 is a BatchNorm1d, .*golden.fold_batch_norm"):
        propose_format(model, x, torch.arange(40) % 5, softmax_cross_entropy, 0.01)
    net = fold_batch_norm(model)
    assert isinstance(net, ClosNet)
    torch.testing.assert_close(net(x), model(x), rtol=0, atol=1e-5)
    form = propose_format(net, x, torch.arange(40) % 5, softmax_cross_entropy, 0.01)
    assert [layer.relu for layer in form.layers] == [True, False]
    net(x).sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())


@pytest.mark.parametrize("build", [normed, mixed])
def test_any_chain_is_saved_and_read_back(build, tmp_path):
    model, x = build(), torch.randn(40, 12)
    path = tmp_path / "chain.pt"
    save_model(path, model, data="digits")
    found = load_checkpoint(path)
    assert found.data == "digits"
    assert isinstance(found.model, ChainNet) == (build is mixed)
    torch.testing.assert_close(found.model(x), model(x), rtol=0, atol=1e-5)
    assert {one.dtype for one in found.model.parameters()} == {torch.float32}
    save_model(tmp_path / "again.pt", found.model, data="digits")
    assert (tmp_path / "again.pt").read_bytes() == path.read_bytes()


def test_a_chain_that_is_read_back_is_quantised_alike(tmp_path):
    clos = ClosLinear(12, 8, (3, 2, 2))
    model = nn.Sequential(clos, nn.Hardtanh(-0.25, 0.5), ClosLinear(8, 5, (2, 3, 2)))
    x = torch.randn(40, 12)
    save_model(tmp_path / "chain.pt", model)
    words, again = quantise(model, x), quantise(load_model(tmp_path / "chain.pt"), x)
    assert words.infer(x).equal(again.infer(x))
    assert again.layers[0].bounds is not None
    assert again.layers[0].bounds == words.layers[0].bounds


def changed(path, operations):
    """Write a file whose digest is right and whose operations are others."""
    save_model(path, mixed())
    content = torch.load(path, weights_only=True)
    content["operations"] = operations(content["operations"])
    del content["sha256"]
    torch.save({**content, "sha256": content_digest(content)}, path)


@pytest.mark.parametrize("operations, message", [
    (lambda held: held[1:], r"operations must begin with a layer, not \('leak', 2\)"),
    (lambda held: 7, "operations must be a sequence"),
    (lambda held: [*held, ("tanh",)], r"operations must be clos, .*not \('tanh',\)"),
    (lambda held: [*held, ()], r"operations must be clos, .*not \(None,\)"),
    (lambda held: [*held, ("leak", 0)], "operations must be clos"),
    (lambda held: [*held, ("leak", True)], "operations must be clos"),
    (lambda held: [*held, ("clamp", 1.0, 0.0)], "operations must be clos"),
    (lambda held: [*held, ("clamp", math.nan, 0.0)], "operations must be clos"),
    (lambda held: [("dense", 12, 8), *held[1:]], "operation 'dense' must have 2 sizes and a bool"),
    (lambda held: [("dense", 12, 1 << 40, False)], "operation 'dense' must have 2 sizes and a bo"),
    (lambda held: [("dense", 12, -8, False)], "operation 'dense' must have 2 sizes and a bool"),
    (lambda held: [("clos", 8, 6, 9, 2, 2, False)], "chain.pt: input_routers must be at most"),
    (lambda held: held[:1] + held[-2:], "layer 1: in_features must be 8, the outputs of layer 0"),
    (lambda held: held[:3], "state_dict must hold the weights of its layers: layers.1.input_weig"),
    (lambda held: [("dense", 6, 16, False)], "state_dict must hold the weights|must have shape"),
])  # fmt: skip
def test_operations_that_make_no_chain_are_refused(operations, message, tmp_path):
    path = tmp_path / "chain.pt"
    changed(path, operations)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(path)


def test_chain_nets_are_layers_that_fit():
    layer = nn.Linear(3, 4)
    net = ChainNet([layer, nn.Linear(4, 2)], [RELU, NONE])
    assert (net.in_features, net.out_features) == (3, 2)
    assert net.operations() == [("dense", 3, 4, True), ("relu",), ("dense", 4, 2, True)]
    with pytest.raises(ShapeError, match="activations must be a sequence of 1"):
        ChainNet([layer], [])
    with pytest.raises(ShapeError, match="layer 1: in_features must be 4, the outputs of layer 0"):
        ChainNet([layer, layer], [NONE, NONE])
    with pytest.raises(ShapeError, match="at least one layer"):
        ChainNet([], [])


def test_activations_are_closed_under_composition():
    values = torch.linspace(-9, 9, 721, dtype=torch.float64)
    some = [NONE, RELU, Activation(2), Activation(low=-1.0, high=3.0), Activation(1, -2.0, 0.5),
            Activation(high=-1.0), Activation(low=1.0)]  # fmt: skip
    for first in some:
        for second in some:
            both = first.then(second)
            assert both.apply(values).equal(second.apply(first.apply(values))), (first, second)
            assert str(both)
