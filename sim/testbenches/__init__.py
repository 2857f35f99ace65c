"""Testbenches in cocotb and Verilog, and what starts them."""
