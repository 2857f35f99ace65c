"""Nets of the search: from layers, from a file, and trained for a short while."""

import pytest

from fpga.explore.nets import (
    from_layers,
    from_model,
    judged,
    layers_text,
    parse_layers,
    quantised,
)
from fpga.explore.space import cut_like
from fpga.explore.variants import variants
from golden import ClosNet, ClosShape, fixed_point_error, quantise, save_model
from golden.data.datasets import load
from golden.data.source import Source
from golden.errors import GoldenError
from golden.layers.dense import DenseShape, without_cuts
from sw_driver.errors import DriverError

LAYERS = "64,16,8,2,4 16,10,4,4,5"


def test_layers_are_read_as_they_are_written():
    shapes = ClosShape(64, 16, 8, 2, 4), DenseShape(16, 10)
    text = layers_text(shapes)
    assert text == "64,16,8,2,4 16,10" and parse_layers(text) == shapes
    assert layers_text([DenseShape(16, 10, (0, 8))]) == "16,10"


@pytest.mark.parametrize(("text", "wrong"), [
    ("", "not nothing"), ("64,10,8", "five whole numbers"),
    ("64,16,8,2,4 15,10", "16 outputs, and .15, 10. after it 15 inputs"),
])
def test_what_is_no_net_is_refused(text, wrong):
    with pytest.raises((DriverError, GoldenError), match=wrong):
        parse_layers(text)


def test_a_file_gives_its_own_words_and_their_accuracy(tmp_path):
    model, path = ClosNet(parse_layers(LAYERS)), tmp_path / "model.pt"
    save_model(path, model, data="digits")
    nets = from_model(path)
    split = load("digits")
    assert nets.layers == LAYERS and nets.data == Source("digits")
    net = quantise(model, split.train_x, act_bits=9, weight_bits=9)
    found = quantised(nets, LAYERS, 9, 2, 2)
    assert (found.layers[0].input_weight == net.layers[0].input_weight).all()
    error = fixed_point_error(model, net, split.train_x, split.train_y)
    assert judged(nets, LAYERS, 9, 2, 2) == (error.accuracy, error.float_accuracy)
    save_model(path, ClosNet(parse_layers(LAYERS)), data="digits")
    assert from_model(path).digest != nets.digest


def test_layers_are_trained_and_judged_on_samples_held_back():
    trained = from_layers(LAYERS, Source("digits"), epochs=2)
    words, in_float = judged(trained, LAYERS, 16, 1, 1)
    assert 0.3 < in_float <= 1 and abs(words - in_float) < 0.02
    assert judged(trained, LAYERS, 16, 1, 1) == (words, in_float)
    assert len({from_layers(LAYERS, Source("digits"), epochs=one).digest for one in (1, 2)}) == 2


def test_without_data_there_is_nothing_to_judge():
    nets = from_layers(LAYERS)
    assert without_cuts(quantised(nets, LAYERS, 16, 2, 2).shapes) == parse_layers(LAYERS)
    with pytest.raises(DriverError, match="data must be given"):
        judged(nets, LAYERS, 16, 2, 2)


def test_sizes_that_cut_dense_layers_alike_are_judged_once():
    sizes = [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert set(cut_like(parse_layers(LAYERS), sizes).values()) == {(1, 1)}
    dense = cut_like([DenseShape(64, 10), DenseShape(10, 10)], sizes)
    assert dense[1, 1] == (1, 1) and dense[2, 1] != (1, 1)


@pytest.mark.parametrize("layers", [LAYERS, "64,10", "784,256,28,8,16 256,10"])
def test_variants_have_the_same_sizes_and_no_more_weights(layers):
    given = parse_layers(layers)
    found = [parse_layers(text) for text in variants(given)]
    assert found[0] == given and len(set(found)) == len(found) >= 3
    for shapes in found:
        assert [(one.in_features, one.out_features) for one in shapes] == [
            (one.in_features, one.out_features) for one in given]
        assert sum(one.parameters for one in shapes) <= sum(one.parameters for one in given)
