"""`python -m sw_driver.predict.lane_cycles`: cycles as compiling predicts them, and bad input."""

import pytest

from golden import ClosShape
from golden.vectors.nets import random_net
from sw_driver.compiler import compile
from sw_driver.errors import DriverError
from sw_driver.predict import lane_cycles

SHAPE = (32, 24, 4, 4, 4)


def test_the_table_has_what_compiling_predicts(monkeypatch, capsys):
    monkeypatch.setattr(lane_cycles, "NETS", (SHAPE,))
    assert lane_cycles.main(["--torus", "2x2", "1x1", "2x2"]) == 0
    head, _, row = capsys.readouterr().out.splitlines()
    assert head == "| layer | 1x1 | 2x2 |"
    net = random_net([ClosShape(*SHAPE)], seed=1)
    for lanes, cell in zip((1, 2), row.split("|")[2:4], strict=True):
        found = compile(net, "2x2", host_bits=256, lanes_in=lanes, lanes_out=lanes).prediction
        assert cell.strip().startswith(f"{found.cycles:g} ({found.utilisation:.0%}, ")


def test_links_of_two_words(monkeypatch, capsys):
    monkeypatch.setattr(lane_cycles, "NETS", (SHAPE,))
    assert lane_cycles.main(["--torus", "2x2", "--link-words", "2"]) == 0
    head, _, row = capsys.readouterr().out.splitlines()
    assert head == "| layer | 2x1 | 2x2 | 2x4 |"
    net = random_net([ClosShape(*SHAPE)], seed=1)
    found = compile(net, "2x2", host_bits=256, lanes_in=2, link_words=2).prediction
    assert row.split("|")[2].strip().startswith(f"{found.cycles:g} ({found.utilisation:.0%}, ")


@pytest.mark.parametrize("arguments, message", [
    (["--link-words", "2", "1x1"], "WORDSxSUMS must be one of 2x1, .*, not '1x1'"),
    (["2x3"], "WORDSxSUMS must be one of 1x1, .*, not '2x3'"),
    (["--torus", "x"], "torus must be ROWSxCOLUMNS"),
])
def test_bad_input(arguments, message):
    with pytest.raises(DriverError, match=message):
        lane_cycles.main(arguments)
