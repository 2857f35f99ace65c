"""`python -m fpga.lane_boards`: what is printed of a net's best torus, and bad input."""

import pytest

from fpga import lane_boards
from fpga.errors import BoardError
from golden import GoldenError
from sw_driver.errors import DriverError


def test_a_row_has_what_was_synthesised_beside_the_model(monkeypatch, capsys):
    counts = {"LUT": 4321, "FF": 3210, "DSP": 8, "BRAM": 17}
    asked = []

    def synthesised(board, config):
        asked.append((board.name, config.rows, config.cols, config.lanes_in, config.lanes_out))
        return counts

    monkeypatch.setattr(lane_boards, "synthesised", synthesised)
    assert lane_boards.main(["--board", "ulx3s-25f", "--torus", "2x1", "--lanes", "2x2",
                             "32,24,4,4,4+24,8,4,4,4"]) == 0
    assert asked == [("ulx3s-25f", 2, 1, 2, 2)]
    head, _, row = ([cell.strip() for cell in line.split("|")[1:-1]]
                    for line in capsys.readouterr().out.splitlines())
    said = dict(zip(head, row, strict=True))
    assert {name: said[name] for name in counts} == {
        name: str(count) for name, count in counts.items()}
    assert said["torus"] == "2x1" and said["words x sums"] == "2 x 2"
    assert said["DSP, model"] == "8" and float(said["cycles"]) > 0
    assert said["net"] == "(32, 24, 4, 4, 4); (24, 8, 4, 4, 4)"


@pytest.mark.parametrize("arguments, error, message", [
    (["--lanes", "3x1"], BoardError, "WORDSxSUMS must be one of 1x1, .*, not '3x1'"),
    (["--lanes", "1x2", "--link-words", "2"], BoardError, "must be one of 2x1, .*, not '1x2'"),
    (["--board", "de10"], BoardError, "board must be one of"),
    (["--torus", "x"], DriverError, "torus must be ROWSxCOLUMNS"),
    (["32,24"], GoldenError, "32,24"),
])
def test_bad_input(arguments, error, message):
    with pytest.raises(error, match=message):
        lane_boards.main(arguments)
