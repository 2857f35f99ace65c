"""Pointwise Clos convolutions on the torus: each pixel is a sample (NeuroFabric N3)."""

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from golden import ClosLinear, ClosNet, ModelError, ShapeError, quantise, save_model
from golden.layers import ClosConv2d, ClosGRU, ClosLSTM, SparseCascade, SparseRandomConv2d
from golden.models.pixels import from_pixels, pixel_net, to_pixels
from sw_driver import GoldenDevice, compile
from sw_driver.cli import app


def make():
    torch.manual_seed(0)
    model = nn.Sequential(
        ClosConv2d(6, 8, (3, 2, 2)),
        nn.ReLU(),
        nn.Dropout(),
        ClosConv2d(8, 4, (2, 3, 2), bias=False),
    )
    return model.eval(), torch.rand(3, 6, 4, 5)


def test_images_go_to_pixels_and_back():
    _, images = make()
    pixels = to_pixels(images)
    assert pixels.shape == (60, 6)
    assert pixels[20 + 5 + 3].equal(images[1, :, 1, 3])
    assert from_pixels(pixels, 4, 5).equal(images)
    with pytest.raises(ShapeError, match=r"images must have shape \[N, C, H, W\]"):
        to_pixels(images[0])
    with pytest.raises(ShapeError, match=r"shape \[N \* 4 \* 7, C\], not \[60, 6\]"):
        from_pixels(pixels, 4, 7)


def test_n3_c14_torus_computes_the_convolutions():
    model, images = make()
    compiled = compile(model, "2x2", images)
    device = GoldenDevice()
    device.load(compiled)
    y = torch.as_tensor(device.infer(to_pixels(images).numpy())).float()
    expected = model(images).detach()
    torch.testing.assert_close(from_pixels(y, 4, 5), expected, atol=2e-3, rtol=0)
    assert expected.abs().max() > 0.1


def test_n3_pixel_net_is_the_model_at_a_pixel_and_compiles_from_its_file(tmp_path):
    model, images = make()
    net = pixel_net(model)
    torch.testing.assert_close(net(to_pixels(images)), to_pixels(model(images)))
    save_model(tmp_path / "pixels.pt", net)
    np.save(tmp_path / "images.npy", images.numpy())
    runner = CliRunner()
    names = [str(tmp_path / name) for name in ("pixels.pt", "images.npy", "a.ctz", "y.npy")]
    for command in (
        ["compile", names[0], "--data", names[1], "--torus", "2x2", "-o", names[2]],
        ["run", names[2], "--data", names[1], "-o", names[3]],
    ):
        result = runner.invoke(app, ["--quiet", *command])
        assert result.exit_code == 0, result.output
    y = from_pixels(torch.as_tensor(np.load(names[3])).float(), 4, 5)
    torch.testing.assert_close(y, model(images).detach(), atol=2e-3, rtol=0)


@pytest.mark.parametrize(
    "model, message",
    [
        (ClosConv2d(4, 4, (2, 2, 2), kernel_size=3), r"is a ClosConv2d with kernel_size \(3, 3\)"),
        (ClosConv2d(4, 4, (2, 2, 2), stride=2), r"stride \(2, 2\), padding .* is not supported"),
        (nn.Sequential(ClosConv2d(4, 4, (2, 2, 2)), nn.Flatten()), "layer 1 is a Flatten behind"),
        (
            nn.Sequential(ClosConv2d(4, 4, (2, 2, 2)), ClosLinear(4, 4, (2, 2, 2))),
            "layer 1: a model must be all ClosLinear and Linear or all convolutions",
        ),
        (ClosLSTM(4, 4, reduction=0.5), "layer 0 is a ClosLSTM, which is not supported"),
        (nn.Sequential(nn.ReLU(), ClosGRU(4, 4, reduction=0.5)), "layer 0: a ReLU must"),
        (
            nn.Sequential(ClosLinear(4, 4, (2, 2, 2)), ClosGRU(4, 4, reduction=0.5)),
            "layer 1 is a ClosGRU",
        ),
        (SparseCascade([torch.ones(4, 4, dtype=torch.bool)]), "layer 0 is a SparseCascade"),
        (SparseRandomConv2d(4, 4, 1, alpha=0.5), "layer 0 is a SparseRandomConv2d"),
    ],
)
def test_n24_t1_torus_refuses_other_layers_by_name(model, message):
    with pytest.raises(ModelError, match=message):
        compile(model, "2x2", torch.rand(2, 4))


def test_pixel_net_needs_a_relu_between_all_layers():
    for layers, message in [
        ([ClosConv2d(4, 4, (2, 2, 2)), ClosConv2d(4, 4, (2, 2, 2))], "layer 0 must be followed"),
        ([ClosConv2d(4, 4, (2, 2, 2)), nn.ReLU()], "layer 0 must not be followed"),
    ]:
        with pytest.raises(ModelError, match=message):
            pixel_net(nn.Sequential(*layers))


def test_calibration_must_be_images_or_pixels():
    model, images = make()
    quantised = quantise(model, images)
    assert quantised.shapes == pixel_net(model).shapes
    with pytest.raises(ShapeError, match=r"\[N, 6\] or \[N, 6, H, W\] with N at least 1, not"):
        quantise(model, images[:, :5])
    with pytest.raises(ShapeError, match=r"shape \[N, 8\] with N"):
        quantise(ClosNet([pixel_net(model).shapes[1]]), torch.rand(2, 8, 3, 3))
