"""Designs that the vector engine does not simulate: each is refused, and what is wrong is named."""

import pytest

from sim.errors import VectorRefused
from sim.toolchain import find_toolchain
from sim.vector.model import VectorModel
from sim.vector.program import program
from sim.vector.yosys import design_of

PORTS = """module top(clk, rst, host_in_data, host_in_valid, host_in_ready, host_out_data,
           host_out_valid, host_out_ready, pad);
  input clk, rst, host_in_valid, host_out_ready;
  input [31:0] host_in_data;
  output host_in_ready, host_out_valid;
  output [31:0] host_out_data;
"""
REST = "  assign host_in_ready = 1; assign host_out_valid = 0; assign host_out_data = 0;\n"

# Amaranth's Verilog has an instance on a line of its own.
LOOP = """module pass(a, b, y);
  input a, b; output y;
  assign y = a ^ b;
endmodule
"""
CHAIN = "".join(f"  pass  p{n} (\n    .a(w[{n}]),\n    .b(pad),\n    .y(w[{n + 1}])\n  );\n"
                for n in range(4))

DESIGNS = {
    "a latch": (PORTS + "  input pad; reg [31:0] host_out_data;\n"
                "  always @* if (pad) host_out_data = host_in_data;\n"
                "  assign host_in_ready = 1; assign host_out_valid = 0;\nendmodule\n",
                r"does not simulate the cell kind \$dlatch"),
    "an inout": (PORTS + f"  inout pad;\n{REST}endmodule\n", "no inout: port pad of top"),
    "a falling edge": (PORTS + "  input pad; reg [31:0] host_out_data;\n"
                       "  always @(negedge clk) host_out_data <= host_in_data;\n"
                       "  assign host_in_ready = 1; assign host_out_valid = 0;\nendmodule\n",
                       "one clock, clk, and its rising edge"),
    "two clocks": (PORTS + "  input pad; reg [31:0] host_out_data;\n"
                   "  always @(posedge pad) host_out_data <= host_in_data;\n"
                   "  assign host_in_ready = 1; assign host_out_valid = 0;\nendmodule\n",
                   "one clock, clk, and its rising edge"),
    "an asynchronous reset": (PORTS + "  input pad; reg [31:0] host_out_data;\n"
                              "  always @(posedge clk or posedge rst)\n"
                              "    if (rst) host_out_data <= 0; else host_out_data <= pad;\n"
                              "  assign host_in_ready = 1; assign host_out_valid = 0;\nendmodule\n",
                              r"does not simulate the cell kind \$adff"),
    "a chain of copies": (LOOP + PORTS + "  input pad; wire [4:0] w;\n  assign w[0] = pad;\n"
                          f"{CHAIN}  assign host_in_ready = w[4]; assign host_out_valid = 0;\n"
                          "  assign host_out_data = 0;\nendmodule\n",
                          "a path without a register leads through"),
    "no host": ("module top(clk, a, y);\n  input clk, a; output y;\n  assign y = a;\nendmodule\n",
                "the host's ports: rst is missing"),
}


@pytest.mark.usefixtures("toolchain")
@pytest.mark.parametrize("name", DESIGNS)
def test_a_design_is_refused(name, tmp_path):
    verilog, message = DESIGNS[name]
    with pytest.raises(VectorRefused, match=message):
        program(design_of(verilog, "top", find_toolchain(), tmp_path))


def test_waveforms_are_refused(tmp_path):
    with pytest.raises(VectorRefused, match=r"no waveforms: leave out the trace .*w.vcd"):
        VectorModel("", "top", trace=tmp_path / "w.vcd")
