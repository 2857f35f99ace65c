"""Models of the ECP5 cells that `hw.ecp5` instantiates, for the modes that it uses alone.

Yosys has none of the memory and the multiplier. Written from Lattice's FPGA-TN-02204 (memory) and
FPGA-TN-02205 (sysDSP).
"""

__all__ = ["ecp5_cells"]


def pins(prefix, count):
    """The pins of a bus, and the bus as a concatenation of them."""
    names = [f"{prefix}{bit}" for bit in range(count)]
    return ", ".join(names), "{" + ", ".join(reversed(names)) + "}"


def ecp5_cells():
    """Verilog of the cells."""
    return "/* verilator lint_off WIDTH */ /* verilator lint_off UNUSED */\n" + "\n".join(
        (block_ram(), multiplier(), carry()))


def block_ram():
    """A memory of 2048 bytes of 9 bits; a word of 18 is two of them."""
    (ada, ADA), (adb, ADB), (dia, DIA), (dib, _), (dob, DOB) = (
        pins(prefix, count) for prefix, count in
        (("ADA", 14), ("ADB", 14), ("DIA", 18), ("DIB", 18), ("DOB", 18)))
    rows = [f"INITVAL_{row:02X}" for row in range(64)]
    init = ", ".join(f"{row} = 320'h0" for row in rows)
    return f"""
module DP16KD #(
    parameter DATA_WIDTH_A = 18, DATA_WIDTH_B = 18, REGMODE_A = "NOREG", REGMODE_B = "NOREG",
    parameter WRITEMODE_A = "NORMAL", WRITEMODE_B = "NORMAL", RESETMODE = "SYNC", GSR = "ENABLED",
    parameter [319:0] {init}
) (
    input CLKA, CEA, OCEA, WEA, RSTA, CSA0, CSA1, CSA2,
    input CLKB, CEB, OCEB, WEB, RSTB, CSB0, CSB1, CSB2,
    input {ada}, {adb}, {dia}, {dib},
    output {dob}
);
    wire [13:0] ada = {ADA};
    wire [13:0] adb = {ADB};
    wire [17:0] dia = {DIA};
    wire [20479:0] init = {{{", ".join(reversed(rows))}}};
    reg [8:0] bytes [0:2047];
    reg [17:0] latch, out;
    integer i;
    initial for (i = 0; i < 2048; i = i + 1) bytes[i] = init[i * 10 +: 9];
    always @(posedge CLKA) if (CEA & WEA) begin
        if (DATA_WIDTH_A == 18) begin
            if (ada[0]) bytes[{{ada[13:4], 1'b0}}] <= dia[8:0];
            if (ada[1]) bytes[{{ada[13:4], 1'b1}}] <= dia[17:9];
        end else bytes[ada[13:3]] <= dia[8:0];
    end
    always @(posedge CLKB) begin
        if (CEB) latch <= DATA_WIDTH_B == 18
            ? {{bytes[{{adb[13:4], 1'b1}}], bytes[{{adb[13:4], 1'b0}}]}} : bytes[adb[13:3]];
        if (OCEB) out <= latch;
    end
    assign {DOB} = REGMODE_B == "OUTREG" ? out : latch;
endmodule
"""


def multiplier():
    """A signed product with input and output registers."""
    (a, A), (b, B), (p, P) = (pins(*bus) for bus in (("A", 18), ("B", 18), ("P", 36)))
    return f"""
module MULT18X18D #(
    parameter REG_INPUTA_CLK = "NONE", REG_INPUTB_CLK = "NONE", REG_OUTPUT_CLK = "NONE",
    parameter SOURCEB_MODE = "B_SHIFT", GSR = "ENABLED"
) (
    input CLK0, CE0, RST0, SIGNEDA, SIGNEDB, SOURCEA, SOURCEB, {a}, {b},
    output {p}
);
    reg signed [17:0] a_reg, b_reg;
    reg signed [35:0] p_reg;
    wire signed [17:0] a = REG_INPUTA_CLK == "CLK0" ? a_reg : {A};
    wire signed [17:0] b = REG_INPUTB_CLK == "CLK0" ? b_reg : {B};
    wire signed [35:0] p = a * b;
    always @(posedge CLK0) if (CE0) begin
        a_reg <= {A};
        b_reg <= {B};
        p_reg <= p;
    end
    assign {P} = REG_OUTPUT_CLK == "CLK0" ? p_reg : p;
endmodule
"""


def carry():
    """Two bits of a carry chain: the sums, and a carry from LUT2 where the LUT4 is 0."""
    return """
module CCU2C #(
    parameter [15:0] INIT0 = 0, INIT1 = 0, parameter INJECT1_0 = "YES", INJECT1_1 = "YES"
) (
    input CIN, A0, B0, C0, D0, A1, B1, C1, D1,
    output S0, S1, COUT
);
    wire lut4_0 = INIT0[{D0, C0, B0, A0}], lut2_0 = INIT0[{2'b0, B0, A0}];
    wire lut4_1 = INIT1[{D1, C1, B1, A1}], lut2_1 = INIT1[{2'b0, B1, A1}];
    wire between = lut4_0 ? CIN : lut2_0 & (INJECT1_0 == "NO");
    assign S0 = lut4_0 ^ (CIN & (INJECT1_0 == "NO"));
    assign S1 = lut4_1 ^ (between & (INJECT1_1 == "NO"));
    assign COUT = lut4_1 ? between : lut2_1 & (INJECT1_1 == "NO");
endmodule
"""
