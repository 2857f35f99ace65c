"""FPGA flows on the generated Verilog."""

from golden.system.extras import needs

needs("fpga").check("amaranth")
