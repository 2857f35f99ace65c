"""A net on a device as a part of a PyTorch model: gradients, steps, and what is refused."""

import re

import numpy as np
import pytest
import torch
from torch import nn

from golden import (
    ClosNet,
    ClosShape,
    TrainingWidths,
    initial_state,
    mean_squared_error,
    propose_format,
)
from golden.clos.routing import ClosRouting
from golden.fixed.words import from_words
from sw_driver.compiler import compile
from sw_driver.device.golden import GoldenDevice
from sw_driver.errors import DriverError, HostDataError
from sw_driver.train.torch_module import TorusModule
from sw_driver.train.weights import float_model, real_weights
from tests.support.project import ROOT

LINEAR = [ClosShape(12, 8, 3, 4, 2)]
DEEP = [ClosShape(12, 10, 3, 4, 2), ClosShape(10, 8, 2, 3, 4)]
RATE = 0.05


def device_for(shapes, seed, *, batches=True, input_gradient=True):
    generator = torch.Generator().manual_seed(seed)
    model = ClosNet(shapes, generator=generator)
    x = torch.randn(64, shapes[0].in_features, generator=generator)
    targets = torch.randn(64, shapes[-1].out_features, generator=generator)
    form = propose_format(model, x, targets, mean_squared_error, RATE,
                          widths=TrainingWidths(velocity_bits=36))
    compiled = compile(form, "2x3", batches=batches, input_gradient=input_gradient)
    device = GoldenDevice()
    device.load(compiled, initial_state(model, compiled.format, seed=seed, rows=2, cols=3))
    return device


def operands(device):
    """The net of the words that are multiplied, as a float64 model."""
    form, state = device.compiled.format, device.read_state()
    model = ClosNet(form.shapes).double()
    model.load_state_dict(real_weights(form, state))
    with torch.no_grad():
        for index, layer in enumerate(model.layers):
            names = "input_weight", "middle_weight", "output_weight"
            for name, words, fraction in zip(names, state.layers[index].masters,
                                             form.operand_fraction_bits(index), strict=True):
                getattr(layer, name).copy_(from_words(words >> form.dropped_bits, fraction))
    return model


@pytest.mark.parametrize("seed", range(3))
def test_input_gradient_is_that_of_autograd_within_the_rounding(seed):
    device = device_for(LINEAR, seed)
    form, model = device.compiled.format, operands(device)
    generator = torch.Generator().manual_seed(100 + seed)
    x = torch.randn(5, 12, generator=generator, dtype=torch.float64, requires_grad=True)
    gradient = torch.randn(5, 8, generator=generator, dtype=torch.float64) / 20
    TorusModule(device, RATE)(x).backward(gradient)
    found, x.grad = x.grad, None
    model(x).backward(gradient)
    # Half a unit of each rounding, carried on by the magnitudes of the weights.
    layer, routing = model.layers[0], ClosRouting.of(LINEAR[0])
    weights = layer.input_weight, layer.middle_weight, layer.output_weight
    d1, d2, dy = (2.0 ** -(bits + 1) for bits in form.layers[0].gradient_fraction_bits)
    error = torch.full((5, 8), dy, dtype=torch.float64)
    error = routing.transposed(2, weights[2].detach().abs(), error) + d2
    error = routing.transposed(1, weights[1].detach().abs(), error) + d1
    bound = routing.transposed(0, weights[0].detach().abs(), error) / RATE
    assert bool(((found - x.grad).abs() <= bound * (1 + 1e-12)).all())
    assert bool((found != x.grad).any())
    assert float(bound.max()) < 0.05 * float(x.grad.abs().max())


def test_a_larger_model_learns_on_both_sides():
    device = device_for(DEEP, 1)
    torch.manual_seed(1)
    torus = TorusModule(device, RATE)
    model = nn.Sequential(nn.Linear(6, 12), nn.Tanh(), torus, nn.ReLU(), nn.Linear(8, 3))
    first, before = model[0].weight.detach().clone(), device.read_state()
    x = torch.randn(16, 6)
    labels = x[:, :3].argmax(dim=1)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
    losses = []
    for _ in range(50):
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(model(x), labels)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    assert not torch.equal(model[0].weight, first)
    after = device.read_state()
    assert {"layers.0.input_weight", "layers.1.output_weight"} <= set(before.differences(after))


def test_evaluation_changes_nothing():
    device = device_for(DEEP, 2)
    torus, x = TorusModule(device, RATE), torch.randn(4, 12, requires_grad=True)
    before = device.read_state()
    trained = torus(x)
    torus.eval()
    seen = torus(x.reshape(2, 2, 12))
    assert seen.shape == (2, 2, 8) and not seen.requires_grad
    torch.testing.assert_close(seen.reshape(4, 8), trained)
    with torch.no_grad():
        torch.testing.assert_close(torus.train()(x), trained)
    assert device.read_state() == before
    # None of this stands between the pass in training mode and its way back.
    trained.sum().backward()
    assert device.read_state() != before
    assert x.grad.shape == x.shape


def test_state_dict_holds_the_torus():
    device, other = device_for(DEEP, 3), device_for(DEEP, 3)
    model = nn.Sequential(TorusModule(device, RATE))
    model(torch.randn(3, 12)).sum().backward()
    assert device.read_state() != other.read_state()
    nn.Sequential(TorusModule(other, RATE)).load_state_dict(model.state_dict())
    assert device.read_state() == other.read_state()
    with pytest.raises(DriverError, match="net must be"):
        nn.Sequential(TorusModule(device_for(LINEAR, 3), RATE)).load_state_dict(model.state_dict())


def test_what_is_refused():
    device = device_for(DEEP, 4)
    torus, x = TorusModule(device, RATE), torch.randn(2, 12)
    before = device.read_state()
    with pytest.raises(HostDataError, match=re.escape("[..., 12], not [2, 11]")):
        torus(x[:, :11])
    with pytest.raises(HostDataError, match="finite"):
        torus(x * torch.nan)
    for rate in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(DriverError, match="learning_rate"):
            TorusModule(device, rate)
    first = torus(x)
    torus(x)
    with pytest.raises(DriverError, match="latest forward pass in training mode: this one was 1"):
        first.sum().backward()
    torus.learning_rate = 1e6
    with pytest.raises(DriverError, match="learning_rate"):
        torus(x).sum().backward()
    assert device.read_state() == before
    with pytest.raises(DriverError, match="batches must be compiled"):
        TorusModule(device_for(DEEP, 4, batches=False), RATE)(x)
    with pytest.raises(DriverError, match="input_gradient must be compiled"):
        TorusModule(device_for(DEEP, 4, input_gradient=False), RATE)(x.requires_grad_())


@pytest.mark.slow
def test_a_trained_net_becomes_a_float_model():
    device = device_for(DEEP, 5)
    model = float_model(device.compiled.format, device.read_state())
    x = torch.rand(6, 12)
    found = torch.as_tensor(device.forward(x.numpy()))
    torch.testing.assert_close(model(x).double(), found, atol=1e-2, rtol=0)


@pytest.mark.slow
def test_the_examples_of_the_docs_run(monkeypatch):
    """Those of docs/training.md, on the golden model: weights on the chip and the host's change."""
    monkeypatch.setattr("sim.device.SimDevice", GoldenDevice)
    page = ROOT / "docs" / "training.md"
    step, targets, dense, module = re.findall(r"```python\n(.*?)```", page.read_text(), re.S)
    generator = torch.Generator().manual_seed(0)
    # Of a range that the outputs of the layer before the torus have, too.
    space = {"x": 1.5 * torch.rand(30, 64, generator=generator),
             "labels": torch.randint(0, 10, (30,), generator=generator)}
    exec(step, space)
    assert space["step"].loss > 0 and space["weights"][0]["input_weight"].shape == (64, 8)
    exec(targets, space)
    assert len(space["step"].outputs) == 4
    exec(dense, space)
    assert space["cuts"] == [(0, 24)] and space["further"].loss > 0
    exec(module, space)
    before = space["device"].read_weights()[0]["input_weight"]
    space["model"](torch.rand(5, 100, generator=generator)).square().mean().backward()
    assert space["model"][0].weight.grad.any()
    assert (space["device"].read_weights()[0]["input_weight"] != before).any()


def test_a_module_of_a_closed_device_can_be_printed():
    device = device_for(DEEP, 6)
    model = nn.Sequential(TorusModule(device, RATE))
    shown = repr(model)
    device.close()
    assert repr(model) == shown
