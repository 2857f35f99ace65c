"""Beats as lines of hex digits: whole, in order, and none of unknown bits."""

import numpy as np
import pytest

from sim.errors import SimError
from sim.testbenches.host_lines import beats_of_lines, lines_of_beats


@pytest.mark.parametrize("host_bits", [32, 64, 256])
def test_lines_are_the_beats(host_bits):
    beats = np.random.default_rng(1).integers(1 << 32, size=(5, host_bits // 32), dtype=np.uint32)
    np.testing.assert_array_equal(beats_of_lines(lines_of_beats(beats), host_bits), beats)
    assert beats_of_lines("", host_bits).shape == (0, host_bits // 32)


def test_a_line_begins_with_the_high_word():
    assert lines_of_beats(np.array([[0x1234, 0xabcdef]], np.uint32)) == "00abcdef00001234\n"


@pytest.mark.parametrize("line", ["0000000x", "zzzzzzzz", "1234", "123456789", "+1234567"])
def test_what_is_no_beat_is_refused(line):
    with pytest.raises(SimError, match="line 2 must be a beat of 8 hex digits, not"):
        beats_of_lines(f"01234567\n{line}\n", 32)
