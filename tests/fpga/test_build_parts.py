"""What a report says of a netlist: whose the cells are, and which paths are deepest."""

import json

import pytest

from fpga.board_build import build
from fpga.board_design import board_config
from fpga.boards import BOARDS
from fpga.build_parts import deep_paths, module_cells
from fpga.errors import FlowFailed
from fpga.families import ECP5, ICE40


def netlist(**kinds):
    """A flat netlist of cells by name; `__` stands for a dot."""
    cells = {name.replace("__", "."): {"type": kind} for name, kind in kinds.items()}
    return {"modules": {"board": {"cells": cells}}}


def test_a_cell_belongs_to_the_deepest_module_that_its_name_begins_with():
    found = module_cells(netlist(
        design="$scopeinfo", design__pe_0_0="$scopeinfo", design__pe_0_0__mac="$scopeinfo",
        design__pe_0_0__mac__a_LUT4_Z="LUT4", design__pe_0_0__mac__b_LUT4_Z="LUT4",
        design__pe_0_0__machine_LUT4_Z="LUT4", design__pe_0_0__mac__x__y_TRELLIS_FF_Q="TRELLIS_FF",
        design__c_CCU2C="CCU2C", pin="TRELLIS_IO", design__pe_0_0__r="DP16KD"), "board", ECP5)
    assert found == {
        "design": {"carries": 1},
        "pe_0_0": {"luts": 1, "block_rams": 1},
        "pe_0_0.mac": {"luts": 2, "flip_flops": 1},
    }


def test_a_cell_that_the_family_does_not_have_is_an_error():
    with pytest.raises(FlowFailed, match=r"must be all ecp5 cells; left over are \$add"):
        module_cells(netlist(design="$scopeinfo", design__a="$add"), "board", ECP5)


def register(d, q):
    return {"type": "TRELLIS_FF", "parameters": {}, "port_directions": {"DI": "input",
            "Q": "output"}, "connections": {"DI": [d], "Q": [q]}}


def lut(a, z):
    return {"type": "LUT4", "parameters": {}, "port_directions": {"A": "input", "Z": "output"},
            "connections": {"A": [a], "Z": [z]}}


def test_paths_between_the_bits_of_two_registers_are_one():
    cells = {"design.a_TRELLIS_FF_Q": register(9, 2), "design.a_TRELLIS_FF_Q_1": register(9, 3),
             "design.l": lut(2, 4), "design.m": lut(3, 5), "design.n": lut(5, 6),
             "design.b_TRELLIS_FF_Q": register(4, 7), "design.b_TRELLIS_FF_Q_1": register(6, 8)}
    names = {"design.a": {"bits": [2, 3]}, "design.b": {"bits": [7, 8]}}
    flat = {"modules": {"board": {"cells": cells, "netnames": names}}}
    path, = deep_paths(flat, ECP5, 5)
    assert (path["start"], path["end"], path["bits"]) == ("a", "b.DI", 2)
    assert path["levels"] == 2 and path["delay_ns"] > 2
    assert deep_paths(flat, ECP5, 0) == [] == deep_paths(flat, ICE40, 5)


def test_a_build_tells_of_its_modules_and_of_each_step_of_its_critical_path(flow, tmp_path):
    board = BOARDS["icebreaker"]
    build(board, board_config(board, 1, 1), tmp_path / "out")
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["modules"] == {"design": {"luts": 1},
                                 "torus.pe_0_0": {"luts": 1, "flip_flops": 1}}
    assert report["paths"] == []
    assert [step["kind"] for step in report["critical_steps"]] == ["clk-to-q", "setup"]
    # A page about the build may lie beside it; the next build takes it away.
    (tmp_path / "out" / "report.html").write_text("a page")
    build(board, board_config(board, 1, 1), tmp_path / "out")
    assert not (tmp_path / "out" / "report.html").exists()
