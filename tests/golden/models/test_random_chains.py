"""Random chains over the whole vocabulary: the float model against what is read, and its words."""

import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from golden import ClosLinear, quantise
from golden.clos.routing import ClosRouting
from golden.layers import LowRankLinear
from golden.models.read import read_chain

RANDOM_NETS = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


class Function(nn.Module):
    """A function as a module, which is traced into."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Own(nn.Module):
    """A module with a forward of its own, around another one."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x.reshape(x.size(0), -1)).flatten(1)


def clos(draw, features):
    outputs = draw(st.integers(1, 12))
    routers = (draw(st.integers(1, min(features, 4))), draw(st.integers(1, 4)),
               draw(st.integers(1, min(outputs, 4))))  # fmt: skip
    layer = ClosLinear(features, outputs, routers, bias=draw(st.booleans()))
    if layer.bias is not None:
        nn.init.normal_(layer.bias)
    return layer


def dense(draw, features):
    outputs = draw(st.integers(1, 12))
    if draw(st.booleans()):
        return nn.Linear(features, outputs, bias=draw(st.booleans()))
    return LowRankLinear(features, outputs, draw(st.integers(1, min(features, outputs))))


def norm(features):
    found = nn.BatchNorm1d(features)
    nn.init.normal_(found.weight)
    nn.init.normal_(found.bias)
    nn.init.normal_(found.running_mean)
    nn.init.uniform_(found.running_var, 0.2, 2.0)
    return found


def neutral(draw):
    return draw(st.sampled_from([
        nn.Identity, nn.Dropout, nn.Flatten, lambda: Function(lambda x: x.unsqueeze(1).squeeze(1)),
        lambda: Function(lambda x: F.dropout(x, 0.3, training=False)),
    ]))()  # fmt: skip


def affine(draw, features):
    vector = torch.randn(features)
    return draw(st.sampled_from([
        lambda: norm(features), lambda: Function(lambda x: x * 0.5 + vector),
        lambda: Function(lambda x: (x - vector) / 2), lambda: Function(lambda x: -x),
        lambda: Function(lambda x: torch.sub(1.0, x)),
    ]))()  # fmt: skip


def activation(draw):
    low = draw(st.sampled_from([-1.5, -0.25, 0.0]))
    slope = 2.0 ** -draw(st.integers(1, 6))
    return draw(st.sampled_from([
        lambda: nn.ReLU(), lambda: nn.ReLU(inplace=True), lambda: Function(torch.relu),
        lambda: Function(lambda x: F.relu_(x)), lambda: Function(lambda x: x.clamp(min=0)),
        lambda: nn.ReLU6(), lambda: nn.Hardtanh(low, 1.25),
        lambda: Function(lambda x: torch.clamp(x, low, 0.75)),
        lambda: nn.LeakyReLU(slope), lambda: Function(lambda x: F.leaky_relu(x, slope)),
        lambda: nn.Sequential(nn.LeakyReLU(slope), nn.Hardtanh(-2.0, 2.0)),
    ]))()  # fmt: skip


@st.composite
def chains(draw, layer):
    """A model over the vocabulary whose weight layers `layer` draws, and its number of inputs."""
    torch.manual_seed(draw(st.integers(0, 1 << 32)))
    inputs = draw(st.integers(1, 12))
    modules, features = [], inputs
    for _ in range(draw(st.integers(1, 3))):
        if draw(st.booleans()):
            modules.append(neutral(draw))
        if draw(st.integers(0, 3)) == 0:  # Behind an activation, or first: into the layer behind.
            modules.append(affine(draw, features))
        modules.append(layer(draw, features))
        features = modules[-1].out_features
        for _ in range(draw(st.integers(0, 2))):
            modules.append(affine(draw, features))
        if draw(st.booleans()):
            modules.append(activation(draw))
    half = draw(st.integers(0, len(modules)))
    nested = nn.Sequential(*modules[:half], Own(nn.Sequential(*modules[half:])))
    return (Own(nested) if draw(st.booleans()) else nested).eval(), inputs


def stage_error(routing, stage, weight, weight_half, result_half, value, error):
    """How far a stage's results are off at most, where its inputs are `error` off."""
    off = torch.full_like(weight, weight_half)
    return (routing.sums(stage, weight.abs() + off, error)
            + routing.sums(stage, off, value.abs()) + result_half)  # fmt: skip


def error_bound(chain, net, x):
    """The largest difference [N, O] of words from reals that rounding alone can make."""
    error = torch.full_like(x, 2.0 ** -(net.input_fraction_bits + 1))
    for item, words in zip(chain, net.layers, strict=True):
        layer = item.layer.double()
        routing = ClosRouting.of(layer.shape)
        first, second, _ = layer.stages(x)
        halves = [2.0 ** -(bits + 1) for bits in words.activation_fraction_bits]
        for stage, value in enumerate((x, first, second)):
            error = stage_error(routing, stage, layer.weights[stage],
                                2.0 ** -(words.weight_fraction_bits[stage] + 1),
                                halves[stage + 1], value, error)  # fmt: skip
        bias_bits = words.weight_fraction_bits[2] + words.activation_fraction_bits[2]
        error = error + 2.0 ** -(bias_bits + 1)
        error = error + (0 if words.bounds is None else halves[3])
        x = item.activation.apply(layer(x))
    return error


@RANDOM_NETS
@given(drawn=chains(clos), act_bits=st.sampled_from([8, 12, 16]), weight_bits=st.integers(8, 18))
def test_words_are_within_the_bound_of_the_float_model(drawn, act_bits, weight_bits):
    model, inputs = drawn
    x = 2 * torch.randn(20, inputs, dtype=torch.float64)
    net = quantise(model, x, act_bits=act_bits, weight_bits=weight_bits)
    wanted = model.double()(x)
    bound = error_bound(read_chain(model), net, x)
    assert ((net.infer(x) - wanted).abs() <= bound * (1 + 1e-9) + 1e-12).all()


@RANDOM_NETS
@given(drawn=chains(lambda draw, features: (
    clos if draw(st.booleans()) else dense)(draw, features)))  # fmt: skip
def test_the_layers_read_are_the_model(drawn):
    model, inputs = drawn
    x = 2 * torch.randn(20, inputs, dtype=torch.float64)
    wanted = model.double()(x).detach()
    y = x
    for item in read_chain(model):
        y = item.activation.apply(item.layer.double()(y))
    assert not y.requires_grad
    assert (y - wanted).abs().max() <= 1e-12 * max(1.0, float(wanted.abs().max()))
