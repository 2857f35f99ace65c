"""Verilog whose signals viewers of waveforms can read."""

import re

__all__ = ["traceable"]

# What starts the blocks of a module (`hw.emit`). GTKWave takes the end of the name for a range of
# bits, and refuses a VCD file that has some dozens of such names.
_START = re.compile(r"\\\$auto\$verilog_backend\.cc:\d+:dump_module\$(\d+) ")


def traceable(verilog: str) -> str:
    """Rename what no viewer can read, so that it is in no trace: Verilator leaves out names in `_`.

    Nothing else of the design changes.
    """
    return _START.sub(r"_start_\1 ", verilog)
