"""Models of Gowin's memories and multipliers, which Yosys has as empty boxes.

They follow Gowin's UG285 (memory) and UG287 (multiplier).
"""

__all__ = ["gowin_memories", "gowin_multipliers"]

_ROWS = 64
# Names of the cells, by whether each port reads and writes, and the bits of a byte.
_BYTE_BITS = {"SDPB": 8, "SDPX9B": 9, "DPB": 8, "DPX9B": 9}


def gowin_memories() -> str:
    """Verilog of SDPB, SDPX9B, DPB and DPX9B: 2048 bytes of 8 or 9 bits, with two ports.

    Block selects other than 0 and asynchronous resets are not modelled, nor what is undefined in
    the cell: a word read while it is written through the other port.
    """
    return _CORE + "".join(map(_memory, _BYTE_BITS))


_CORE = """
module GOWIN_RAM_PORT #(parameter BYTE = 9, WIDTH = 36, MODE = 0, PIPELINED = 0) (
  input CLK, CE, OCE, WRE, RESET, input [13:0] AD, input [35:0] DI, output [35:0] DO,
  output [10:0] BASE, output [3:0] STORES, input [35:0] WORD
);
  // A port of several bytes has an enable for each in its lowest address bits.
  localparam COUNT = WIDTH / BYTE;
  assign BASE = COUNT == 4 ? {AD[13:5], 2'b0} : COUNT == 2 ? {AD[13:4], 1'b0} : AD[13:3];
  assign STORES = !(CE && WRE) ? 4'b0 : COUNT == 4 ? AD[3:0] : COUNT == 2 ? AD[1:0] : 4'b1;
  wire [35:0] mask = {36{1'b1}} >> (36 - WIDTH);
  wire [2:0] bit_place = COUNT == 0 ? AD[2:0] & ~(WIDTH - 1) : 3'b0;
  reg [35:0] latch, out;
  initial {latch, out} = 0;
  always @(posedge CLK) begin
    if (RESET) latch <= 0;
    else if (CE && (!WRE || MODE == 2)) latch <= (WORD >> bit_place) & mask;
    else if (CE && MODE == 1) latch <= DI & mask;
    if (RESET) out <= 0;
    else if (OCE) out <= latch;
  end
  assign DO = PIPELINED ? out : latch;
endmodule
"""


def _memory(name: str) -> str:
    both = name.startswith("DP")
    byte, data = _BYTE_BITS[name], 18 if both else 36
    width = data * byte // 9
    if both:
        ports = ", ".join(
            f"input CLK{port}, CE{port}, OCE{port}, WRE{port}, RESET{port}, input [13:0] AD{port}, "
            f"input [{width - 1}:0] DI{port}, output [{width - 1}:0] DO{port}, "
            f"input [2:0] BLKSEL{port}" for port in "AB")
        modes = "READ_MODE0 = 0, READ_MODE1 = 0, WRITE_MODE0 = 0, WRITE_MODE1 = 0"
    else:
        ports = (f"input CLKA, CEA, RESETA, CLKB, CEB, OCE, RESETB, input [13:0] ADA, ADB, "
                 f"input [{width - 1}:0] DI, output [{width - 1}:0] DO, "
                 "input [2:0] BLKSELA, BLKSELB")
        modes = "READ_MODE = 0"
    row_bits = 32 * byte
    rows = ", ".join(f"INIT_RAM_{row:02X} = {row_bits}'h0" for row in range(_ROWS))
    whole = ", ".join(f"INIT_RAM_{row:02X}" for row in reversed(range(_ROWS)))
    sides = "".join(_side(port, index, byte, both=both) for index, port in enumerate("AB"))
    return f"""
module {name} #(
  parameter BIT_WIDTH_0 = {width}, BIT_WIDTH_1 = {width}, {modes},
  parameter BLK_SEL_0 = 3'b0, BLK_SEL_1 = 3'b0, RESET_MODE = "SYNC",
  parameter [{row_bits - 1}:0] {rows}
) ({ports});
  wire [{_ROWS * row_bits - 1}:0] init = {{{whole}}};
  reg [{byte - 1}:0] bytes [0:2047];
  integer i;
  initial for (i = 0; i < 2048; i = i + 1) bytes[i] = init[i * {byte} +: {byte}];
{sides}endmodule
"""


def _side(port: str, index: int, byte: int, *, both: bool) -> str:
    """One port of a memory: where there is one for each, A writes and B reads."""
    write = f"WRE{port}" if both else "1'b1" if port == "A" else "1'b0"
    data = f"DI{port}" if both else "DI"
    out = f"DO{port}" if both else "DO" if port == "B" else ""
    enable = f"OCE{port}" if both else "OCE" if port == "B" else "1'b1"
    mode, pipelined = (f"WRITE_MODE{index}", f"READ_MODE{index}") if both else ("0", "READ_MODE")
    low = port.lower()
    word = ", ".join(f"bytes[base_{low} + {lane}]" for lane in (3, 2, 1, 0))
    stores = " ".join(
        f"if (stores_{low}[{lane}]) bytes[base_{low} + {lane}] <= "
        f"data_{low}[{byte * lane + byte - 1}:{byte * lane}];" for lane in range(1, 4))
    first = (f"if (stores_{low}[0]) for (k_{low} = 0; k_{low} < {byte}; k_{low} = k_{low} + 1) "
             f"if (BIT_WIDTH_{index} >= {byte}) bytes[base_{low}][k_{low}] <= data_{low}[k_{low}]; "
             f"else if (k_{low} < BIT_WIDTH_{index}) bytes[base_{low}]"
             f"[(AD{port}[2:0] & ~(BIT_WIDTH_{index} - 1)) + k_{low}] <= data_{low}[k_{low}];")
    return f"""\
  wire [10:0] base_{low};
  wire [3:0] stores_{low};
  wire [35:0] data_{low} = {data};
  integer k_{low};
  GOWIN_RAM_PORT #(.BYTE({byte}), .WIDTH(BIT_WIDTH_{index}), .MODE({mode}),
                   .PIPELINED({pipelined})) port_{low} (
    .CLK(CLK{port}), .CE(CE{port}), .OCE({enable}), .WRE({write}), .RESET(RESET{port}),
    .AD(AD{port}), .DI(data_{low}), .DO({out}), .BASE(base_{low}), .STORES(stores_{low}),
    .WORD({{{word}}}));
  always @(posedge CLK{port}) begin
    {first}
    {stores}
  end
"""


def gowin_multipliers() -> str:
    """Verilog of MULT9X9 and MULT18X18 as Yosys uses them: without registers or cascades."""
    return "".join(f"""
module MULT{bits}X{bits} #(
  parameter AREG = 0, BREG = 0, OUT_REG = 0, PIPE_REG = 0, ASIGN_REG = 0, BSIGN_REG = 0,
  parameter SOA_REG = 0, MULT_RESET_MODE = "SYNC"
) (
  input [{bits - 1}:0] A, SIA, B, SIB, input ASIGN, BSIGN, ASEL, BSEL, CE, CLK, RESET,
  output [{2 * bits - 1}:0] DOUT, output [{bits - 1}:0] SOA, SOB
);
  wire signed [{bits}:0] a = {{ASIGN & A[{bits - 1}], A}};
  wire signed [{bits}:0] b = {{BSIGN & B[{bits - 1}], B}};
  wire signed [{2 * bits + 1}:0] product = a * b;
  assign DOUT = product[{2 * bits - 1}:0];
endmodule
""" for bits in (9, 18))
