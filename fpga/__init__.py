"""FPGA flows on the generated Verilog."""
