"""A simulated board whose torus has `checks`: what its host hears of a flipped bit."""

import dataclasses
import re

import numpy as np
import pytest

from hw.mac import mac
from sim.model.board import SIM_LINK, BoardModel
from sim.model.board_terminal import BoardTerminal
from sim.model.wire import Damage
from sw_driver.errors import FaultError, MissingError
from sw_driver.serial import Patience, SerialDevice
from tests.support.boards import CHECKED_CONFIG, small

pytestmark = pytest.mark.usefixtures("toolchain")

# A busy machine may leave a simulated board without a processor for long.
PATIENCE = Patience(answer_s=30.0, poll_s=0.2)


def flipped_weights(monkeypatch, compiled):
    """A board with the net's weights in it, of which a bit is flipped in each of one PE."""
    images, elements = compiled.executable.images, []
    whole = mac.Mac._weight_patterns

    def patterns(made):
        elements.append(made)
        flips = len(elements) == 2  # PE (0, 1).
        return [word ^ 4 if flips else word for word in whole(made)]

    monkeypatch.setattr(mac.Mac, "_weight_patterns", patterns)
    board = BoardModel.of(CHECKED_CONFIG, weights=images.weights, biases=images.biases)
    monkeypatch.undo()
    assert len(elements) == 2
    return board


@pytest.mark.parametrize("damage", [
    Damage(), pytest.param(Damage(10.0, seed=3), marks=pytest.mark.slow),
], ids=["clean", "damaged"])
def test_the_host_hears_which_memory_it_is(damage, monkeypatch):
    """The run ends in one line that names the memory and its PE; the net must be loaded again."""
    compiled, words, _ = small(9, CHECKED_CONFIG)
    with (flipped_weights(monkeypatch, compiled) as board, BoardTerminal(board, damage) as terminal,
          SerialDevice(terminal.port, patience=PATIENCE) as device):
        device.load(compiled)
        for _ in range(2):
            with pytest.raises(FaultError, match=re.escape(
                    "parity of the weight memory of PE (0, 1) failed")):
                device.infer_words(words)
            with pytest.raises(MissingError, match="the net must be loaded again"):
                device.infer_words(words)
            device.load(compiled)


@pytest.mark.slow
@pytest.mark.parametrize("input_bits", [0, 8])
def test_a_board_without_faults_computes_as_ever(input_bits):
    """Also one that takes packed beats, and over wires that damage bytes."""
    compiled, words, expected = small(9, CHECKED_CONFIG, pixels=bool(input_bits))
    link = dataclasses.replace(SIM_LINK, input_bits=input_bits)
    with BoardModel.of(CHECKED_CONFIG, link) as board:
        for damage in (Damage(), Damage(10.0, seed=3)):
            with (BoardTerminal(board, damage) as terminal,
                  SerialDevice(terminal.port, patience=PATIENCE) as device):
                device.load(compiled)
                np.testing.assert_array_equal(device.infer_words(words), expected)
                assert device.figures.packed_beats > 0 or not input_bits
