"""`python -m fpga.lane_areas`: what an element with lanes takes, and bad input."""

import pytest

from fpga import lane_areas
from fpga.errors import BoardError
from fpga.synthesis import Area


def test_every_row_has_what_was_synthesised(monkeypatch, capsys):
    """The columns, the sites, and the share of each further multiplier."""
    asked = []

    def area(lanes_in, lanes_out, *, train, fitted, link_words):
        asked.append((lanes_in, lanes_out, train, fitted, link_words))
        count = lanes_in * lanes_out
        return Area(luts=100 * count, carries=10, flip_flops=7, lut_rams=5, multipliers=count,
                    block_rams=6)

    monkeypatch.setattr(lane_areas, "pe_area", area)
    assert lane_areas.main(["1x1", "2x4"]) == 0
    assert asked == [(1, 1, False, False, 1), (2, 4, False, False, 1)]
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "| 1 x 1 | 100 | 10 | 7 | 1 | 6 | 5 | 140 |  |"
    assert lines[3] == "| 2 x 4 | 800 | 10 | 7 | 8 | 6 | 5 | 840 | 100 |"
    assert all(line.count("|") == lines[0].count("|") for line in lines)


    assert lane_areas.main(["--train", "--fitted", "1x1", "1x4"]) == 0
    assert asked[2:] == [(1, 1, True, True, 1), (1, 4, True, True, 1)]
    # Of a further lane there are two multipliers.
    assert capsys.readouterr().out.splitlines()[3].endswith("| 440 | 50 |")


    assert lane_areas.main(["--link-words", "2"]) == 0
    assert asked[4:] == [(2, sums, False, False, 2) for sums in (1, 2, 4, 8)]


def test_unknown_lanes():
    with pytest.raises(BoardError, match="WORDSxSUMS must be one of 2x1, .*, not '1x2'"):
        lane_areas.main(["--link-words", "2", "1x2"])
    with pytest.raises(BoardError, match="--link-words must be 1 with --train, not 2"):
        lane_areas.main(["--link-words", "2", "--train"])
    with pytest.raises(BoardError, match="WORDSxSUMS must be one of 1x1, 1x2, .*, not '3x1'"):
        lane_areas.main(["3x1"])
    with pytest.raises(BoardError, match="WORDSxSUMS must be one of 1x1, 1x2, .*, not '2x1'"):
        lane_areas.main(["--train", "2x1"])


@pytest.mark.slow
def test_a_second_word_takes_a_multiplier_and_few_sites():
    one, two = (lane_areas.pe_area(lanes_in, 1) for lanes_in in (1, 2))
    assert (one.multipliers, two.multipliers) == (1, 2)
    assert one.block_rams == two.block_rams
    assert two.luts < 1.1 * one.luts
