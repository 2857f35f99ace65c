"""`clostorus area`: gate equivalents of an element, and one line for what cannot be mapped."""

import json

import pytest

from tests.support.command_line import fail, succeed
from tests.support.project import ROOT

CELLS = ROOT / "tests" / "fpga" / "cells.lib"
ROUTER = ("area", "--liberty", CELLS, "--top", "inference-router", "--torus", "1x1")


@pytest.mark.slow
def test_a_router(tmp_path):
    folder = tmp_path / "mapped"
    told = json.loads(succeed(*ROUTER, "-o", folder, "--json").stdout)
    assert (told["library"], told["nand2"]) == ("cells_for_tests", {"name": "NAND2", "area": 3.0})
    assert told["area"] == sum(cell["area"] for cell in told["cells"].values())
    assert told["gate_equivalents"] == told["area"] / 3
    assert 0 < told["flip_flop_area"] < told["area"]
    assert told["memory_bits"] == sum(memory["bits"] for memory in told["memories"]) > 0
    [memory] = told["memories"]
    assert memory["ports"]["write_data"] == memory["ports"]["read_data"] == memory["width"] == 16
    assert told["modules"][0]["name"] == ""
    netlist = (folder / "netlist.v").read_text()
    assert f"{memory['module']} " in netlist and "module clostorus_inference_router(" in netlist
    assert f"module {memory['module']}(" in (folder / "memories.v").read_text()


@pytest.mark.slow
def test_what_a_user_reads():
    said = succeed(*ROUTER).stdout
    assert "inference-router in cells of cells_for_tests" in said
    for words in ("area, memories left out", "kGE", "NAND2, 3 of the library's units", "DFF",
                  "clostorus_memory_512x16_sync", "(all)", "share of all"):
        assert words in said, words


def test_bad_input_is_refused_in_a_line(tmp_path):
    def refused(message, *arguments, liberty=CELLS):
        fail(2, message, "area", "--liberty", liberty, *arguments, "-o", tmp_path / "mapped")
        assert not (tmp_path / "mapped").exists()

    no_flip_flop, verilog = tmp_path / "no_ff.lib", tmp_path / "top.v"
    text = CELLS.read_text()
    no_flip_flop.write_text(text[:text.index("  cell (DFF)")] + "}\n")
    verilog.write_text("module top; endmodule\n")
    torus = ("--torus", "1x1")
    refused("--liberty must be a liberty file, but .* cannot be read: No such file", *torus,
            liberty=tmp_path / "none.lib")
    refused("--liberty must be a file with flip-flops", *torus, liberty=no_flip_flop)
    refused("--liberty must be a liberty file, which begins with", *torus, liberty=verilog)
    refused("one of --torus, --preset and --config-from must name a configuration")
    refused("--preset must be one of proof, .*, not 'fited'", "--preset", "fited")
    refused("--preset names the whole torus", "--preset", "fitted", *torus)
    refused("--top must be one of torus, .*, not 'gate'", *torus, "--top", "gate")
    refused("--top training-router needs a torus that trains", *torus, "--top", "training-router")
    refused("--dont-use must be the name of a cell, .* not 'A; exit'", *torus, "--dont-use",
            "A; exit")
    same = tmp_path / "same"
    same.mkdir()
    (same / "netlist.v").write_text(text)
    fail(2, "--output", "area", "--liberty", same / "netlist.v", *torus, "-o", same)
    assert (same / "netlist.v").read_text() == text
