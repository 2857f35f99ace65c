"""Nets with dense layers on a device that trains: checkpoints, modules, what does not fit."""

import io

import numpy as np
import pytest
import torch
from torch import nn

from golden import (
    ChainNet,
    ClosLinear,
    ClosShape,
    TrainingWidths,
    initial_state,
    load_model,
    propose_format,
    save_model,
    softmax_cross_entropy,
)
from golden.layers.dense import DenseShape
from sw_driver.compiler import compile
from sw_driver.device.golden import GoldenDevice
from sw_driver.errors import FitError
from sw_driver.plan.placement import cut_dense
from sw_driver.train.saved import read_format
from sw_driver.train.torch_module import TorusModule
from sw_driver.train.weights import float_model

TORUS = (2, 2)
SHAPES = cut_dense(
    [DenseShape(12, 8), ClosShape(8, 6, 2, 3, 2), DenseShape(6, 3)], *TORUS, training=True)
CUTS = [shape.cuts for shape in SHAPES if isinstance(shape, DenseShape)]


def make():
    torch.manual_seed(1)
    model = nn.Sequential(
        nn.Linear(12, 8), nn.ReLU(), ClosLinear(8, 6, (2, 3, 2)), nn.ReLU(), nn.Linear(6, 3))
    return model, torch.rand(40, 12) * 2 - 1, torch.randint(3, (40,))


def loaded(**options):
    model, x, labels = make()
    form = propose_format(
        model, x, labels, softmax_cross_entropy, 0.1, dense_cuts=CUTS,
        widths=TrainingWidths(velocity_bits=36))
    assert form.shapes == SHAPES
    compiled = compile(form, TORUS, batches=True, input_gradient=True, **options)
    device = GoldenDevice()
    device.load(compiled, initial_state(model, compiled.format, rows=2, cols=2))
    return device, model, x, labels


def test_a_checkpoint_is_gone_on_from():
    device, model, x, labels = loaded()
    device.train_step(x[:4], labels[:4], learning_rate=0.1)
    file = io.BytesIO()
    torch.save(device.checkpoint(), file)
    file.seek(0)
    kept = torch.load(file, weights_only=True)
    assert read_format(kept["net"]) == device.compiled.format
    other = loaded()[0]
    assert other.read_state() != device.read_state()
    other.restore(kept)
    for one in (device, other):
        one.train_step(x[4:8], labels[4:8], learning_rate=0.1)
    assert other.read_state() == device.read_state()
    found = device.read_weights()
    assert [sorted(layer) for layer in found[::2]] == [["bias", "weight"]] * 2
    changed = np.abs(found[2]["weight"] - model[4].weight.detach().numpy())
    assert 0 < changed.max() < 0.1


def test_a_module_gives_the_gradients_of_autograd():
    device, model, x, _ = loaded()
    given = x[:4].double().requires_grad_()
    wanted = x[:4].double().requires_grad_()
    module = TorusModule(device, learning_rate=0.1)
    outputs = module(given)
    assert torch.allclose(outputs, model.double()(wanted), atol=2e-2)
    weights = torch.linspace(-0.2, 0.2, outputs.numel()).reshape(outputs.shape)
    (outputs * weights).sum().backward()
    (model(wanted) * weights).sum().backward()
    assert given.grad is not None and wanted.grad is not None
    largest = float(wanted.grad.abs().max())
    assert float((given.grad - wanted.grad).abs().max()) < 0.03 * largest


def test_cuts_of_another_torus_are_refused():
    model, x, labels = make()
    form = propose_format(model, x, labels, softmax_cross_entropy, 0.1)
    with pytest.raises(FitError, match=r"layer 2, dense \(6, 3\): its sums must be cut .* 2x2"):
        compile(form, TORUS)
    assert compile(form, "1x2").shapes == form.shapes, "on one row, all are one sum"


def test_a_trained_net_with_dense_layers_becomes_a_float_model(tmp_path):
    device, _, x, _ = loaded()
    model = float_model(device.compiled.format, device.read_state())
    assert isinstance(model, ChainNet)
    found, wanted = torch.as_tensor(device.infer(x[:5])).double(), model(x[:5]).detach().double()
    assert float((found - wanted).abs().max()) < 0.02 * float(wanted.abs().max())
    save_model(tmp_path / "model.pt", model)
    assert load_model(tmp_path / "model.pt").shapes == model.shapes
