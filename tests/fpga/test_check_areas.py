"""`python -m fpga.check_areas`: elements with checks and without, and the block RAMs of both."""

import dataclasses
import re

import pytest

from fpga import check_areas
from fpga.families import ECP5
from fpga.memories import engine_rams, memory_rams
from fpga.synthesis import Area
from hw.presets import FITTED
from sw_driver.errors import DriverError


def test_four_rows_an_element(monkeypatch, capsys):
    def area(name, checks):
        return Area(luts=100 + checks, carries=5, flip_flops=50, lut_rams=2, multipliers=1,
                    block_rams=6 + checks)

    monkeypatch.setattr(check_areas, "checked_area", area)
    assert check_areas.main(["16 bits", "18 bits"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2:] == [
        f"| {name} | {checks} | {100 + checks} | 5 | 50 | 2 | {6 + checks} | {118 + checks} |"
        for name in ("16 bits", "18 bits") for checks in range(4)]
    with pytest.raises(DriverError, match=re.escape("row must be one of 8 bits, 9 bits, 16 bits")):
        check_areas.main(["15 bits"])


@pytest.mark.parametrize("name, more", [
    ("8 bits", 0), ("16 bits", 0), ("17 bits", 0), ("8 bits, 2x2 lanes", 0),
    ("16 bits, 2x2 lanes", 0)])
def test_block_rams_that_have_room_for_a_parity(name, more):
    """What fits the rows of a block RAM with its parity takes as many of them as without."""
    config = dataclasses.replace(FITTED, **check_areas.ROWS[name])
    with_checks = dataclasses.replace(config, checks=1)
    before, after = (engine_rams(one, ECP5) + memory_rams(one, ECP5)
                     for one in (config, with_checks))
    assert after - before == more


@pytest.mark.slow
def test_an_element_has_the_block_rams_that_are_counted():
    """`checked_area` compares them."""
    with_checks, without = (check_areas.checked_area("16 bits, 2x2 lanes", on) for on in (1, 0))
    assert with_checks.luts > without.luts
    assert with_checks.multipliers == without.multipliers
