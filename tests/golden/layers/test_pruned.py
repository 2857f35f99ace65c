"""Layers whose weights are pruned, normalised or parametrised compute with what those give."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune

from golden import ClosLinear, ShapeError
from golden.layers import (
    ClosConv2d,
    ClosLSTM,
    LowRankLinear,
    SparseCascade,
    SparseRandomConv2d,
)
from golden.techniques import Densification, grow

old_norms_are_deprecated = pytest.mark.filterwarnings(
    "ignore:`torch.nn.utils.(weight|spectral)_norm` is deprecated:FutureWarning"
)


class Doubled(nn.Module):
    def forward(self, weight):
        return 2 * weight


WAYS = {
    "pruned": lambda layer, name: prune.random_unstructured(layer, name, 0.5),
    "pruned by l1": lambda layer, name: prune.l1_unstructured(layer, name, 0.25),
    "old weight norm": nn.utils.weight_norm,
    "old spectral norm": nn.utils.spectral_norm,
    "weight norm": parametrizations.weight_norm,
    "spectral norm": parametrizations.spectral_norm,
    "parametrised": lambda layer, name: parametrize.register_parametrization(
        layer, name, Doubled()
    ),
}
BY_HOOKS = ("pruned", "pruned by l1", "old weight norm", "old spectral norm")

LINEAR, IMAGES, SERIES = torch.randn(3, 8), torch.randn(2, 4, 5, 5), torch.randn(3, 2, 8)

LAYERS = {
    "ClosLinear, input": (lambda: ClosLinear(8, 6, (2, 2, 3)), "input_weight", LINEAR),
    "ClosLinear, middle": (lambda: ClosLinear(8, 6, (2, 2, 3)), "middle_weight", LINEAR),
    "ClosLinear, output": (lambda: ClosLinear(8, 6, (2, 2, 3)), "output_weight", LINEAR),
    "LowRankLinear": (lambda: LowRankLinear(8, 6, 3), "input_weight", LINEAR),
    "SparseCascade, matrix": (
        lambda: SparseCascade([torch.ones(6, 8).bool()]), "stages.0.weight", LINEAR
    ),
    "SparseCascade, gathered": (
        lambda: SparseCascade([torch.eye(40).bool()]), "stages.0.weight", torch.randn(3, 40)
    ),
    "ClosConv2d": (
        lambda: ClosConv2d(4, 6, (2, 2, 3), kernel_size=3), "parts.0.input_weight", IMAGES
    ),
    "ClosConv2d, pointwise": (
        lambda: ClosConv2d(4, 6, (2, 2, 3)), "parts.0.middle_weight", IMAGES
    ),
    "SparseRandomConv2d": (lambda: SparseRandomConv2d(4, 6, 3, alpha=0.5), "weight", IMAGES),
    "ClosLSTM": (lambda: ClosLSTM(8, 6, reduction=1.0), "state_maps.0.output_weight", SERIES),
}  # fmt: skip


def changed(name, way):
    make, path, x = LAYERS[name]
    torch.manual_seed(0)
    layer = make().eval()
    plain = copy.deepcopy(layer)
    owner, _, leaf = path.rpartition(".")
    WAYS[way](layer.get_submodule(owner), leaf)
    return layer, plain, path, x


def first(result):
    return result[0] if isinstance(result, tuple) else result


def value(layer, path):
    owner, _, leaf = path.rpartition(".")
    return getattr(layer.get_submodule(owner), leaf)


@old_norms_are_deprecated
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", LAYERS)
def test_layers_compute_with_the_weight_that_there_is(name, way):
    layer, plain, path, x = changed(name, way)
    y = first(layer(x))
    effective = value(layer, path).detach()
    if "weight norm" not in way:  # It begins with the weight that there was.
        assert not effective.equal(value(plain, path))
    plain.get_parameter(path).data.copy_(effective)
    torch.testing.assert_close(y, first(plain(x)))
    y.square().sum().backward()
    learned = [parameter for parameter in layer.parameters() if parameter.grad is not None]
    assert len(learned) == len(list(layer.parameters()))
    if isinstance(layer.to_dense(), torch.Tensor):
        torch.testing.assert_close(layer.to_dense(), plain.to_dense())
        if not isinstance(layer, SparseRandomConv2d):
            torch.testing.assert_close(layer.weight, plain.to_dense())


@old_norms_are_deprecated
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", LAYERS)
def test_copies_and_states_go_round(name, way):
    layer, plain, _, x = changed(name, way)
    layer(x)
    if way in BY_HOOKS:
        # As of PyTorch's own layers: what a hook computed with gradients cannot be copied.
        with pytest.raises(RuntimeError, match="Only Tensors created explicitly by the user"):
            copy.deepcopy(layer)
    with torch.no_grad():
        y = first(layer(x))
        assert first(copy.deepcopy(layer)(x)).equal(y)
    other = changed(name, way)[0]
    other.load_state_dict(layer.state_dict())
    with torch.no_grad():
        assert first(other(x)).equal(y)


@pytest.mark.parametrize("way", ["pruned", "parametrised"])
@pytest.mark.parametrize(
    "layer, name",
    [
        (lambda: ClosLinear(8, 6, (2, 2, 3)), "middle_weight"),
        (lambda: SparseRandomConv2d(4, 6, 3, alpha=0.5), "weight"),
        (lambda: SparseCascade([torch.eye(8).bool()]).stages[0], "weight"),
    ],
)
def test_growing_a_weight_that_is_computed_is_refused_before_anything_grows(layer, name, way):
    layer = layer()
    WAYS[way](layer, name)
    before = {key: tensor.clone() for key, tensor in layer.state_dict().items()}
    with pytest.raises(ShapeError, match=f"{name} must be a parameter .*prune.remove"):
        grow("", layer, 9)
    state = layer.state_dict()
    assert all(state[key].equal(tensor) for key, tensor in before.items())
    model = nn.Sequential(ClosLinear(8, 8, (2, 2, 2)), layer)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ShapeError, match=f"{name} must be a parameter"):
        Densification(model, optimiser, every_steps=1).step()
    assert model[0].path_diversity == 2


def test_states_of_grown_layers_do_not_break_pruned_ones():
    small = SparseCascade([torch.eye(8).bool()])
    prune.random_unstructured(small.stages[0], "weight", 0.5)
    grown = SparseCascade([torch.ones(8, 8).bool()])
    with pytest.raises(RuntimeError, match="size mismatch|Missing key"):
        small.load_state_dict(grown.state_dict())
    assert small(torch.ones(2, 8)).shape == (2, 8)
    removed = prune.remove(small.stages[0], "weight")
    removed.get_parameter("weight")
