"""The sections of a build: use of the part, area by module, and paths."""

import json

import pytest

from fpga.board_build import build
from fpga.board_design import board_config
from fpga.boards import BOARDS
from fpga.errors import BoardError
from fpga.page.area import area_section, module_kinds
from fpga.page.board import board_lead, board_section
from fpga.page.paths import paths_section
from fpga.page.source import net_of_build, read_report
from tests.support.board_builds import build_flow
from tests.support.reports import Read

EVIL = '<script>alert("x")</script>'


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """A build without tools."""
    build_flow(monkeypatch)
    board = BOARDS["icebreaker"]
    build(board, board_config(board, 1, 1), tmp_path / "out", tries=2)
    return tmp_path / "out"


def test_a_report_is_read_or_refused_in_one_line(folder):
    assert read_report(folder)["board"] == "icebreaker"
    assert net_of_build(folder) is None
    (folder / "model.ctz").write_text("a net")
    assert net_of_build(folder) == folder / "model.ctz"
    whole = json.loads((folder / "report.json").read_text())
    for broken in ("{", "[]", json.dumps({**whole, "board": "other"}),
                   json.dumps({**whole, "cells": {"LUT": {"used": 1}}})):
        (folder / "report.json").write_text(broken)
        with pytest.raises(BoardError, match=r"report\.json must be that of a"):
            read_report(folder)
    (folder / "report.json").unlink()
    with pytest.raises(BoardError, match="the folder of a build, but .* has no report.json"):
        read_report(folder)


def test_the_use_of_the_part_and_the_clock(folder):
    report = read_report(folder)
    found = Read(str(board_section(report, 100.0).content))
    assert "1500 of 5280" in found.text.replace("1 500 of 5 280", "1500 of 5280")
    assert "120 000" in found.text  # 12 MHz over 100 cycles.
    assert "seed 1" in found.text and "seed 2" in found.text
    assert "50 MHz" in Read(str(board_lead(report))).text
    assert "samples a second" not in Read(str(board_section(report, None).content)).text


def test_modules_that_differ_in_numbers_are_one():
    kinds = module_kinds({"torus.pe_0_0.mac": {"luts": 2}, "torus.pe_0_1.mac": {"luts": 3},
                          "torus.gateway_0": {"flip_flops": 1}, "host": {"luts": 7}})
    assert [(one.name, one.count, one.area.luts) for one in kinds] == [
        ("torus.pe_*.mac", 2, 5), ("torus.gateway_*", 1, 0), ("host", 1, 7)]


def test_area_by_module_adds_up(folder):
    report = read_report(folder)
    found = Read(str(area_section(report).content))
    assert "torus.pe_*: 1 LUTs in 1 modules" in found.text
    assert found.text.endswith("all 2 2 1 0 0")
    before = Read(str(area_section({**report, "modules": None}).content))
    assert "build it again" in before.text


def test_paths(folder):
    report = read_report(folder)
    found = Read(str(paths_section(report).content))
    assert "begins at a ends at b" in found.text and "2.00 ns" in found.text
    assert "are known of the ECP5 alone" in found.text
    deep = [{"start": EVIL, "end": "b.DI", "levels": 5, "delay_ns": 7.5, "bits": 3}]
    found = Read(str(paths_section({**report, "paths": deep}).content))
    assert EVIL in found.text and not found.of("script") and "7.50" in found.text
    old = {key: value for key, value in report.items() if key not in ("paths", "critical_steps")}
    assert "build it again" in Read(str(paths_section(old).content)).text
