"""Exit status of what can go wrong, for every program of this project."""

__all__ = [
    "BAD_INPUT",
    "BROKEN_PIPE",
    "DIFFERENT",
    "STOPPED",
    "TERMINATED",
    "TOOL_MISSING",
    "exit_status",
    "said",
]

DIFFERENT = 1  # Output words differ, or the simulation failed.
BAD_INPUT = 2
TOOL_MISSING = 3
STOPPED = 130  # By the user.
BROKEN_PIPE = 141  # What reads standard output has left: as of a program that SIGPIPE ends.
TERMINATED = 143  # By a SIGTERM.


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
    refused = isinstance(error, OSError) and error.errno is not None
    bad_input = isinstance(error, DriverError | GoldenError | ConfigError | BoardError)
    return BAD_INPUT if bad_input or refused else None


def said(error: BaseException) -> str:
    """What an error says of itself, in one line."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or "stopped"
