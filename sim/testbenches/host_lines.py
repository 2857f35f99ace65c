"""Beats as lines of hex digits, as `sim/testbenches/host_stream.v` reads and writes them.

That testbench is a host in plain Verilog, for simulators that this package does not run itself;
docs/fpga.md shows it in use.
"""

import re
from pathlib import Path

import numpy as np

from sw_driver.arrays import Beats
from sw_driver.script.files import lines_of_beats

from ..errors import SimError

__all__ = ["TESTBENCH", "beats_of_lines", "lines_of_beats"]

TESTBENCH = Path(__file__).with_name("host_stream.v")

_WORD_DIGITS = 8


def beats_of_lines(text: str, host_bits: int) -> Beats:
    """Read beats of `host_bits` from lines; returns uint32 [beats, words of a beat].

    Raises
    ------
    SimError
        A line is not a beat: it has other digits, such as the `x` of bits that are unknown, or
        another number of them.
    """
    digits = host_bits // 4
    beats: list[list[int]] = []
    for number, line in enumerate(text.split(), 1):
        if not re.fullmatch(f"[0-9a-fA-F]{{{digits}}}", line):
            raise SimError(f"line {number} must be a beat of {digits} hex digits, not {line!r}; x "
                           "and z stand for bits that the simulator does not know")
        beats.append([int(line[place:place + _WORD_DIGITS], 16)
                      for place in range(digits - _WORD_DIGITS, -1, -_WORD_DIGITS)])
    return np.array(beats, np.uint32).reshape(-1, digits // _WORD_DIGITS)
