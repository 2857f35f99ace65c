"""The fastest bit rates that boards and their adapters carry, and those that neither has."""

import pytest

from fpga.adapters import FT231X, FT2232H
from fpga.board_design import board_link
from fpga.boards import BOARDS
from fpga.errors import BoardError
from hw.config import ConfigError
from tests.support.command_line import fail


@pytest.mark.parametrize("adapter, rates, missing", [
    # FTDI: "the maximum is 3M baud"; 2M is a special case; then 3M over n/8 from n = 16 on.
    (FT231X, (3_000_000, 2_000_000, 1_500_000, 1_000_000, 921_600, 115_200, 9_600),
     (2_500_000, 1_700_000, 3_100_000)),
    (FT2232H, (12_000_000, 8_000_000, 6_000_000, 3_000_000, 1_000_000, 9_600),
     (10_000_000, 7_000_000)),
])
def test_rates(adapter, rates, missing):
    assert all(adapter.has(rate) for rate in rates)
    assert not any(adapter.has(rate) for rate in missing)
    assert adapter.nearest(adapter.most_baud * 5) == adapter.most_baud


# A clock that the PLL makes for the board's fastest rate; without one, the fastest of its own.
@pytest.mark.parametrize("name, clock_hz, baud", [
    ("ulx3s-85f", 48_000_000, 3_000_000), ("ulx3s-25f", 24_000_000, 3_000_000),
    ("ecpix5-85f", 48_000_000, 12_000_000), ("ecpix5-85f", None, 12_000_000),
    ("icebreaker", 48_000_000, 12_000_000), ("icebreaker", None, 3_000_000),
    ("tangnano9k", None, 3_000_000)])
def test_the_fastest_rates(name, clock_hz, baud):
    board = BOARDS[name]
    if name == "ecpix5-85f" and clock_hz is None:
        with pytest.raises(ConfigError, match="baud must be within 2% of a whole number of cycles"):
            board_link(board, baud, clock_hz)
        return
    link = board_link(board, baud, clock_hz)
    assert link.bit_cycles >= 4 and link.baud == baud


@pytest.mark.parametrize("name, baud, message", [
    ("ulx3s-85f", 12_000_000, "the FT231X of ulx3s-85f has, at most 3000000, such as 3000000, not"),
    ("ulx3s-85f", 2_500_000, "the FT231X of ulx3s-85f has, at most 3000000, such as [23]000000"),
    ("tangnano9k", 4_000_000, "the BL702 of tangnano9k has, at most 3000000"),
    ("icebreaker", 12_500_000, "the FT2232H of icebreaker has, at most 12000000")])
def test_rates_that_an_adapter_has_not_are_refused(name, baud, message, tmp_path):
    with pytest.raises(BoardError, match=message):
        board_link(BOARDS[name], baud)
    fail(2, f"--baud must be a rate that {message}", "build", "--board", name, "--baud", baud,
         "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_rate_that_the_clock_does_not_make_is_refused(tmp_path):
    fail(2, "--baud must be at most 3000000, a bit of 4 cycles", "build", "--board", "icebreaker",
         "--baud", 6_000_000, "-o", tmp_path / "out")


def test_a_rate_below_those_of_the_link_is_refused_in_the_words_of_the_link(tmp_path):
    with pytest.raises(ConfigError, match="baud must be 9600 to 12000000, not 0"):
        board_link(BOARDS["icebreaker"], 0)
    fail(2, "--baud must be 9600 to 12000000, not 0", "build", "--board", "icebreaker",
         "--baud", 0, "-o", tmp_path / "out")
