"""What can go wrong in a simulation."""

__all__ = ["BenchFailed", "BuildFailed", "LintFailed", "SimError", "ToolMissing", "Unfinished",
           "VectorRefused"]


class SimError(RuntimeError):
    """A simulation could not be built or did not do what it had to."""

    exit_status = 1


class ToolMissing(SimError):
    """A program that the user must install is not there; the message says which and how."""

    exit_status = 3


class LintFailed(SimError):
    """Verilator warns of something that `sim/model/waivers.vlt` does not list."""


class BuildFailed(SimError):
    """Verilator or the C++ compiler refused a model."""


class Unfinished(SimError):
    """A model did not finish within the cycles that it was given."""


class BenchFailed(SimError):
    """A cocotb test failed."""


class VectorRefused(SimError):
    """The vector engine does not simulate such a design, or not on such a machine."""
