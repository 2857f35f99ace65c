"""Rows of weights, regions and steps of a torus whose MACs have lanes."""

import numpy as np
import pytest

from golden import ClosShape
from golden.layers.dense import DenseShape
from golden.vectors.nets import random_net, random_words
from sw_driver.compiler import compile
from sw_driver.errors import DriverError
from sw_driver.plan.mac_lanes import ONE_LANE, MacLanes
from sw_driver.plan.placement import cut_dense

LANES = [(1, 1), (2, 1), (1, 2), (2, 4)]
NET = (ClosShape(33, 17, 5, 3, 4), ClosShape(17, 10, 4, 7, 3))


@pytest.mark.parametrize("word_step", [1, 3])
@pytest.mark.parametrize("words, sums", LANES)
@pytest.mark.parametrize("outputs, region", [(1, 1), (3, 7), (5, 8), (8, 9)])
def test_every_weight_lies_where_its_word_and_its_sum_are(words, sums, outputs, region, word_step):
    lanes = MacLanes(words, sums)
    fan_in = -(-region // word_step)
    places = np.arange(2 * outputs * fan_in).reshape(2, outputs, fan_in)
    rows = lanes.rows(places, word_step)
    steps = lanes.steps(region, word_step)
    assert rows.shape == (2, lanes.walks(outputs) * steps * lanes.count)
    for rep in range(2):
        found = rows[rep].tolist()
        for output in range(outputs):
            for index in range(fan_in):
                word = index * word_step
                step, half = divmod(word, words) if word_step <= words else (index, word % words)
                row = output // sums * steps + step
                at = (row * sums + output % sums) * words + half
                assert found[at] == places[rep, output, index]
                found[at] = -1
        assert set(found) == {-1}


@pytest.mark.parametrize("words, sums, region, outputs, cycles", [
    (1, 1, 7, 3, 21), (2, 1, 7, 3, 12), (1, 2, 7, 3, 14), (2, 2, 7, 3, 8), (2, 4, 8, 8, 8),
    (2, 8, 4, 8, 8), (1, 8, 1, 5, 5),
])
def test_sums_leave_one_a_cycle(words, sums, region, outputs, cycles):
    assert MacLanes(words, sums).cycles(region, outputs) == cycles


@pytest.mark.parametrize("torus", ["1x1", "2x3", "8x2"])
@pytest.mark.parametrize("lanes_in, lanes_out", LANES[1:])
def test_regions_begin_at_rows_and_memories_hold_whole_ones(lanes_in, lanes_out, torus):
    compiled = compile(random_net(NET, seed=3), torus, lanes_in=lanes_in, lanes_out=lanes_out)
    config, lanes = compiled.config, MacLanes(lanes_in, lanes_out)
    assert (config.lanes_in, config.lanes_out) == (lanes_in, lanes_out)
    for stage, entries in zip(compiled.stages, compiled.entries, strict=True):
        assert stage.lanes == lanes
        assert all(entry.base % lanes_in == entry.stride % lanes_in == 0 for entry in entries)
    rows = sum(stage.weight_rows for stage in compiled.stages)
    assert compiled.executable.images.weights.shape[2] == rows * lanes.count
    assert config.weight_words % config.row_weights == 0


def test_lanes_take_fewer_cycles_for_the_same_words():
    net = random_net([ClosShape(64, 64, 8, 8, 8)], seed=1)
    plain, fast = (compile(net, "2x2", lanes_in=lanes, lanes_out=lanes) for lanes in (1, 2))
    assert plain.prediction.bounds["MAC"] == 4 * fast.prediction.bounds["MAC"]
    assert fast.prediction.cycles < plain.prediction.cycles / 2
    assert plain.stages[0].lanes == ONE_LANE
    assert fast.prediction.ideal_cycles == plain.prediction.ideal_cycles / 4


def test_what_lanes_do_not_take():
    net = random_net([ClosShape(8, 8, 2, 2, 2)], seed=1)
    with pytest.raises(DriverError, match="lanes_out must be one of 1, 2, 4, 8, not 3"):
        compile(net, "2x2", lanes_out=3)
    with pytest.raises(DriverError, match="lanes_in must be a whole number, not '2'"):
        compile(net, "2x2", lanes_in="2")  # pyright: ignore[reportArgumentType]


def test_dense_layers_have_the_same_cuts():
    """Which inputs are summed together does not depend on the lanes."""
    shapes = cut_dense([DenseShape(40, 24), ClosShape(24, 12, 4, 4, 4)], 4, 2)
    net = random_net(shapes, seed=5)
    x = random_words(net, 3, seed=5)
    assert net.forward_words(x).shape == (3, 12)
    for lanes_in, lanes_out in LANES:
        compiled = compile(net, (4, 2), lanes_in=lanes_in, lanes_out=lanes_out)
        assert compiled.shapes == tuple(shapes)
