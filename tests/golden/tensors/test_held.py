"""Parameters are found by their names, as the attributes that they are."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize, prune

from golden import ClosLinear
from golden.clos.layer import ClosWeights
from golden.tensors.held import held

NAMES = (*ClosWeights._fields, "bias")


class Twice(nn.Module):
    def forward(self, weight):
        return 2 * weight


@pytest.mark.parametrize("bias", [True, False])
def test_what_is_held_are_the_parameters(bias):
    layer = ClosLinear(8, 6, (4, 3, 2), bias=bias)
    wanted = (*layer.weights, layer.bias)
    assert all(one is two for one, two in zip(held(layer, NAMES), wanted, strict=True))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("samples", [1, 3])
def test_layers_compute_with_what_stands_for_a_parameter(name, samples):
    """Pruned and parametrized weights, also of the bias, and those of `functional_call`."""
    torch.manual_seed(0)
    layer, x = ClosLinear(8, 6, (4, 3, 2)), torch.randn(samples, 8)
    nn.init.normal_(layer.bias)
    before = layer(x).detach()
    wanted = getattr(layer, name).detach() * 2
    functional = torch.func.functional_call(layer, {name: wanted}, x)
    assert not torch.allclose(functional, before)
    parametrize.register_parametrization(layer, name, Twice())
    torch.testing.assert_close(layer(x), functional)
    parametrize.remove_parametrizations(layer, name)
    prune.random_unstructured(layer, name, amount=0.5)
    pruned = ClosLinear(8, 6, (4, 3, 2))
    pruned.load_state_dict({one: getattr(layer, one).detach() for one in NAMES})
    torch.testing.assert_close(layer(x), pruned(x))
    assert not torch.allclose(layer(x), functional)
