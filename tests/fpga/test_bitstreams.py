"""Bitstreams for boards of families without cells of their own: pins, a memory, a multiplier."""

import pytest

from fpga.board_flow import pack, route
from fpga.boards import BOARDS
from fpga.constraints import constraints
from fpga.synthesis import synthesise
from fpga.tools import find_tool

# A word goes in bit by bit, through the memory and the multiplier, and out as its parity.
DESIGN = """module board(input clk, input rx, output reg tx, output reg led);
  (* no_rw_check *) reg [15:0] words [0:511];
  reg [8:0] count = 0;
  // Two registers behind the memory: a multiplier takes one of them.
  reg signed [15:0] word = 0, read = 0, operand = 0;
  reg signed [31:0] product = 0;
  always @(posedge clk) begin
    word <= {word[14:0], rx};
    count <= count + 9'd1;
    if (rx) words[count] <= word;
    read <= words[count + 9'd7];
    operand <= read;
    product <= operand * word;
    tx <= ^product;
    led <= product[0];
  end
endmodule
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tangnano9k", "tangnano20k", "tangprimer20k", "tangprimer25k",
                                  "lifcl-40-evn"])
def test_a_bitstream_can_hold_pins_a_memory_and_a_multiplier(name, tmp_path):
    board = BOARDS[name]
    flow = board.family.flow
    area = synthesise(tmp_path, DESIGN, "board", board.family)
    assert area.block_rams == 1
    assert area.multipliers == bool(board.capacity.multipliers)
    (tmp_path / flow.constraints).write_text(constraints(board, 50))
    routed = route(board, flow, find_tool(flow.router), tmp_path, 1, 50)
    assert routed.fmax_mhz > 50
    pack(board, flow, find_tool(flow.packer), tmp_path, 1)
    assert (tmp_path / flow.bitstream).stat().st_size > 50_000
