"""Averages grow with their model, and wrappers of models that cannot are refused."""

import copy

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from golden import ClosLinear, ModelError, ShapeError
from golden.layers import SparseCascade, SparseRandomConv2d
from golden.techniques import Densification, grow, grow_average
from tests.support.compat.trained import group

MODELS = {
    "ClosLinear": (lambda: ClosLinear(16, 12, (4, 2, 3)), (3, 16)),
    "SparseCascade": (lambda: SparseCascade([torch.eye(6, 8).bool()]), (3, 8)),
    "SparseRandomConv2d": (lambda: SparseRandomConv2d(4, 6, 3, alpha=0.3), (2, 4, 5, 5)),
}


@pytest.mark.parametrize("name", MODELS)
def test_an_average_goes_on_after_the_model_grew(name):
    torch.manual_seed(0)
    make, size = MODELS[name]
    model, x = nn.Sequential(make()), torch.randn(size)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.5))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    densification = Densification(model, optimiser, every_steps=1, density=0.9)

    def learn():
        optimiser.zero_grad()
        model(x).square().sum().backward()
        optimiser.step()

    learn()
    average.update_parameters(model)
    learn()
    average.update_parameters(model)
    before = average(x).detach()
    growths = densification.step()
    assert growths
    grow_average(average, model, growths)
    torch.testing.assert_close(average(x), before)  # New connections start at 0.
    shapes = [[one.shape for one in each.parameters()] for each in (average.module, model)]
    assert shapes[0] == shapes[1]
    learn()
    held = [one.detach().clone() for one in average.module.parameters()]
    average.update_parameters(model)
    for old, new, own in zip(
        held, average.module.parameters(), model.parameters(), strict=True
    ):
        torch.testing.assert_close(new, (old + own) / 2)


def test_an_average_of_another_model_is_refused():
    layer = ClosLinear(8, 6, (2, 2, 3))
    other = copy.deepcopy(layer)
    growths = grow("", layer, 3)
    grow_average(other, layer, growths)
    with pytest.raises(ShapeError, match=r"averaged must have input_weight of shape \[8, 2\]"):
        grow_average(other, layer, growths)  # It has grown already.
    with pytest.raises(ShapeError, match="as the model had before it grew, not none"):
        grow_average(nn.Linear(8, 6), layer, growths)


def test_wrappers_are_not_grown():
    model = nn.Sequential(ClosLinear(8, 6, (2, 2, 3)))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    with group():
        for kind in (nn.parallel.DistributedDataParallel, AveragedModel):
            with pytest.raises(ModelError, match=f"not within {kind.__name__}, which keeps"):
                Densification(kind(model), optimiser, every_steps=1)
