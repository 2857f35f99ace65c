"""The integer model, against plain Python integers and fractions."""

import random
from fractions import Fraction

import numpy as np
import pytest
import torch

from golden import ClosShape, ModelError, QuantisedLayer, QuantisedNet, ShapeError
from golden.fixed.words import from_words, round_half_even_shift, saturate, signed_bits, to_words
from golden.vectors.nets import paper_example, random_net, random_words


def finish(acc, shift, bits):
    """Round, a tie to even (as Python's `round` does on fractions), and saturate."""
    return min(max(round(Fraction(acc, 1 << shift)), -(1 << (bits - 1))), (1 << (bits - 1)) - 1)


def layer_by_python(layer, x, act_bits):
    """One sample through one layer in Python integers, router by router."""
    inputs, outputs, ri, rm, ro = layer.shape.as_tuple()
    w1, w2 = layer.input_weight.tolist(), layer.middle_weight.tolist()
    w3, bias = layer.output_weight.tolist(), layer.bias.tolist()
    s1, s2, s3 = layer.shifts
    h1 = [
        [finish(sum(x[i] * w1[i][m] for i in block), s1, act_bits) for m in range(rm)]
        for block in np.array_split(range(inputs), ri)
    ]
    h2 = [
        [finish(sum(h1[r][m] * w2[m][r][o] for r in range(ri)), s2, act_bits) for m in range(rm)]
        for o in range(ro)
    ]
    y = [
        finish(bias[j] + sum(h2[o][m] * w3[j][m] for m in range(rm)), s3, act_bits)
        for o, block in enumerate(np.array_split(range(outputs), ro))
        for j in block
    ]
    return h1, h2, [max(0, value) for value in y] if layer.relu else y


def random_shapes(rng, layers, largest=20):
    features = [rng.randint(1, largest) for _ in range(layers + 1)]
    return [
        ClosShape(i, o, rng.randint(1, i), rng.randint(1, 6), rng.randint(1, o))
        for i, o in zip(features, features[1:], strict=False)
    ]


@pytest.mark.parametrize("seed", range(60))
def test_net_equals_python_integers(seed):
    rng = random.Random(seed)
    act_bits, weight_bits = rng.randint(4, 18), rng.randint(4, 18)
    shapes = random_shapes(rng, layers=rng.randint(1, 4))
    net = random_net(shapes, seed=seed, act_bits=act_bits, weight_bits=weight_bits)
    x = random_words(net, 3, seed=seed)
    found = net.layer_words(x)
    for sample, words in enumerate(x.tolist()):
        for layer, stages in zip(net.layers, found, strict=True):
            h1, h2, y = layer_by_python(layer, words, act_bits)
            assert stages.input.words[sample].tolist() == h1
            assert stages.middle.words[sample].tolist() == h2
            assert stages.output.words[sample].tolist() == y
            words = y
    assert net.forward_words(x).equal(found[-1].output.words)


def test_papers_example_by_hand():
    vector = paper_example()
    (words,) = vector.net.layer_words(vector.x)
    assert words.input.words.equal(vector.input_stage)
    assert words.middle.words.equal(vector.middle_stage)
    assert words.output.words.equal(vector.y)
    assert words.output.acc[0, 2] == 341 and vector.y[0, 2] == 170  # A tie that rounds down.
    assert words.output.acc[1, 1] == 63 and vector.y[1, 1] == 32  # A tie that rounds up.


def test_random_nets_use_the_whole_range():
    """A net whose results were all small, or all saturated, would hide wrong bits."""
    net = random_net([ClosShape(33, 17, 5, 3, 4), ClosShape(17, 10, 4, 7, 3)], seed=0)
    for layer in net.layer_words(random_words(net, 64, seed=0)):
        for stage in (layer.input, layer.middle, layer.output):
            saturated = (stage.words == 32767) | (stage.words == -32768)
            assert saturated.double().mean() < 0.5
            assert stage.words.double().std() > 0.15 * 32768
    words = random_words(net, 4, seed=0)
    assert set(words[1].tolist()) == {-32768, 32767}
    assert len(set(words[0].tolist())) > 30


def test_random_nets_repeat():
    shapes = [ClosShape(7, 5, 3, 2, 2)]
    one, two, other = (random_net(shapes, seed=seed) for seed in (1, 1, 2))
    assert one.layers[0].input_weight.equal(two.layers[0].input_weight)
    assert not one.layers[0].input_weight.equal(other.layers[0].input_weight)
    assert random_words(one, 4, seed=1).equal(random_words(one, 4, seed=1))
    assert not random_words(one, 4, seed=1).equal(random_words(one, 4, seed=2))


@pytest.mark.parametrize("shift", [0, 1, 2, 3, 7, 40, 62])
def test_shift_rounds_half_to_even(shift):
    rng = random.Random(shift)
    accs = [*range(-40, 41), *(rng.randint(-(1 << 60), 1 << 60) for _ in range(200))]
    accs += [k << shift >> 1 for k in range(-9, 10) if abs(k << shift) < 1 << 62]  # Ties.
    expected = [round(Fraction(acc, 1 << shift)) for acc in accs]
    assert round_half_even_shift(torch.tensor(accs), shift).tolist() == expected


@pytest.mark.parametrize("shift", [-1, 63])
def test_shift_out_of_range_is_refused(shift):
    with pytest.raises(ModelError, match=f"shift must be 0 to 62, not {shift}"):
        round_half_even_shift(torch.tensor([1]), shift)


def test_saturation_is_to_two_complement_words():
    values = torch.tensor([-100, -9, -8, -7, 0, 7, 8, 100])
    assert saturate(values, 4).tolist() == [-8, -8, -8, -7, 0, 7, 7, 7]


@pytest.mark.parametrize("words, bits", [
    ([], 1), ([0], 1), ([-1], 1), ([1], 2), ([-8], 4), ([-8, 7], 4), ([-9], 5), ([8], 5),
])
def test_narrowest_word(words, bits):
    assert signed_bits(torch.tensor(words, dtype=torch.int64)) == bits


def test_words_and_reals():
    reals = torch.tensor([0.25, -0.25, 0.375, 0.125, 1e30, -1e30])
    words = to_words(reals, 2, 4)
    assert words.tolist() == [1, -1, 2, 0, 7, -8]
    assert from_words(words, 2).tolist() == [0.25, -0.25, 0.5, 0.0, 1.75, -2.0]
    assert to_words(torch.tensor([96.0]), -4, 8).tolist() == [6]
    assert from_words(torch.tensor([6]), -4).tolist() == [96.0]
    for bad in (float("nan"), float("inf")):
        with pytest.raises(ModelError, match="must be finite"):
            to_words(torch.tensor([bad]), 0, 8)


def test_infer_goes_through_the_words():
    layer = QuantisedLayer(
        shape=ClosShape(1, 1, 1, 1, 1),
        input_weight=torch.tensor([[4]]),
        middle_weight=torch.tensor([[[4]]]),
        output_weight=torch.tensor([[4]]),
        bias=torch.tensor([16]),
        relu=False,
        activation_fraction_bits=(3, 3, 3, 2),
        weight_fraction_bits=(2, 2, 2),
    )
    net = QuantisedNet((layer,), 8, 4)
    assert layer.shifts == (2, 2, 3)
    # x = 2.5 is word 20; weights are 1; the bias is 16 / 2**5 = 0.5; y = 3.0 in quarters.
    assert net.infer(torch.tensor([[2.5]])).tolist() == [[3.0]]
    assert (net.input_fraction_bits, net.output_fraction_bits) == (3, 2)
    assert net.shapes == (layer.shape,)


def make_layer(shape=(7, 5, 3, 2, 2), **changes):
    layer = random_net([ClosShape(*shape)], seed=0).layers[0]
    fields = {name: getattr(layer, name) for name in layer.__dataclass_fields__} | changes
    return QuantisedLayer(**fields)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"input_weight": torch.zeros(6, 2, dtype=torch.int64)},
            ShapeError,
            r"input_weight must have shape \(7, 2\) for layer \(7, 5, 3, 2, 2\), not \(6, 2\)",
        ),
        (
            {"bias": torch.zeros(5)},
            ModelError,
            "bias must be int64, not torch.float32",
        ),
        (
            {"activation_fraction_bits": (0, 0, 99, 0)},
            ModelError,
            "the middle stage's right shift must be 0 to 62, not -",
        ),
        (
            {"weight_fraction_bits": (63, 0, 0)},
            ModelError,
            "the input stage's right shift must be 0 to 62, not 63",
        ),
        (
            {"bias": torch.full((5,), 1 << 61)},
            ModelError,
            "bias must fit 62 bits, not 63",
        ),
    ],
)
def test_layers_that_cannot_work_are_refused(changes, error, message):
    with pytest.raises(error, match=message):
        make_layer(**changes)


def test_bias_bits_hold_every_bias():
    def bits(*values):
        return make_layer(bias=torch.tensor([*values, 0, 0, 0, 0])).bias_bits

    assert [bits(v) for v in (0, 1, -1, 127, 128, -128, -129)] == [1, 2, 1, 8, 9, 8, 9]


@pytest.mark.parametrize("bits", [3, 19])
def test_widths_out_of_range_are_refused(bits):
    with pytest.raises(ModelError, match=f"act_bits must be 4 to 18, not {bits}"):
        QuantisedNet((make_layer(),), bits, 16)
    with pytest.raises(ModelError, match=f"weight_bits must be 4 to 18, not {bits}"):
        QuantisedNet((make_layer(),), 16, bits)


def test_nets_that_cannot_work_are_refused():
    with pytest.raises(ModelError, match="at least one layer"):
        QuantisedNet((), 16, 16)
    with pytest.raises(ModelError, match=r"layer 0: input_weight must fit weight_bits = 8 bits"):
        QuantisedNet((make_layer(),), 16, 8)
    with pytest.raises(ShapeError, match="layer 1: in_features must be 5.*not 7"):
        QuantisedNet((make_layer(), make_layer()), 16, 16)
    with pytest.raises(ModelError, match="layer 1: its input must have 0 fraction bits.*not 1"):
        second = make_layer(
            (5, 4, 2, 2, 2), activation_fraction_bits=(1, 0, 0, 0), weight_fraction_bits=(8, 8, 8)
        )
        QuantisedNet((make_layer(), second), 16, 16)


def test_inputs_that_do_not_fit_are_refused():
    net = random_net([ClosShape(7, 5, 3, 2, 2)], seed=0, act_bits=8)
    with pytest.raises(ShapeError, match=r"input must have shape \[N, 7\], not \[2, 6\]"):
        net.forward_words(torch.zeros(2, 6, dtype=torch.int64))
    with pytest.raises(ShapeError, match=r"input must have shape \[N, 7\], not \[7\]"):
        net.infer(torch.zeros(7))
    with pytest.raises(ModelError, match="input words must be int64, not torch.float32"):
        net.forward_words(torch.zeros(2, 7))
    with pytest.raises(ModelError, match="input words must fit act_bits = 8 bits, but need 9"):
        net.forward_words(torch.full((1, 7), 128))
    with pytest.raises(ModelError, match="must be finite"):
        net.infer(torch.full((1, 7), float("nan")))
    assert net.forward_words(torch.zeros(0, 7, dtype=torch.int64)).shape == (0, 5)
