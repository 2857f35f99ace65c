"""The pins of a FIFO that a user names, and what the build makes of them."""

import pytest

from fpga.board_design import board_config, board_design, board_link
from fpga.boards import BOARDS
from fpga.constraints import constraints
from fpga.errors import BoardError, FlowFailed
from fpga.fifo_pins import FIFO_PORTS, read_fifo_pins
from fpga.place_route import read_routed
from tests.support.command_line import fail

BOARD = BOARDS["ulx3s-85f"]
SITES = ("C11", "B11", "A10", "A11", "A9", "B10", "B9", "C10", "A7", "A8", "C8", "B8", "C6", "C7",
         "A6")
LINES = [f"{port} {site}  # of the module" for port, site in zip(FIFO_PORTS, SITES, strict=True)]


def written(path, lines):
    path.write_text("# a module on a header\n\n" + "\n".join(lines) + "\n")
    return path


@pytest.mark.slow
def test_constraints_and_ports(tmp_path):
    pins = read_fifo_pins(written(tmp_path / "pins", reversed(LINES)), BOARD)
    assert {port: pin.name for port, pin in pins.items()} == dict(
        zip(FIFO_PORTS, SITES, strict=True))
    text = constraints(BOARD, 25, pins)
    assert 'FREQUENCY PORT "clkout" 60 MHZ;' in text and 'FREQUENCY PORT "clk" 25 MHZ;' in text
    assert 'LOCATE COMP "data[7]" SITE "A6";' in text and '"rx"' not in text
    assert 'IOBUF PORT "clkout" IO_TYPE=LVCMOS33;' in text
    link = board_link(BOARD, 1_000_000, fifo=True)
    assert (link.fifo, link.registered, link.buffer_bytes) == (True, True, 4096)
    design = board_design(BOARD, board_config(BOARD, 1, 1), link)
    top = design[design.index("module board("):]
    assert all(port.removesuffix(f"[{port[-2]}]") in top for port in FIFO_PORTS)
    assert top.count('TRELLIS_IO #(.DIR("BIDIR"))') == 8 and "input rx," not in top


@pytest.mark.parametrize("lines, message", [
    (LINES[1:], r"must name a pin for each of clkout, .*: clkout is missing"),
    ([*LINES, "rx B4"], r"line 18 of .* must name one of .* not named yet, not 'rx'"),
    ([*LINES, "rd B4"], r"line 18 of .* must name one of .* not named yet, not 'rd'"),
    ([*LINES[1:], "clkout"], r"line 17 of .* must have one pin for clkout, such as B11, not ''"),
    ([*LINES[1:], "clkout pin3"], r"must have one pin for clkout, such as B11, not 'pin3'"),
    ([*LINES[1:], "clkout B11"], r"a free pin for clkout, not B11, which is that of rxf"),
    ([*LINES[1:], "clkout G2"], r"a free pin for clkout, not G2, which is that of clk"),
])
def test_bad_files(tmp_path, lines, message):
    with pytest.raises(BoardError, match=message):
        read_fifo_pins(written(tmp_path / "pins", lines), BOARD)


def test_bad_input(tmp_path):
    pins, out = written(tmp_path / "pins", LINES), ("-o", tmp_path / "out")
    fail(2, "--fifo-pins needs a board with an ECP5, not icebreaker", "build", "--board",
         "icebreaker", "--fifo-pins", pins, *out)
    fail(2, "--fifo-pins must be a text file of ports and pins", "build", "--board", "ulx3s-85f",
         "--fifo-pins", tmp_path / "none", *out)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("chip_mhz", [61.0, 59.0])
def test_the_clock_of_the_chip(tmp_path, chip_mhz):
    report = tmp_path / "timing.json"
    report.write_text(f"""{{
        "fmax": {{"$glbnet$clk": {{"achieved": 90.0, "constraint": 25.0}},
                  "$glbnet$clkout$TRELLIS_IO_IN": {{"achieved": {chip_mhz}, "constraint": 60.0}}}},
        "critical_paths": [{{"from": "posedge $glbnet$clk", "to": "posedge $glbnet$clk",
                             "path": []}}],
        "utilization": {{"DP16KD": {{"used": 19, "available": 56}}}}}}""")
    if chip_mhz > 60:
        routed = read_routed(report)
        assert (routed.fmax_mhz, routed.fifo_mhz) == (90.0, 61.0)
    else:
        with pytest.raises(FlowFailed, match="must reach 60 MHz, that of CLKOUT, and reaches 59.0"):
            read_routed(report)
