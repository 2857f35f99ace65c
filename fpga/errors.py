"""What can go wrong in an FPGA flow."""

__all__ = ["BoardError", "FlowFailed", "FpgaError", "FpgaToolMissing"]


class FpgaError(RuntimeError):
    """An FPGA flow did not do what it had to."""

    exit_status = 1


class FpgaToolMissing(FpgaError):
    """A tool of the flow is not installed in this environment; the message says which."""

    exit_status = 3


class FlowFailed(FpgaError):
    """A tool refused a design, or its result is not what was expected."""


class BoardError(ValueError):
    """What was asked for cannot be built: an unknown board, a torus too large, a clock too fast."""

    exit_status = 2
