"""Dense layers in integers, against plain Python integers and PyTorch's own integer product."""

import random
from fractions import Fraction

import pytest
import torch

from golden import ModelError, QuantisedNet, ShapeError
from golden.fixed.dense import QuantisedDense
from golden.layers.dense import DenseShape
from golden.vectors.nets import random_net, random_words


def finish(acc, shift, bits):
    """Round, a tie to even (as Python's `round` does on fractions), and saturate."""
    return min(max(round(Fraction(acc, 1 << shift)), -(1 << (bits - 1))), (1 << (bits - 1)) - 1)


def random_shape(rng):
    inputs, outputs = rng.randint(1, 20), rng.randint(1, 20)
    later = sorted(rng.sample(range(1, inputs), rng.randint(0, min(inputs - 1, 4))))
    return DenseShape(inputs, outputs, (0, *later) if rng.random() < 0.7 else ())


def by_python(layer, x, act_bits):
    """One sample in Python integers: partial sums [groups][O], or None, and outputs."""
    weight, bias = layer.weight.tolist(), layer.bias.tolist()
    ends = [*layer.shape.cuts[1:], len(x)]
    if not layer.shape.cuts:
        exact = [sum(a * b for a, b in zip(row, x, strict=True)) for row in weight]
        partial = None
        gain = 1
    else:
        partial = [
            [finish(sum(row[i] * x[i] for i in range(start, end)), layer.shifts[0], act_bits)
             for row in weight]
            for start, end in zip(layer.shape.cuts, ends, strict=True)
        ]
        exact = [sum(column) for column in zip(*partial, strict=True)]
        gain = 2 ** layer.weight_fraction_bits[1]
    y = [finish(b + gain * one, layer.shifts[-1], act_bits)
         for b, one in zip(bias, exact, strict=True)]
    return partial, [max(0, one) for one in y] if layer.relu else y


@pytest.mark.parametrize("seed", range(60))
def test_layer_equals_python_integers(seed):
    rng = random.Random(seed)
    act_bits, weight_bits = rng.randint(4, 18), rng.randint(4, 18)
    net = random_net([random_shape(rng)], seed=seed, act_bits=act_bits, weight_bits=weight_bits)
    x = random_words(net, 3, seed=seed)
    (layer,), (found,) = net.layers, net.layer_words(x)
    for sample, words in enumerate(x.tolist()):
        partial, y = by_python(layer, words, act_bits)
        assert found.output.words[sample].tolist() == y
        if partial is None:
            assert found.partial is None
        else:
            assert found.partial.words[sample].tolist() == partial


@pytest.mark.parametrize("seed", range(10))
def test_one_sum_is_pytorchs_linear_in_int64(seed):
    """With no shift and no saturation the layer is `torch.nn.functional.linear` itself."""
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randint(-8, 8, (7, 11), generator=generator)
    bias = torch.randint(-99, 99, (7,), generator=generator)
    x = torch.randint(-8, 8, (5, 11), generator=generator)
    for cuts in ((), (0,), (0, 4, 9)):
        stages = 2 if cuts else 1
        layer = QuantisedDense(
            DenseShape(11, 7, cuts), weight, bias, False, (0,) * (stages + 1), (0,) * stages)
        y = QuantisedNet((layer,), 18, 5).forward_words(x)
        assert y.equal(torch.nn.functional.linear(x, weight, bias))


def test_random_layers_use_the_whole_range():
    """A layer whose results were all small, or all saturated, would hide wrong bits."""
    net = random_net([DenseShape(40, 60, (0, 10, 20, 30))], seed=0)
    (words,) = net.layer_words(random_words(net, 64, seed=0))
    for stage in words.stages:
        extreme = (stage.words == 32767) | (stage.words == -32768)
        assert 0.01 < extreme.double().mean() < 0.8
        assert len(stage.words.unique()) > 500


@pytest.mark.parametrize("cuts, message", [
    ((1,), r"cuts must begin with 0 and ascend, each below in_features \(4\), not \(1\)"),
    ((0, 0), r"cuts must begin with 0 .*, not \(0, 0\)"),
    ((0, 4), r"cuts must begin with 0 .*, not \(0, 4\)"),
    ((0, 1.5), "cuts must be a whole number, not 1.5"),
    (3, "cuts must be"),
])
def test_cuts_that_are_none(cuts, message):
    with pytest.raises(ShapeError, match=message):
        DenseShape(4, 2, cuts)


@pytest.mark.parametrize("field, value, message", [
    ("weight", torch.zeros(4, 2, dtype=torch.int64), r"weight must have shape \(2, 4\)"),
    ("bias", torch.zeros(2), "bias must be int64, not torch.float32"),
    ("relu", 1, "relu must be"),
    ("activation_fraction_bits", (0, 0), "activation_fraction_bits must be"),
    ("weight_fraction_bits", (0, -1), "weight_fraction_bits of the sum must be 0 or more, not -1"),
    ("activation_fraction_bits", (0, 0, 9), "the sum stage's right shift must be 0 to 62, not -9"),
])
def test_layers_that_are_none(field, value, message):
    fields = {
        "shape": DenseShape(4, 2, (0, 2)), "weight": torch.zeros(2, 4, dtype=torch.int64),
        "bias": torch.zeros(2, dtype=torch.int64), "relu": False,
        "activation_fraction_bits": (0, 0, 0), "weight_fraction_bits": (0, 0)}
    with pytest.raises((ShapeError, ModelError), match=message):
        QuantisedDense(**fields | {field: value})


def test_the_weight_of_a_partial_sum_must_fit_too():
    layer = QuantisedDense(
        DenseShape(4, 2, (0, 2)), torch.zeros(2, 4, dtype=torch.int64),
        torch.zeros(2, dtype=torch.int64), False, (0, 0, 0), (0, 7))
    QuantisedNet((layer,), 16, 9)
    with pytest.raises(ModelError, match="weights must fit weight_bits = 8 bits, but needs 9"):
        QuantisedNet((layer,), 16, 8)
