"""Boards: their pins and clocks, what fits them, and what is refused."""

import dataclasses
import re

import pytest
from typer.main import get_command

from fpga.board_design import board_config, board_design, board_link
from fpga.boards import BOARDS, find_board
from fpga.capacity import board_estimate, check_estimate, check_usage, fits, usage
from fpga.constraints import constraints
from fpga.errors import BoardError
from fpga.families import ECP5
from fpga.plan import plan
from fpga.pll import make_clock
from fpga.resources import estimate, is_measured, model_errors
from golden.system.status import BAD_INPUT, exit_status
from hw.link_config import LinkConfig
from sw_driver.cli import app
from tests.support.board_builds import AREA
from tests.support.command_line import fail
from tests.support.project import ROOT

MEASURED = [board for board in BOARDS.values() if is_measured(board.family)]


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_every_port_has_a_pin(board):
    text = constraints(board, 12)
    lines = [re.split(r'[\s";{}\[\]]+', line) for line in text.splitlines()]
    for port, pin in board.pins().items():
        assert any({port, pin.name} <= set(words) for words in lines), f"{port} of {board.name}"
    LinkConfig(clock_hz=board.clock_hz)  # A million baud can be made of its clock.


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_the_page_and_the_help_know_every_board(board):
    table = (ROOT / "docs" / "fpga.md").read_text().split("| board | part |")[1].split("\n\n")[0]
    [row] = re.findall(rf"^\| {board.name} \| [^|]+ \| (.*) \|$", table, re.M)
    cells = board.capacity
    assert row.split(" | ") == [f"{number:g}" for number in (
        board.clock_hz / 1e6, cells.luts, cells.flip_flops, cells.multipliers, cells.block_rams)]
    [option] = [one for one in get_command(app).commands["build"].params if one.name == "board"]
    assert board.name in re.split(r", | or |\.", option.help)


def test_known_pins():
    """From the boards' own documents: ULX3S v3, iCEBreaker v1.0e."""
    assert {port: pin.name for port, pin in BOARDS["ulx3s-85f"].pins().items()} == {
        "clk": "G2", "rx": "M1", "tx": "L4", "led": "B2"}
    assert {port: pin.name for port, pin in BOARDS["icebreaker"].pins().items()} == {
        "clk": "35", "rx": "6", "tx": "9", "led": "11"}
    assert {port: pin.name for port, pin in BOARDS["tangprimer20k"].pins().items()} == {
        "clk": "H11", "rx": "T13", "tx": "M11", "led": "C13"}


@pytest.mark.slow
def test_lights_that_are_on_when_low_are_inverted():
    for name, text in (("icebreaker", "assign led = ~led_level"),
                       ("ulx3s-85f", "assign led = led_level")):
        board = BOARDS[name]
        link = board_link(board, 1_000_000)
        assert link.registered == (name != "icebreaker")
        design = board_design(board, board_config(board, 1, 1), link)
        assert text in design
        assert not any(part in design for part in (".py", "/home/", "/tmp/", "/root/", "/work/"))


def test_an_unknown_board_is_refused():
    with pytest.raises(BoardError, match="board must be one of ulx3s-85f, .*, not 'de10'") as error:
        find_board("de10")
    assert exit_status(error.value) == BAD_INPUT
    for name, why in (("machxo3-sk", "a MachXO has no multipliers"),
                      ("GateMate-EVB", "products take logic cells on a GateMate")):
        with pytest.raises(BoardError, match=f"lifcl-40-evn, not '{name}': {why}$"):
            find_board(name)


@pytest.mark.parametrize("board", MEASURED, ids=lambda board: board.name)
def test_the_largest_torus_fits_and_no_larger_one(board):
    found = plan(board)
    check_estimate(board, found.config)
    assert fits(board, found.usage)
    config = found.config
    larger = dataclasses.replace(config, rows=2 * config.rows, cols=2 * config.cols)
    with pytest.raises(BoardError, match=f"does not fit {board.name}: it needs an estimated"):
        check_estimate(board, larger)
    assert not fits(board, board_estimate(
        board, dataclasses.replace(config, weight_words=2 * config.weight_words)))


def test_a_part_without_measured_areas_is_not_estimated():
    names = ", ".join(board.name for board in MEASURED)
    fail(2, rf"board must be one .* knows \({names}\), not tangnano9k: `clostorus build --board "
         "tangnano9k` finds out", "plan", "--board", "tangnano9k")
    board = BOARDS["tangnano9k"]
    with pytest.raises(BoardError, match="27 of 26 BRAM; try fewer elements"):
        check_usage(board, board_config(board, 1, 1),
                    usage(board, dataclasses.replace(AREA, block_rams=27)))


def test_the_model_is_as_good_as_it_says():
    errors = model_errors(ECP5)
    assert 0 < errors.mean <= errors.largest <= 0.15
    # Four times the elements: less than four times the cells, since gateways are per row.
    small, large = (estimate(board_config(BOARDS["ulx3s-85f"], n, n), ECP5) for n in (2, 4))
    assert 3 < large.luts / small.luts < 4
    assert large.multipliers == 16


def test_a_synthesised_torus_that_is_too_large_is_refused():
    board = BOARDS["icebreaker"]
    config = board_config(board, 1, 1)
    check_usage(board, config, usage(board, AREA))
    with pytest.raises(BoardError, match="1x1 does not fit icebreaker: it needs 31 of 30 BRAM"):
        check_usage(board, config, usage(board, dataclasses.replace(AREA, block_rams=31)))


@pytest.mark.parametrize("name, clock_mhz, message", [
    ("icebreaker", 300, "clock-mhz must be 16 to 275, what the PLL of icebreaker makes, not 300"),
    ("ulx3s-85f", -1, "clock-mhz must be 10 to 400, what the PLL of ulx3s-85f makes, not -1"),
    ("ulx3s-85f", float("nan"), "clock-mhz must be 10 to 400, .*, not nan"),
    ("tangnano9k", 54, "clock-mhz must be 27, the oscillator of tangnano9k, .*, not 54"),
])
def test_a_clock_that_cannot_be_made_is_refused(name, clock_mhz, message, tmp_path):
    with pytest.raises(BoardError, match=message):
        make_clock(BOARDS[name], clock_mhz, tmp_path)
