"""The fastest torus for a net on a board: as trying all of them finds it, and why."""

import dataclasses
import itertools

import pytest

from fpga.boards import BOARDS
from fpga.capacity import fits
from fpga.errors import BoardError
from fpga.lane_search import least_config, propose
from golden import ClosShape, ShapeError
from golden.layers.dense import DenseShape
from golden.vectors.nets import random_net
from hw.lane_sizes import LANES_IN, LANES_OUT
from sw_driver.compiler import compile

BOARD = BOARDS["ulx3s-25f"]
SHAPE = ClosShape(32, 24, 4, 4, 4)


def test_the_fastest_lanes_are_found():
    """All lanes that fit a 2x2 torus, compiled one by one, are no faster."""
    proposal = propose(BOARD, [SHAPE], torus=(2, 2))
    net = random_net([SHAPE], seed=0)
    cycles = []
    for lanes in itertools.product(LANES_IN, LANES_OUT):
        if 4 * lanes[0] * lanes[1] <= BOARD.capacity.multipliers:
            least = least_config(BOARD, 2, 2, *lanes, host_bits=256)
            cycles.append(compile(net, least, grow=True).prediction.cycles)
    assert proposal.tried[0].cycles <= min(cycles)
    assert proposal.best.cycles <= 1.05 * proposal.tried[0].cycles
    assert fits(BOARD, proposal.best.usage)
    assert [one.cycles for one in proposal.tried] == sorted(one.cycles for one in proposal.tried)


def test_a_net_that_is_compiled_for_it_takes_what_was_said():
    proposal = propose(BOARD, [SHAPE], lanes=(2, 1))
    compiled = compile(random_net([SHAPE], seed=7), proposal.least, grow=True)
    assert compiled.prediction.cycles == proposal.best.cycles
    config, found = compiled.config, proposal.best.config
    assert (config.lanes_in, config.lanes_out) == (2, 1)
    for name in ("rows", "cols", "host_bits", "buffer_words", "weight_words", "bias_words",
                 "program_words"):
        assert getattr(config, name) == getattr(found, name), name


def test_links_of_two_words_are_searched_where_they_are_asked_for():
    """No torus of such links has a lower bound than it takes; a row ring then holds up less."""
    net = ClosShape(64, 64, 8, 8, 8)
    one, two = (propose(BOARD, [net], torus=(2, 1), link_words=words) for words in (1, 2))
    assert all(tried.config.link_words == 2 == tried.config.lanes_in for tried in two.tried)
    assert two.least.link_words == 2 and "and link-words 2 takes" in two.reason
    assert two.best.cycles <= one.best.cycles


def test_memories_are_no_larger_than_the_net_needs():
    config = propose(BOARD, [SHAPE], torus=(2, 2), lanes=(1, 1)).best.config
    assert config.bias_words == 8  # 24 outputs on 4 elements.
    assert config.weight_words == 128  # 320 weights, some of padding.
    assert config.buffer_words <= 64


def test_dense_layers_are_cut_for_each_torus():
    proposal = propose(BOARD, [SHAPE, DenseShape(24, 10)], lanes=(2, 2))
    assert proposal.best.cycles > 0


def test_the_reason_names_what_bounds_it_and_what_a_faster_one_lacks():
    small = dataclasses.replace(BOARD, capacity=dataclasses.replace(
        BOARD.capacity, multipliers=2))
    reason = propose(small, [ClosShape(64, 64, 8, 8, 8)], torus=(1, 1)).reason
    assert "lanes-in 2 and lanes-out 1 takes" in reason or "lanes-out 2 takes" in reason
    assert "MAC-bound" in reason
    assert "of 2 multipliers" in reason


@pytest.mark.parametrize("board, arguments, message", [
    ("ulx3s-25f", {"torus": (4, 4)}, "holds no torus for this net: .* of 56 block RAMs"),
    ("ulx3s-85f", {"torus": (4, 4), "lanes": (2, 8)}, "needs an estimated 256 of 156 multipliers"),
    ("ulx3s-85f", {"act_bits": 3}, "no torus of those asked for .* act_bits must be 4 to 18"),
    ("icebreaker", {"weight_bits": 18}, "weight_bits must be at most 16 .* icebreaker"),
    ("tangnano9k", {}, "needs a board whose part the resource model knows, not tangnano9k"),
])
def test_what_cannot_be_is_refused_by_name(board, arguments, message):
    with pytest.raises(BoardError, match=message):
        propose(BOARDS[board], [SHAPE], **arguments)


def test_layers_that_are_no_chain_are_refused():
    with pytest.raises(ShapeError, match="layer 1"):
        propose(BOARD, [SHAPE, ClosShape(64, 10, 8, 8, 5)])
