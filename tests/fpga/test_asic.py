"""A design in the cells of a liberty file: areas, memories, and words without values at the start.

The file is tests/fpga/cells.lib, whose cells are of no process. The netlist runs in four states,
every register unknown until reset does its work through gates.
"""

import dataclasses
import re
import shutil

import pytest

from fpga.asic import map_to_cells
from fpga.black_box_models import box_models
from fpga.black_boxes import Memory, box_memories
from fpga.errors import FlowFailed
from fpga.liberty import LibraryError, read_library
from fpga.tools import YOSYS, run_tool
from golden.vectors.nets import random_net
from hw.config import TorusConfig
from sim.four_state.runner import BENCH, play
from sim.model.emitted import emitted_torus
from sw_driver.compiler import compile
from sw_driver.script.inference import inference_script
from tests.support.project import ROOT

slow = pytest.mark.slow
CELLS = ROOT / "tests" / "fpga" / "cells.lib"
TEXT = CELLS.read_text()
TINY = TorusConfig(rows=1, cols=1, act_bits=4, weight_bits=4, host_bits=32, buffer_words=16,
                   max_fan_in=16, weight_words=32, bias_words=4, program_words=512, rep_bits=5,
                   shift_bits=4, host_fifo_beats=4)
DESIGN = """
module inside(input clk, input rst, input [7:0] d, output reg [7:0] q);
  initial q = 8'h5a;
  always @(posedge clk) if (rst) q <= 8'h5a; else q <= q ^ d;
endmodule
module top(input clk, input rst, input we, input re, input [4:0] a, input [7:0] d,
           output [7:0] x, y, output reg [7:0] word);
  inside first(clk, rst, d, x);
  inside second(clk, rst, x, y);
  (* no_rw_check *) reg [7:0] words [0:31];
  always @(posedge clk) if (we) words[a] <= d;
  always @(posedge clk) if (re) word <= words[a + 1];
endmodule
"""


@pytest.fixture(scope="module")
def library():
    return read_library(CELLS)


def test_a_library(library):
    assert library.name == "cells_for_tests"
    assert library.nand2.name == "NAND2"  # Not the larger one, nor one that must not be used.
    assert library.gates(6) == 2
    assert {name: cell.stores for name, cell in library.cells.items() if cell.stores} == {
        "DFF": "ff"}
    assert library.cells["DFF"].inputs == ("CK", "D")


def without(*names):
    text = TEXT
    for name in names:
        text, count = re.subn(rf"  cell \({name}\) {{\n(?:    .*\n)+?  }}\n", "", text)
        assert count == 1, name
    return text


BAD = {
    "no flip-flop": (without("DFF"), "file with flip-flops .*, but .* has 8 cells and none of "),
    "no NAND2": (without("NAND2", "NAND2_STRONG"), "file with a NAND of two inputs .* 7 cells "),
    "no inverter": (without("INV"), "file with an inverter, but .* has 8 cells and none of them"),
    "no area": (TEXT.replace("area : 3", "area : 0").replace("area : 5", "area : 0.0"),
                "file with a NAND of two inputs and its area"),
    "no cell": ("library (none) { }\n", "flip-flops .* has 0 cells"),
    "verilog": ("module top; endmodule\n", r"which begins with library \(NAME\) {, but"),
    "empty": ("", r"which begins with library \(NAME\) {, but"),
    "bytes": ("\0\1\2", r"which begins with library \(NAME\) {, but"),
    "cut off": (TEXT[:701], "whole liberty file, but .* ends within a group"),
    "cut in a string": (TEXT[:TEXT.index('B)"')], "whole liberty file, but .* has '\"' in line"),
    "an area": (TEXT.replace("area : 18", "area : large"), "has area 'large', which must be a num"),
    "a word alone": (TEXT.replace("area : 18;", "area;"), "has 'area' where an attribute or a gr"),
    "no name": (TEXT.replace("(cells_for_tests) {", "(cells_for_tests);"), "has ';' where '{' mus"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_libraries_are_refused(name, tmp_path):
    text, message = BAD[name]
    path = tmp_path / "bad.lib"
    path.write_text(text)
    with pytest.raises(LibraryError, match=f"^liberty must be a .*{message}") as error:
        read_library(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("left", range(0, 20, 7))
def test_a_library_cut_anywhere_is_refused(left, tmp_path):
    path = tmp_path / "cut.lib"
    for cut in range(left, len(TEXT) - 2, 20):
        path.write_text(TEXT[:cut])
        with pytest.raises(LibraryError, match="^liberty must be a [^\n]*$"):
            read_library(path)


def test_a_missing_library_is_refused(tmp_path):
    for path, why in ((tmp_path / "no.lib", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(LibraryError, match=f"^liberty must be a liberty file, but .* {why}"):
            read_library(path)


@pytest.mark.parametrize("function, is_nand", [
    ("!(A&B)", True), ("(A B)'", True), ("A' + B'", True), ("!A|!B", True), ("!(B*A)", True),
    ("1 ^ (A B)", True), ("A' B'", False), ("A B", False), ("!(A C)", False), ("!(A B", False),
    ("", False)])
def test_functions_of_cells(function, is_nand, tmp_path):
    path = tmp_path / "cells.lib"
    path.write_text(without("NAND2_STRONG").replace('"!(A B)"', f'"{function}"'))
    if is_nand:
        assert read_library(path).nand2.name == "NAND2"
    else:
        with pytest.raises(LibraryError, match="a NAND of two inputs"):
            read_library(path)


@slow
def test_a_small_design(library, tmp_path):
    area = map_to_cells(tmp_path, DESIGN, "top", CELLS, library)
    assert area.flip_flops == 16  # The register behind the memory belongs to it.
    assert area.flip_flop_area == 16 * 18
    assert area.area == sum(library.cells[name].area * count for name, count in area.cells.items())
    assert area.memories == {Memory(32, 8, "sync"): 1}
    assert area.memory_bits == 256
    whole, inside = area.modules[0], next(m for m in area.modules if m.name.startswith("inside"))
    assert (whole.name, whole.copies, inside.copies) == ("", 1, 2)
    assert whole.whole == whole.own + 2 * inside.whole
    assert "initial" not in area.netlist
    assert "clostorus_memory_32x8_sync" in area.netlist
    as_cells = map_to_cells(tmp_path, DESIGN, "top", CELLS, library, dont_use=("XOR*",),
                            largest_in_cells=256)
    assert as_cells.flip_flops == 16 + 256 + 8
    assert not as_cells.memories
    assert "XOR2" in area.cells
    assert "XOR2" not in as_cells.cells


@slow
def test_what_no_cell_does_is_refused(library, tmp_path):
    latch = "module top(input a, input b, output reg y); always @* if (a) y = b; endmodule\n"
    with pytest.raises(LibraryError, match="a cell for each register, but cells_for_tests has none"
                                           " for one that is needed: D latches are not supported$"):
        map_to_cells(tmp_path, latch, "top", CELLS, library)
    less = dataclasses.replace(library, cells={
        name: cell for name, cell in library.cells.items() if name != "DFF"})
    design = "module top(input clk, d, output reg q); always @(posedge clk) q <= d; endmodule\n"
    with pytest.raises(FlowFailed, match=r"^top must be all cells of cells_for_tests; it has none "
                                         r"for DFF$"):
        map_to_cells(tmp_path, design, "top", CELLS, less)


def memory_cell(**changed):
    values = {"ABITS": 2, "SIZE": 4, "WIDTH": 2, "OFFSET": 0, "WR_PORTS": 1, "RD_PORTS": 1,
              "WR_CLK_ENABLE": 1, "WR_CLK_POLARITY": 1, "RD_CLK_ENABLE": 1, "RD_CLK_POLARITY": 1,
              "RD_TRANSPARENCY_MASK": 0, "RD_COLLISION_X_MASK": 1, "INIT": "xx", "MEMID": "m"}
    wires = {"WR_CLK": [2], "WR_EN": [3, 3], "WR_ADDR": [4, 5], "WR_DATA": [6, 7], "RD_CLK": [2],
             "RD_EN": [8], "RD_ADDR": [4, 5], "RD_DATA": [9, 10], "RD_SRST": ["0"],
             "RD_ARST": ["0"]}
    values |= {name: value for name, value in changed.items() if name in values}
    wires |= {name: value for name, value in changed.items() if name in wires}
    cell = {"type": "$mem_v2", "hide_name": 0, "parameters": values, "connections": wires}
    return {"modules": {"top": {"cells": {"m": cell}}}}


@pytest.mark.parametrize("changed, message", [
    ({"WR_PORTS": 2}, "must have one port to write and one to read, not 2 and 1"),
    ({"RD_PORTS": 2}, "must have one port to write and one to read, not 1 and 2"),
    ({"WR_EN": [3, 4]}, "must be written in whole words, not bit by bit"),
    ({"WR_CLK_POLARITY": 0}, "must be written at a rising edge"),
    ({"OFFSET": 4}, "from address 0 up"),
    ({"RD_SRST": [11]}, "must be read at the edge at which it is written, without reset"),
    ({"RD_CLK": [11]}, "must be read at the edge at which it is written, without reset"),
    ({"RD_TRANSPARENCY_MASK": 1}, "must be read at an edge, or in the same cycle without a mask"),
])
def test_other_memories_are_refused(changed, message):
    with pytest.raises(FlowFailed, match=f"^memory m of top .*{message}"):
        box_memories(memory_cell(**changed))


def test_memories_that_stay():
    small = memory_cell()
    assert box_memories(small, largest_in_cells=8) == {}
    assert small == memory_cell()
    assert box_memories(memory_cell(WR_PORTS=0)) == {}
    assert box_memories(small) == {"top": [Memory(4, 2, "sync")]}
    assert small["modules"]["top"]["cells"]["m"]["type"] == "clostorus_memory_4x2_sync"


@slow
@pytest.mark.usefixtures("icarus")
def test_a_mapped_torus_gives_the_golden_models_words(library, tmp_path):
    """Of gates and flip-flops that begin unknown: dropping the values at the start is safe."""
    area = map_to_cells(tmp_path, emitted_torus(TINY), "clostorus", CELLS, library)
    assert set(area.cells) <= set(library.cells)
    assert not re.search(r"\b(?:initial|reg)\b", area.netlist)
    (tmp_path / "mapped.v").write_text(area.netlist)
    (tmp_path / "memories.v").write_text(box_models(area.memories, BENCH))
    shutil.copyfile(CELLS, tmp_path / "cells.lib")
    run_tool(YOSYS, ["-q", "-p", "read_liberty cells.lib; proc; write_verilog -noattr models.v"],
             tmp_path)
    assert "initial" not in (tmp_path / "models.v").read_text()
    net = random_net([(4, 4, 2, 2, 2)], seed=1, act_bits=4, weight_bits=4)
    script = inference_script(compile(net, TINY), [[1, -2, 3, 0], [5, 5, -7, 1]])
    sources = [tmp_path / name for name in ("mapped.v", "memories.v", "models.v")]
    played = play(sources, script, tmp_path, breaks=())
    assert (played.sent, played.came) == (len(script.sent), len(script.answer.beats))
