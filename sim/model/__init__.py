"""Verilator models of the Verilog: how they are made, kept, run and looked into."""
