"""Every spelling of what a torus computes, against PyTorch itself."""

import operator

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from golden import ClosLinear, ModelError, quantise
from golden.layers import ClosConv2d, LowRankLinear
from golden.models.read import read_chain
from golden.models.samples import samples_of


def clos(inputs=12, outputs=12, bias=True):
    return ClosLinear(inputs, outputs, (3, 4, 3), bias)


def computed(model, x):
    """What the chain of a model makes of samples, in float64; and the chain."""
    chain = read_chain(model, sample_shape=x.shape[1:])
    y = samples_of("x", x.double(), chain[0]).features
    for item in chain:
        y = item.activation.apply(item.layer.double()(y))
    return y, chain


class Own(nn.Module):
    """A module whose forward is a function of two layers."""

    def __init__(self, function, outputs=12):
        super().__init__()
        self.first, self.second = clos(), clos(12, outputs)
        self.function = function

    def forward(self, x):
        return self.function(self, x)


SCALE = torch.linspace(-1.5, 2.0, 12)
RELUS = {
    "module": lambda m, x: m.second(nn.ReLU()(m.first(x))),
    "functional": lambda m, x: m.second(F.relu(m.first(x))),
    "functional inplace": lambda m, x: m.second(F.relu(m.first(x), inplace=True)),
    "torch": lambda m, x: m.second(torch.relu(m.first(x))),
    "torch_": lambda m, x: m.second(torch.relu_(m.first(x))),
    "method": lambda m, x: m.second(m.first(x).relu()),
    "method_": lambda m, x: m.second(m.first(x).relu_()),
    "clamp": lambda m, x: m.second(m.first(x).clamp(min=0)),
    "clip": lambda m, x: m.second(torch.clip(input=m.first(x), min=0)),
    "clamp_min": lambda m, x: m.second(m.first(x).clamp_min(0.0)),
    "leak of 0": lambda m, x: m.second(F.leaky_relu(m.first(x), 0.0)),
    "twice": lambda m, x: m.second(torch.relu(m.first(x).relu())),
}


def silently(m, x):
    h = m.first(x)
    h.relu_()
    F.dropout(h, 0.5, m.training)
    return m.second(h)


RELUS["result not taken"] = silently


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(3)


@pytest.fixture
def x():
    return 3 * torch.randn(50, 12)


@pytest.mark.parametrize("spelling", RELUS)
def test_relu_in_all_its_spellings(spelling, x):
    model = Own(RELUS[spelling])
    y, chain = computed(model, x)
    assert [item.relu for item in chain] == [True, False]
    assert [item.position for item in chain] == ["first", "second"]
    torch.testing.assert_close(y, model(x).double(), rtol=0, atol=1e-5)


BOUNDS = {
    "ReLU6": (lambda y: nn.ReLU6()(y), (0, 0.0, 6.0)),
    "relu6": (F.relu6, (0, 0.0, 6.0)),
    "Hardtanh": (lambda y: nn.Hardtanh()(y), (0, -1.0, 1.0)),
    "Hardtanh(-2, 3)": (lambda y: nn.Hardtanh(-2.0, 3.0)(y), (0, -2.0, 3.0)),
    "hardtanh_": (lambda y: F.hardtanh_(y, -0.5, 2.0), (0, -0.5, 2.0)),
    "clamp": (lambda y: torch.clamp(y, -1, 2), (0, -1.0, 2.0)),
    "clamp of tensors": (lambda y: y.clamp(torch.tensor(-1.0), 2), (0, -1.0, 2.0)),
    "clamp_max": (lambda y: y.clamp_max(1), (0, float("-inf"), 1.0)),
    "LeakyReLU": (lambda y: nn.LeakyReLU(0.125)(y), (3, float("-inf"), float("inf"))),
    "leaky_relu": (lambda y: F.leaky_relu(y, 0.5), (1, float("-inf"), float("inf"))),
    "two leaks": (
        lambda y: F.leaky_relu(F.leaky_relu(y, 0.5), 0.25),
        (3, float("-inf"), float("inf")),
    ),
    "leak, bounds": (lambda y: F.leaky_relu(y, 0.25).clamp(-1, 2), (2, -1.0, 2.0)),
    "bounds, leak": (lambda y: F.leaky_relu(y.clamp(-1, 2), 0.25), (2, -0.25, 2.0)),
    "bounds, bounds": (lambda y: y.clamp(-3, 2).clamp(-1, 4), (0, -1.0, 2.0)),
    "bounds, other bounds": (lambda y: y.clamp(-3, -2).clamp(-1, 4), (0, -1.0, -1.0)),
    "scaled bounds": (lambda y: 2 * y.clamp(-1, 3), (0, -2.0, 6.0)),
    "scaled leak": (
        lambda y: F.leaky_relu(y, 0.25) * SCALE.abs(),
        (2, float("-inf"), float("inf")),
    ),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_bounds_and_leaks(name, x):
    function, wanted = BOUNDS[name]
    model = Own(lambda m, x: function(m.first(x)))
    y, (item,) = computed(model, x)
    found = item.activation
    assert (found.leak_shift, found.low, found.high) == wanted
    torch.testing.assert_close(y, model(x).double(), rtol=0, atol=1e-5)


class Weighed(nn.Module):
    """Dense layers without a module of their own."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(7, 12))
        self.second = nn.Parameter(torch.randn(7, 5))
        self.register_buffer("offset", torch.randn(5))

    def forward(self, x):
        return F.linear(x, self.weight).relu() @ self.second + self.offset


MODELS = {
    "linear": lambda: nn.Sequential(nn.Linear(12, 9), nn.ReLU(), nn.Linear(9, 4, bias=False)),
    "own weights": Weighed,
    "low rank": lambda: nn.Sequential(LowRankLinear(12, 10, 3), nn.ReLU(), clos(10, 6)),
    "matmul": lambda: Own(lambda m, x: torch.matmul(m.first(x), SCALE.outer(SCALE)).relu()),
    "mean and deviation": lambda: Own(lambda m, x: m.first((x - SCALE) / 3)),
    "from": lambda: Own(lambda m, x: m.second(1 - m.first(x))),
    "rsub": lambda: Own(lambda m, x: m.second(torch.rsub(m.first(x), SCALE))),
    "negative": lambda: Own(lambda m, x: m.second(-m.first(x))),
    "alpha": lambda: Own(lambda m, x: torch.add(m.first(x), SCALE, alpha=2).sub(1, alpha=3)),
    "before": lambda: Own(lambda m, x: m.second(m.first(x).relu() * SCALE + 2)),
    "inplace": lambda: Own(lambda m, x: operator.imul(operator.iadd(m.first(x), SCALE), 2)),
    "shapes": lambda: Own(
        lambda m, x: m.second(m.first(x.view(x.size(0), -1)).unsqueeze(1).squeeze(1))
    ),
    "reshape": lambda: Own(lambda m, x: m.first(x.reshape(-1, 3, 4).flatten(1)).view(-1, 12)),
    "compiled": lambda: torch.compile(nn.Sequential(clos(), nn.ReLU()), backend="eager"),
    "compiled inside": lambda: nn.Sequential(torch.compile(clos(), backend="eager")),
    "parallel": lambda: nn.DataParallel(nn.Sequential(clos(), nn.ReLU())),
    "parallel inside": lambda: nn.Sequential(nn.DataParallel(clos())),
    "dropout": lambda: Own(lambda m, x: m.second(F.dropout(m.first(x), 0.5, m.training))),
    "types": lambda: Own(lambda m, x: m.first(x.float()).double().float().contiguous()),
    "norm first": lambda: nn.Sequential(nn.BatchNorm1d(12), clos()),
    "norm behind": lambda: nn.Sequential(clos(), nn.BatchNorm1d(12), nn.ReLU(), clos()),
    "norm behind ReLU": lambda: nn.Sequential(
        clos(bias=False), nn.ReLU(), nn.BatchNorm1d(12), clos(bias=False)
    ),
    "norms": lambda: nn.Sequential(
        nn.Linear(12, 12, bias=False), nn.BatchNorm1d(12), nn.ReLU(), nn.BatchNorm1d(12),
        nn.BatchNorm1d(12, affine=False), nn.Linear(12, 3), nn.BatchNorm1d(3),
    ),
    "norm of low rank": lambda: nn.Sequential(LowRankLinear(12, 10, 3), nn.BatchNorm1d(10)),
}  # fmt: skip


def used(model):
    """Give every BatchNorm statistics and parameters of its own."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.1, 3.0)
            if module.affine:
                nn.init.normal_(module.weight)
                nn.init.normal_(module.bias)
    return model.eval()


@pytest.mark.parametrize("name", MODELS)
def test_models_are_chains(name, x):
    model = used(MODELS[name]())
    y, _ = computed(model, x)
    with torch.compiler.set_stance("force_eager"):
        wanted = model(x).double()
    torch.testing.assert_close(y, wanted.reshape(y.shape), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in MODELS if name.startswith("norm")])
def test_batch_norm_is_folded_within_rounding(name, x):
    model = used(MODELS[name]()).double()
    y, chain = computed(model, x)
    wanted = model(x.double())
    assert (y - wanted).abs().max() <= 1e-13 * wanted.abs().max()
    assert not any(isinstance(item.layer, nn.BatchNorm1d) for item in chain)


def test_pixels_of_convolutions():
    model = used(nn.Sequential(
        nn.Conv2d(6, 8, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.BatchNorm2d(8),
        ClosConv2d(8, 4, (2, 2, 2)), nn.Dropout2d(), nn.ReLU6(),
    ))  # fmt: skip
    images = torch.randn(3, 6, 4, 5)
    y, chain = computed(model, images)
    assert [item.pixels for item in chain] == [True, True]
    torch.testing.assert_close(y, model(images).movedim(1, 3).flatten(0, 2).double(), **CLOSE)


CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def test_scales_of_pixels_are_those_of_channels():
    scale = torch.randn(1, 6, 1, 1)
    model = nn.Sequential(Times(scale), nn.Conv2d(6, 4, 1), Times(3.0), nn.ReLU())
    images = torch.randn(3, 6, 4, 6)
    y, _ = computed(model, images)
    torch.testing.assert_close(y, model(images).movedim(1, 3).flatten(0, 2).double(), **CLOSE)
    for odd in (torch.randn(6), torch.randn(4, 6), torch.randn(6, 4, 1), torch.randn(3, 1, 1, 1)):
        with pytest.raises(ModelError, match="one for each of the features"):
            computed(nn.Sequential(Times(odd), nn.Conv2d(6, 4, 1)), images)


class Times(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return x * self.factor


def test_images_are_flattened_by_the_model_or_before():
    model = nn.Sequential(nn.Flatten(), clos(), nn.ReLU(), clos(12, 5))
    images = torch.rand(20, 1, 3, 4)
    words = quantise(model, images)
    flat = quantise(model, images.flatten(1))
    assert words.layers[0].input_weight.equal(flat.layers[0].input_weight)
    assert (words.infer(images.flatten(1)) - model(images)).abs().max() < 1e-3
