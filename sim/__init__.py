"""Simulation with Verilator: native models for speed, cocotb benches for protocol.

Everything here needs g++, perl and make; `sim.toolchain` says in one line which of them is missing.
"""

from golden.system.extras import needs

needs("hardware").check("amaranth")
