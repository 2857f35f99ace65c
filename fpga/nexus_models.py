"""Models of the Nexus memories, which Yosys has as empty boxes.

They follow Lattice's FPGA-TN-02094, and Yosys for the order of a memory's initial contents.
"""

__all__ = ["nexus_memories"]

_ROWS, _ROW_BYTES = 64, 32


def nexus_memories() -> str:
    """Verilog of PDPSC16K and PDP16K: 2048 bytes of 9 bits; one port writes and one reads.

    Output registers, chip selects other than 111 and error correction are not modelled, nor what is
    undefined in the cell: a word read while it is written.
    """
    return _memory("PDPSC16K", "CLK", "CLK") + _memory("PDP16K", "CLKW", "CLKR")


def _memory(name: str, write_clock: str, read_clock: str) -> str:
    clocks = ", ".join(dict.fromkeys((write_clock, read_clock)))
    rows = [f"INITVAL_{row:02X}" for row in range(_ROWS)]
    declared = ", ".join(f'{row} = "0x0"' for row in rows)
    # Ten bits a byte, of which nine are used.
    contents = "\n".join(
        f"    row = parsed({row}); for (i = 0; i < {_ROW_BYTES}; i = i + 1) "
        f"bytes[{_ROW_BYTES * number} + i] = row[10 * i +: 9];" for number, row in enumerate(rows))
    widths = "\n".join(
        f"  localparam {side}_BITS = " + " : ".join(
            f'DATA_WIDTH_{side} == "X{bits}" ? {bits}' for bits in (36, 18, 9, 4, 2)) + " : 1;"
        for side in "WR")
    bases = "\n".join(
        f"  wire [10:0] base_{side.lower()} = {side}_BITS == 36 ? {{AD{side}[13:5], 2'b0}} : "
        f"{side}_BITS == 18 ? {{AD{side}[13:4], 1'b0}} : AD{side}[13:3];" for side in "WR")
    stores = "\n".join(
        f"    if (W_BITS >= {9 * (lane + 1)} && (W_BITS == 9 || ADW[{lane}])) "
        f"bytes[base_w + {lane}] <= DI[{9 * lane + 8}:{9 * lane}];" for lane in range(4))
    return f"""
module {name} #(
  parameter DATA_WIDTH_W = "X36", DATA_WIDTH_R = "X36", OUTREG = "BYPASSED", RESETMODE = "SYNC",
  parameter ASYNC_RST_RELEASE = "SYNC", GSR = "ENABLED", ECC = "DISABLED",
  parameter CSDECODE_W = "000", CSDECODE_R = "000", INIT_DATA = "STATIC",
  parameter {declared}
) (
  input [35:0] DI, input [13:0] ADW, ADR, input {clocks}, CER, CEW, RST, input [2:0] CSW, CSR,
  output [35:0] DO, output ONEBITERR, TWOBITERR
);
{widths}
  reg [8:0] bytes [0:2047];
  reg [319:0] row;
  integer i, k;
  function [319:0] parsed(input [655:0] text);
    integer digit;
    reg [7:0] c;
    begin
      parsed = 0;
      for (digit = 0; digit < 80; digit = digit + 1) begin
        c = text[8 * digit +: 8];
        if (c >= "0" && c <= "9") parsed[4 * digit +: 4] = c - "0";
        else if (c >= "a" && c <= "f") parsed[4 * digit +: 4] = c - "a" + 10;
        else if (c >= "A" && c <= "F") parsed[4 * digit +: 4] = c - "A" + 10;
      end
    end
  endfunction
  initial begin
{contents}
  end
{bases}
  wire [35:0] word = {{bytes[base_r + 3], bytes[base_r + 2], bytes[base_r + 1], bytes[base_r]}};
  wire [2:0] place = R_BITS < 9 ? ADR[2:0] & ~(R_BITS - 1) : 3'b0;
  reg [35:0] latch = 0;
  always @(posedge {write_clock}) if (CEW) begin
{stores}
    if (W_BITS < 9) for (k = 0; k < W_BITS; k = k + 1)
      bytes[base_w][(ADW[2:0] & ~(W_BITS - 1)) + k] <= DI[k];
  end
  always @(posedge {read_clock})
    if (RST) latch <= 0;
    else if (CER) latch <= (word >> place) & ({{36{{1'b1}}}} >> (36 - R_BITS));
  assign DO = latch;
endmodule
"""
