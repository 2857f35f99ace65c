"""Arguments of the Python API: what a user means is taken, anything else is refused in a line."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from golden import (
    ClosLinear,
    ClosNet,
    ClosShape,
    ModelError,
    QuantisedNet,
    initial_state,
    propose_format,
    quantise,
    softmax_cross_entropy,
)
from hw.config import TorusConfig, TrainingConfig
from sw_driver import GoldenDevice, compile, load_artifact, save_artifact
from sw_driver.errors import DriverError
from sw_driver.torus import other_lanes


def make_net():
    return ClosNet([ClosShape(9, 8, 2, 3, 2)], generator=torch.Generator().manual_seed(1))


X = torch.rand(20, 9, generator=torch.Generator().manual_seed(2))


def make_form():
    labels = torch.arange(20) % 8
    return propose_format(make_net(), X, labels, softmax_cross_entropy, 0.01)


@pytest.mark.parametrize("calibration", [X, X.numpy(), X.tolist(), nn.Parameter(X), X.double()])
@pytest.mark.parametrize("torus", ["2x1", (2, 1), [2, 1], " 2 X 1 ", TorusConfig(rows=2, cols=1)])
def test_calibration_and_torus_in_any_form(calibration, torus):
    compiled = compile(make_net(), torus, calibration)
    assert (compiled.config.rows, compiled.config.cols) == (2, 1)
    wanted = quantise(make_net(), X)
    assert compiled.net.infer(X).equal(wanted.infer(X))


@pytest.mark.parametrize("torus", ["2x2", (2, 2)])
def test_torus_of_a_training_in_any_form(torus):
    assert compile(make_form(), torus).config.cols == 2


@pytest.mark.parametrize(
    ("torus", "message"),
    [
        ((2,), r"torus must be ROWSxCOLUMNS, for instance 4x4, not \(2,\)"),
        ((2, 2, 2), r"not \(2, 2, 2\)"),
        ((2.0, 2), r"not \(2.0, 2\)"),
        (("a", "b"), r"not \('a', 'b'\)"),
        (4, "for instance 4x4, not 4"),
        (None, "for instance 4x4, not None"),
        ("", "for instance 4x4, not ''"),
        ("4x4x4", "not '4x4x4'"),
        ((0, 2), "rows must be 1 to 64, not 0"),
        ((2, 65), "cols must be 1 to 64, not 65"),
        ((-1, 2), r"not \(-1, 2\)"),
    ],
)
def test_a_torus_that_is_none_is_refused(torus, message):
    for call in (lambda: compile(make_net(), torus, X), lambda: compile(FORM, torus)):
        with pytest.raises(DriverError, match=message):
            call()


FORM = make_form()


@pytest.mark.parametrize("model", ["model.pt", None, ClosNet, make_net().state_dict()])
def test_a_model_that_is_none_is_refused(model):
    with pytest.raises(DriverError, match="model must be a torch module, a Quan.*, not a"):
        compile(model, "2x2", X)


@pytest.mark.parametrize(
    "model", [make_net(), quantise(make_net(), X)], ids=lambda model: type(model).__name__
)
@pytest.mark.parametrize(
    ("option", "value"),
    [("batches", True), ("momentum", 3), ("frozen", (0,)), ("input_gradient", True)],
)
def test_a_net_for_inference_has_no_options_of_training(model, option, value):
    message = f"{option} must be left out unless model is a TrainingFormat, .*propose_format"
    with pytest.raises(DriverError, match=message):
        compile(model, "2x2", X, **{option: value})


def test_a_torus_that_trains_is_none_for_a_net_that_does_not():
    torus = TorusConfig(rows=1, cols=1, training=TrainingConfig())
    with pytest.raises(DriverError, match="torus must be one for inference, since the net is not"):
        compile(make_net(), torus, X)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), np.arange(4), None.__class__, 5])
def test_an_order_of_a_net_for_inference_has_a_name(order):
    with pytest.raises(DriverError, match="order must be one of best, program, not"):
        compile(make_net(), "1x1", X, order=order)


def test_no_frozen_layers_are_no_option_of_training():
    assert not compile(make_net(), "1x1", X, frozen=[]).frozen


def test_arguments_of_save_artifact(tmp_path):
    compiled, path = compile(make_net(), "1x1", X), tmp_path / "m.ctz"
    with pytest.raises(DriverError, match=r"path must come first, .*save_artifact\(path, compiled"):
        save_artifact(compiled, path)
    with pytest.raises(DriverError, match="compiled must be what compile.* not a ClosNet"):
        save_artifact(path, make_net())
    assert not path.exists()
    save_artifact(str(path), compiled, data="mnist10k")
    assert load_artifact(path).data == "mnist10k"


def pruned_net():
    net = make_net()
    prune.random_unstructured(net.layers[0], "middle_weight", amount=0.5)
    net(X).sum().backward()  # The masked weight is now no leaf of a graph.
    return net


def test_pruned_layers_compile_as_they_compute():
    net = pruned_net()
    compiled = compile(net, "2x2", X)
    with GoldenDevice() as device:
        device.load(compiled)
        assert np.abs(device.infer(X) - net(X).detach().numpy()).max() < 1e-3


def test_pruned_layers_are_not_trained():
    with pytest.raises(ModelError, match="make them plain first, with torch.nn.utils.prune.remove"):
        initial_state(pruned_net(), FORM)


def test_what_is_compiled_is_said_in_a_few_lines(tmp_path):
    compiled = compile(ClosNet([ClosShape(9, 8, 2, 3, 2), ClosShape(8, 8, 2, 2, 2)]), "2x2", X)
    save_artifact(tmp_path / "m.ctz", compiled)
    state_of = (compiled, load_artifact(tmp_path / "m.ctz"), compile(FORM, "2x2"))
    for one in (*state_of, *(each.executable for each in state_of)):
        assert len(repr(one)) < 300 and repr(one).count("\n") <= 3
    assert "(9, 8, 2, 3, 2), (8, 8, 2, 2, 2)" in repr(compiled) and "2x2 torus" in repr(compiled)
    assert repr(compiled.net) == (
        "<QuantisedNet (9, 8, 2, 3, 2) + ReLU, (8, 8, 2, 2, 2): 16-bit activations, "
        "16-bit weights>"
    )
    assert isinstance(compiled.net, QuantisedNet)


@pytest.mark.parametrize(
    "model", [nn.LayerNorm(9), nn.Sequential(ClosLinear(9, 8, (2, 3, 2)), nn.GELU())]
)
def test_modules_of_another_kind_are_refused_by_name(model):
    with pytest.raises(ModelError, match="layer [01] is a"):
        compile(model, "2x2", X)


def test_what_differs_in_its_lanes_is_said():
    config = TorusConfig()
    other = dataclasses.replace(config, lanes_in=2, lanes_out=4)
    assert other_lanes(config, other.hardware_id) == (
        ", whose MACs have lanes_in = 2 and lanes_out = 4 where the net needs 1 and 1")
    other = dataclasses.replace(config, lanes_in=2, link_words=2)
    assert other_lanes(config, other.hardware_id) == (
        ", whose MACs have lanes_in = 2 and lanes_out = 1 where the net needs 1 and 1, whose links "
        "have link_words = 2 where the net needs 1")
    config = dataclasses.replace(config, lanes_in=2)
    assert other_lanes(config, other.hardware_id) == (
        ", whose links have link_words = 2 where the net needs 1")
    assert not other_lanes(config, 12345)


def test_a_net_that_trains_takes_a_word_a_cycle():
    with pytest.raises(DriverError, match="lanes_in must be 1 for a net that trains, not 2: .*"
                                          "leave it out, or compile the trained net"):
        compile(make_form(), "2x2", lanes_in=2)
    with pytest.raises(DriverError, match="link_words must be 1 for a net that trains, not 2: .*"
                                          "leave it out, or compile the trained net"):
        compile(make_form(), "2x2", link_words=2)
    with pytest.raises(DriverError, match="lanes_out must be one of 1, 2, 4, 8, not 3"):
        compile(make_form(), "2x2", lanes_out=3)
