"""Where blocks lie, how outputs are handed over, and that stages gather what they need."""

from random import Random

import numpy as np
import pytest

from golden import ClosShape
from golden.vectors.nets import random_net
from sw_driver.errors import FitError
from sw_driver.plan.columns import spread_over_columns
from sw_driver.plan.handover import hand_by_move, hand_in_row, hand_to_host, slots_in_order
from sw_driver.plan.images import build_images
from sw_driver.plan.placement import place
from sw_driver.plan.requantised import Requantised
from sw_driver.plan.stage import StageKind
from sw_driver.plan.stages import build_stages

TORI = [(1, 1), (1, 4), (4, 1), (2, 2), (3, 5), (6, 6)]


def stages_of(net, layers, rows, cols):
    requantised = [Requantised(layer.shifts, layer.finish) for layer in net.layers]
    return build_stages(layers, requantised, net.weight_bits, rows, cols)


def random_pair(seed):
    random = Random(seed)
    between = random.randint(1, 40)
    left = ClosShape(9, between, 3, 2, random.randint(1, between))
    right = ClosShape(between, 7, random.randint(1, between), 2, 3)
    return left, right


@pytest.mark.parametrize("seed", range(40))
def test_columns_are_spread_evenly_for_both_sides(seed):
    random = Random(seed)
    neurons, cols = random.randint(1, 60), random.randint(1, 7)
    sides = [np.array([random.randrange(random.randint(1, 9)) for _ in range(neurons)])
             for _ in range(2)]
    columns = np.array(spread_over_columns(*sides, cols))
    assert columns.min() >= 0 and columns.max() < cols
    for side in sides:
        for block in np.unique(side):
            counts = np.bincount(columns[side == block], minlength=cols)
            assert counts.max() <= -(-counts.sum() // cols), f"seed {seed}"


def test_slots_in_order():
    np.testing.assert_array_equal(slots_in_order(5, 3), [[0, 1], [2, 3], [4, -1]])
    np.testing.assert_array_equal(slots_in_order(2, 3), [[0], [1], [-1]])


def check_handover(handover, left, right, rows, cols):
    """Every neuron is made once, by a PE whose row has its block, in the slot of its repetition."""
    made = handover.neurons[handover.neurons >= 0]
    np.testing.assert_array_equal(np.sort(made), np.arange(left.out_features))
    block_of = np.repeat(np.arange(left.output_routers), [b - a for a, b in left.output_blocks])
    for rep, row in np.ndindex(len(handover.slots), rows):
        neurons = handover.neurons[rep, row]
        block = handover.output_slots[row, handover.slots[rep]]
        assert (block_of[neurons[neurons >= 0]] == block).all()
    if right is None:
        return
    assert sorted(handover.input_slots[handover.input_slots >= 0]) == list(
        range(right.input_routers))
    if handover.moved is None:
        # Repetitions that go to one region make exactly the inputs of that slot's block.
        for row, slot in np.ndindex(*handover.input_slots.shape):
            neurons = handover.neurons[handover.targets[:, 0] == slot, row]
            block = handover.input_slots[row, slot]
            wanted = range(*right.input_blocks[block]) if block >= 0 else []
            assert sorted(neurons[neurons >= 0]) == list(wanted)


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("rows, cols", TORI)
def test_handovers(rows, cols, seed):
    left, right = random_pair(seed)
    check_handover(hand_to_host(left, rows, cols), left, None, rows, cols)
    check_handover(hand_in_row(left, right, rows, cols), left, right, rows, cols)
    check_handover(hand_by_move(left, right, rows, cols), left, right, rows, cols)


def test_blocks_that_line_up_need_no_move():
    """As many output blocks as input blocks, or a divisor: the same rows, no padding."""
    for readers in (4, 8, 16):
        left, right = ClosShape(64, 64, 8, 8, 8), ClosShape(64, 16, readers, 4, 4)
        layers = place([left, right], 4, 4)
        assert layers[0].handover.moved is None
        assert layers[0].mac_cycles == left.parameters // 16
        assert layers[1].mac_cycles == right.parameters // 16


def test_blocks_that_straddle_rows_are_moved_when_that_is_cheaper():
    layers = place([ClosShape(40, 40, 8, 4, 8), ClosShape(40, 40, 5, 4, 5)], 4, 4)
    assert layers[0].handover.moved is not None
    stages = stages_of(random_net([layer.shape for layer in layers], seed=1), layers, 4, 4)
    assert [stage.kind for stage in stages][3] is StageKind.MOVE
    assert sum(stage.mac_cycles for stage in stages) == sum(layer.mac_cycles for layer in layers)


def test_placement_is_the_cheapest_of_all_choices():
    """The chain as a whole, not each boundary by itself."""
    shapes = [ClosShape(24, 20, 6, 3, 5), ClosShape(20, 18, 4, 5, 6), ClosShape(18, 8, 9, 3, 4)]
    rows, cols = 3, 2
    chosen = sum(layer.mac_cycles for layer in place(shapes, rows, cols))
    costs = []
    for first in (hand_in_row, hand_by_move):
        for second in (hand_in_row, hand_by_move):
            ways = [first(shapes[0], shapes[1], rows, cols),
                    second(shapes[1], shapes[2], rows, cols),
                    hand_to_host(shapes[2], rows, cols)]
            cost, slots, words = 0, -(-shapes[0].input_routers // rows), shapes[0].fan_ins[0]
            for shape, way in zip(shapes, ways, strict=True):
                middle = -(-shape.middle_routers // cols)
                reps, _, _, outputs = way.neurons.shape
                cost += slots * words * middle
                cost += middle * rows * slots * way.output_slots.shape[1]
                cost += reps * cols * middle * outputs
                if way.moved is not None:
                    cost += way.moved.shape[0] * way.moved.shape[3] * rows * way.own
                if way.input_slots is not None:
                    slots = way.input_slots.shape[1]
                    own = way.own if way.moved is None else way.moved.shape[3]
                    words = own * cols
            costs.append(cost)
    assert chosen == min(costs)


@pytest.mark.parametrize("rows, cols", [(1, 3), (3, 1), (3, 4)])
def test_order_in_which_words_are_seen(rows, cols):
    """docs/architecture.md, section 2: one's own words, then those of upstream neighbours."""
    net = random_net([ClosShape(12, 12, 4, 5, 4)], seed=1)
    stages = stages_of(net, place(net.shapes, rows, cols), rows, cols)
    middle, output = stages[1], stages[2]
    for row, col in np.ndindex(rows, cols):
        for stage, (row_step, col_step), length in ((middle, (1, 0), rows), (output, (0, 1), cols)):
            for distance in range(length):
                place_there = stage.sources[:, (row - distance * row_step) % rows,
                                            (col - distance * col_step) % cols, :stage.own]
                here = stage.sources[:, row, col, distance * stage.own:(distance + 1) * stage.own]
                np.testing.assert_array_equal(here, place_there)


def test_images_hold_every_weight_once():
    net = random_net([ClosShape(20, 18, 4, 3, 6), ClosShape(18, 11, 4, 2, 3)], seed=2,
                     weight_bits=18)
    rows, cols = 3, 2
    stages = stages_of(net, place(net.shapes, rows, cols), rows, cols)
    images = build_images(net, stages)
    weights = np.concatenate([
        tensor.numpy().ravel() for layer in net.layers
        for tensor in (layer.input_weight, layer.middle_weight, layer.output_weight)])
    # A move multiplies by what its shift takes away again.
    moves = [np.full((stage.results >= 0).sum(), 1 << stage.shift)
             for stage in stages if stage.kind is StageKind.MOVE]
    expected = np.sort(np.concatenate([weights[weights != 0], *moves]))
    found = np.sort(images.weights[images.weights != 0])
    np.testing.assert_array_equal(found, expected)
    biases = np.concatenate([layer.bias.numpy() for layer in net.layers])
    np.testing.assert_array_equal(np.sort(images.biases[images.biases != 0]),
                                  np.sort(biases[biases != 0]))


def test_a_sum_that_misses_a_value_is_refused():
    net = random_net([ClosShape(8, 8, 4, 2, 4)], seed=3)
    stages = list(stages_of(net, place(net.shapes, 2, 2), 2, 2))
    for spoil in (lambda sources: sources[0, 0, 0].fill(-1),
                  lambda sources: sources[0, 0, 0].fill(sources.max())):
        spoilt = list(stages)
        sources = stages[1].sources.copy()
        spoil(sources)
        spoilt[1] = type(stages[1])(**{**vars(stages[1]), "sources": sources})
        with pytest.raises(FitError, match="layer 0 V: a sum would not be over exactly"):
            build_images(net, spoilt)
