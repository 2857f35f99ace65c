"""The tables of docs/fpga.md: their lines, what is left out, and the cycles that they rest on."""

import dataclasses
import json

import pytest

from fpga import table as page_table
from fpga.board_design import board_config
from fpga.boards import BOARDS
from fpga.table import ROWS, table
from fpga.throughput import Speed, speed

REPORT = {
    "torus": dataclasses.asdict(board_config(BOARDS["icebreaker"], 1, 1)), "clock_mhz": 12.0,
    "fmax_mhz": 24.0, "critical_path": {"start": "a", "end": "b"},
    "cells": {name: {"used": used, "available": 5280}
              for name, used in (("LUT", 2000), ("FF", 1500), ("DSP", 1), ("BRAM", 20))},
}


def test_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(page_table, "speed",
                        lambda config, net: Speed(1000.0, 900, net == "digits"))
    built, refused = ROWS[0], ROWS[1]
    results, page = tmp_path / "results", tmp_path / "page.md"
    (results / built.name).mkdir(parents=True)
    (results / built.name / "report.json").write_text(json.dumps(REPORT))
    (results / f"{refused.name}.refused.json").write_text(json.dumps("too large\nin two lines"))
    page.write_text("before\n<!-- begin table -->\nformer\n<!-- end table -->\nafter\n")
    table(results, page, {built.name})
    text = page.read_text()
    assert text.startswith("before\n<!-- begin table -->\n| row |") and text.endswith("after\n")
    assert "former" not in text and "two lines" not in text
    name = "icebreaker 1x1, infers"
    assert f"| {name} | 12 | 2000 | 1500 | 1 | 20 | 2000 | 24.0 | `a` to `b` |" in text
    # 24 MHz, 1000 cycles a sample, 900 multiply-accumulates; two thousand LUTs.
    assert f"| {name} | 22 | 24000 | 12000 | 24000 * | 12000 |" in text
    assert "- icebreaker 1x1, folded: too large\n" in text
    assert "- not built yet: ulx3s-25f 1x1, infers; " in text


@pytest.mark.parametrize("train, cycles", [(False, 632.0), (True, 1299.0)])
def test_cycles_do_not_depend_on_the_size_of_memories(train, cycles):
    """docs/fpga.md rests on that: a net that does not fit is predicted with larger ones."""
    config = board_config(BOARDS["ulx3s-85f"], 2, 2, train=train)
    found = speed(config, "digits")
    assert (found.cycles, found.fits) == (cycles, True)
    assert found.macs == 2448 * (3 if train else 1)
    small = speed(dataclasses.replace(config, weight_words=64), "digits")
    assert (small.cycles, small.fits) == (cycles, False)
