"""What optimisers keep of parameters that were replaced by larger ones."""

import pytest
import torch
from torch import nn

from golden import ClosLinear, ModelError, ShapeError
from golden.techniques import Densification, carry_optimiser, grow


def model():
    torch.manual_seed(0)
    return nn.Sequential(ClosLinear(20, 30, (4, 1, 5)), nn.ReLU(), ClosLinear(30, 8, (5, 2, 2)))


def test_adafactor_goes_on_after_a_growth():
    net = model()
    optimiser = torch.optim.Adafactor(net.parameters())
    growing = Densification(net, optimiser, every_steps=2)
    before = None
    for step in range(6):
        optimiser.zero_grad()
        net(torch.ones(4, 20)).square().sum().backward()
        if step == 2:  # What was known of the rows is still there.
            state = optimiser.state[net[0].input_weight]
            assert state["row_var"].shape == (20, 1) and state["col_var"].shape == (1, 2)
            assert state["row_var"].equal(before)
        optimiser.step()
        before = optimiser.state[net[0].input_weight]["row_var"].clone()
        growing.step()
    assert net[0].routers == (4, 8, 5)
    assert all(bool(torch.isfinite(one).all()) for one in net.parameters())


def test_lbfgs_is_refused_before_anything_grows():
    net = model()
    optimiser = torch.optim.LBFGS(net.parameters())
    with pytest.raises(ModelError, match="which LBFGS has not"):
        Densification(net, optimiser, every_steps=1)
    with pytest.raises(ShapeError, match="which LBFGS has not"):
        carry_optimiser(optimiser, [])


def test_the_list_of_parameters_stays_the_same():
    net = model()
    optimiser = torch.optim.SGD(net.parameters(), 0.1)
    kept = optimiser.param_groups[0]["params"]
    carry_optimiser(optimiser, grow("0", net[0], 3))
    assert kept is optimiser.param_groups[0]["params"]
    assert all(one is other for one, other in zip(kept, net.parameters(), strict=True))
