"""A name of before the rooms: `sim.testbenches.host_lines` has what was here."""

from golden.system.names import moved_names

__getattr__ = moved_names(
    __name__,
    {
        "TESTBENCH": "sim.testbenches.host_lines",
        "beats_of_lines": "sim.testbenches.host_lines",
        "lines_of_beats": "sim.testbenches.host_lines",
    },
)
