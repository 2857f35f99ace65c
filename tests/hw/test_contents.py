"""`with_contents`: words of elements become files and parameters; nothing else of them changes."""

import pytest

from hw.config import TorusConfig
from hw.contents import with_contents
from hw.tops import baked_verilog

WHOLE = """\
module top(clk);
  input clk;
  \\top.torus  torus (
    .clk(clk)
  );
endmodule

module \\top.torus (clk);
  input clk;
  clostorus_pe #(
    .CONTENTS("pe_0_0")
  ) pe_0_0 (
    .clk(clk)
  );
  clostorus_pe #(
    .CONTENTS("pe_0_1")
  ) pe_0_1 (
    .clk(clk)
  );
endmodule
"""
ELEMENT = """\
module clostorus_pe(clk);
  input clk;
  \\clostorus_pe.mac  mac (
    .clk(clk)
  );
endmodule

module \\clostorus_pe.mac (clk);
  input clk;
  reg [7:0] words [1:0];
  initial begin
    words[0] = 8'h%s;
    words[1] = 8'h00;
  end
  reg [7:0] others [1:0];
  initial begin
    others[0] = 8'd0;
    others[1] = 8'd0;
  end
  DP16KD #(
    .GSR("DISABLED"),
    .INITVAL_00(320'h%s),
    .INITVAL_01(320'h%s)
  ) \\cell  (
    .CLKA(clk)
  );
endmodule
"""
ROWS = ["0" * 79 + digit for digit in "012"]


def test_words_are_files_and_rows_of_cells_are_parameters():
    text, files = with_contents(WHOLE, {
        "pe_0_0": ELEMENT % ("7f", ROWS[0], ROWS[0]), "pe_0_1": ELEMENT % ("00", ROWS[1], ROWS[2])})
    assert files == {"pe_0_0.mac.words.mem": "7f\n00\n", "pe_0_1.mac.words.mem": "00\n00\n"}
    assert text.count("module clostorus_pe(clk);") == 1
    assert text.count('  parameter MEMORY_FOLDER = "./";\n') == 2
    assert "  \\top.torus  #(.MEMORY_FOLDER(MEMORY_FOLDER)) torus (" in text
    assert '.CONTENTS({MEMORY_FOLDER, "pe_0_1."}),\n    .mac_cell(640' in text
    assert f"'h{ROWS[2]}{ROWS[1]}" in text
    assert "#(.CONTENTS(CONTENTS), .mac_cell(mac_cell)) mac (" in text
    assert ".INITVAL_01(mac_cell[639:320])" in text and "others[1] = 8'd0;" in text
    assert '$readmemh({CONTENTS, "mac.words.mem"}, words, 0, 1);' in text


def test_elements_without_words_have_no_parameters():
    element = ELEMENT % ("00", ROWS[0], ROWS[0])
    text, files = with_contents(WHOLE, {"pe_0_0": element, "pe_0_1": element})
    assert not files and "parameter" not in text and "  clostorus_pe pe_0_1 (" in text


def test_elements_that_differ_otherwise_are_refused():
    element = ELEMENT % ("7f", ROWS[0], ROWS[0])
    with pytest.raises(RuntimeError, match="must be the same Verilog but for them"):
        with_contents(WHOLE, {"pe_0_0": element, "pe_0_1": element.replace("[7:0]", "[8:0]")})


def test_weights_need_a_whole_torus():
    with pytest.raises(ValueError, match=r"one of torus, axi, wishbone or board, not pe"):
        baked_verilog("pe", TorusConfig(rows=1, cols=1), weights=[[[1]]], biases=[[[1]]])
