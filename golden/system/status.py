"""Exit statuses of every program of this project.

An error that users can cause and mend says its own: the root class of each package's errors has an
attribute `exit_status`. Whatever has none is a bug, and is raised as it is.
"""

__all__ = [
    "BAD_INPUT",
    "BROKEN_PIPE",
    "DIFFERENT",
    "STOPPED",
    "TOOL_MISSING",
    "exit_status",
]

DIFFERENT = 1  # Output words differ, or the simulation or an FPGA flow failed.
BAD_INPUT = 2  # Also what the system refuses, such as to write to a full disk.
TOOL_MISSING = 3
STOPPED = 130  # By Ctrl-C; other signals give 128 and their number as well (stopping.py).
BROKEN_PIPE = 141  # What reads standard output has left: as of a program that SIGPIPE ends.


def exit_status(error: BaseException) -> int | None:
    """The exit status of an error that users can cause; None of any other, which is a bug."""
    if isinstance(error, KeyboardInterrupt):
        return STOPPED
    if isinstance(error, OSError):
        return BAD_INPUT
    return getattr(error, "exit_status", None)
