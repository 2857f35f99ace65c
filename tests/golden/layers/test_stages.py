"""ClosStages: a Clos layer with functions between its stages."""

import pytest
import torch
from torch import nn

from golden import ClosLinear, ShapeError
from golden.layers import ClosStages

SIZES = [(12, 18, (3, 2, 6)), (13, 11, (4, 3, 2))]


def make(sizes, **keywords):
    torch.manual_seed(0)
    layer = ClosStages(*sizes, dtype=torch.float64, **keywords)
    for name, parameter in layer.named_parameters():
        if name.endswith("bias"):
            nn.init.normal_(parameter)
    return layer


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_without_functions_it_is_a_clos_layer(sizes):
    layer = make(sizes, stage_bias=False)
    linear = ClosLinear(*sizes, dtype=torch.float64)
    linear.load_state_dict(layer.state_dict())
    for size in ((5,), (2, 3), (0,), ()):
        x = torch.randn(*size, sizes[0], dtype=torch.float64)
        torch.testing.assert_close(layer(x), linear(x))


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize(
    "activation", [torch.tanh, nn.PReLU(dtype=torch.float64)], ids=["tanh", "PReLU"]
)
def test_every_stage_has_a_bias_and_an_activation(sizes, activation):
    layer = make(sizes, activation=activation)
    shape = layer.shape
    x = torch.randn(4, sizes[0], dtype=torch.float64)
    inner = torch.stack(
        [x[:, start:stop] @ layer.input_weight[start:stop] for start, stop in shape.input_blocks],
        1,
    )  # [N, Ri, Rm]
    inner = activation(inner + layer.input_bias)
    outer = torch.einsum("nrm,mro->nmo", inner, layer.middle_weight)
    outer = activation(outer + layer.middle_bias)
    wanted = [
        outer[:, :, router] @ layer.output_weight[start:stop].T
        for router, (start, stop) in enumerate(shape.output_blocks)
    ]
    torch.testing.assert_close(layer(x), torch.cat(wanted, 1) + layer.bias)
    names = [name for name, _ in layer.named_parameters()]

    def run(x, *weights):
        return torch.func.functional_call(layer, dict(zip(names, weights, strict=True)), (x,))

    assert torch.autograd.gradcheck(run, (x.requires_grad_(), *layer.parameters()))


def test_dropout_is_between_the_stages_and_in_training_only():
    layer = make(SIZES[0], dropout=0.5)
    x = torch.randn(4, 12, dtype=torch.float64)
    assert not layer(x).equal(layer(x))
    layer.eval()
    assert layer(x).equal(layer(x))
    with torch.no_grad():
        layer.train().output_weight.zero_()
    assert layer(x).equal(layer.bias.expand(4, 18))  # Outputs themselves are not dropped.


def test_a_gain_keeps_the_variance_behind_an_activation():
    torch.manual_seed(0)
    x = torch.randn(256, 1024)

    def spread(gain):
        layer = ClosStages(1024, 1024, (32, 32, 32), activation=torch.relu, gain=gain)
        return float(layer(x).detach().std())

    assert spread(1.0) == pytest.approx(0.5, rel=0.15)
    assert spread(nn.init.calculate_gain("relu")) == pytest.approx(1.0, rel=0.15)


def test_from_budget_has_as_many_weights_as_a_clos_layer():
    layer = ClosStages.from_budget(64, 48, reduction=2.0, stage_bias=False, bias=False)
    assert layer.shape == ClosLinear.from_budget(64, 48, reduction=2.0).shape
    assert sum(p.numel() for p in layer.parameters()) == layer.shape.parameters
    assert "routers=(8, 9, 6), dropout=0.0, bias=False" in repr(layer)


def test_what_does_not_fit_is_refused():
    for keywords, message in [
        ({"dropout": 1.0}, "dropout must be at least 0 and below 1, not 1.0"),
        ({"gain": 0}, "gain must be above 0 and finite, not 0"),
        ({"activation": nn.ReLU}, "activation must be a module or a function, or None, not"),
        ({"activation": nn.Softmax(-1)}, "activation must change each value alone, which a Softm"),
        ({"activation": nn.Sequential(nn.ReLU(), nn.LayerNorm(2))}, "alone, which a LayerNorm"),
        ({"activation": nn.PReLU(4)}, "activation must change each value alone, which a PReLU"),
        ({"activation": "relu"}, "activation must be a module or a function, or None, not 'relu'"),
    ]:
        with pytest.raises(ShapeError, match=message):
            ClosStages(*SIZES[0], **keywords)
    folded = make(SIZES[0], activation=torch.sum)
    with pytest.raises(ShapeError, match="activation must keep the shape .* not make \\[\\] of it"):
        folded(torch.ones(2, 12).double())
    with pytest.raises(ShapeError, match=r"input must have shape \[\.\.\., 12\]"):
        make(SIZES[0])(torch.ones(2, 11).double())
