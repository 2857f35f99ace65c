"""Growth of layers whose weights have a scale of their own, and states of schedules."""

import pytest
import torch
from torch import nn

from golden import CheckpointError, ClosLinear, ModelError
from golden.layers import ClosConv1d, ClosConv2d
from golden.techniques import Densification, grow


@pytest.mark.parametrize(
    "make",
    [
        lambda paths: ClosLinear(256, 256, (16, paths, 16), gain=8.0),
        lambda paths: ClosConv2d(64, 64, (4, paths, 8), kernel_size=3).parts[0],
        lambda paths: ClosConv1d(64, 64, (4, paths, 8), kernel_size=5).parts[0],
    ],
    ids=["gain", "3 x 3", "5"],
)
@pytest.mark.filterwarnings("ignore:ClosConv")
def test_new_paths_are_drawn_as_those_of_a_layer_of_that_size(make):
    torch.manual_seed(0)
    layer, wanted = make(1), make(48)
    grow("", layer, 48, "initial", torch.Generator().manual_seed(0))
    for found, fresh, new in zip(
        layer.weights, wanted.weights, (slice(1, None), 0, slice(1, None)), strict=True
    ):
        drawn = found[1:] if new == 0 else found[:, new]
        assert float((drawn.std() / fresh.std()).detach()) == pytest.approx(1, abs=0.1)


def model():
    torch.manual_seed(0)
    return nn.Sequential(ClosLinear(20, 30, (4, 1, 5)), nn.ReLU(), ClosLinear(30, 8, (5, 2, 2)))


def test_weights_that_two_layers_share_are_refused():
    net = nn.Sequential(*(ClosLinear(16, 16, (4, 2, 4)) for _ in range(2)))
    net[1].bias = net[0].bias  # That does not grow.
    optimiser = torch.optim.SGD(net.parameters(), 0.1)
    growing = Densification(net, optimiser, every_steps=1)
    growing.step()
    assert net[0].routers == (4, 4, 4)
    net[1].input_weight = net[0].input_weight
    message = "share weights .* but 0.input_weight is also 1.input_weight"
    with pytest.raises(ModelError, match=message):
        growing.step()
    assert net[0].routers == (4, 4, 4)
    with pytest.raises(ModelError, match=message):
        Densification(net, optimiser, every_steps=1)


def test_a_layer_that_the_model_holds_twice_grows_once():
    torch.manual_seed(0)
    layer = ClosLinear(16, 16, (4, 2, 4))
    net = nn.Sequential(layer, nn.ReLU(), layer)
    growing = Densification(net, torch.optim.SGD(net.parameters(), 0.1), every_steps=1)
    x = torch.randn(3, 16)
    before = net(x)
    growing.step()
    torch.testing.assert_close(net(x), before)
    assert net[0] is net[2] and layer.routers == (4, 4, 4)


@pytest.mark.parametrize("size", [2.5, "3", None, True])
def test_a_state_with_a_size_that_is_none_changes_nothing(size):
    net = model()
    growing = Densification(net, torch.optim.SGD(net.parameters(), 0.1), every_steps=1)
    state = growing.state_dict()
    state["sizes"] = {"0": 4, "2": size}
    with pytest.raises(CheckpointError, match="must be one of a densification"):
        growing.load_state_dict(state)
    assert net[0].routers == (4, 1, 5)
