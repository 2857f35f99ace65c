"""Exit status of what can go wrong, for every program of this project."""

from golden.system.ending import BAD_INPUT, BROKEN_PIPE

__all__ = [
    "BAD_INPUT",
    "BROKEN_PIPE",
    "DIFFERENT",
    "STOPPED",
    "TOOL_MISSING",
    "exit_status",
]

DIFFERENT = 1  # Output words differ, or the simulation failed.
TOOL_MISSING = 3
STOPPED = 130  # By Ctrl-C; other signals give 128 and their number as well (golden.stopping).


def exit_status(error: BaseException) -> int | None:
    """The exit status of an error that users can cause; None of any other, which is a bug."""
    from fpga.errors import BoardError, FpgaError, FpgaToolMissing
    from golden.errors import GoldenError
    from hw.config import ConfigError
    from sim.errors import SimError, ToolMissing
    from sw_driver.errors import DriverError

    if isinstance(error, KeyboardInterrupt):
        return STOPPED
    if isinstance(error, ToolMissing | FpgaToolMissing):
        return TOOL_MISSING
    if isinstance(error, SimError | FpgaError):
        return DIFFERENT
    # What the system refuses and nothing foresaw, such as a temporary folder on a full disk.
    bad_input = isinstance(error, DriverError | GoldenError | ConfigError | BoardError | OSError)
    return BAD_INPUT if bad_input else None
