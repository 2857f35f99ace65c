"""Errors that a user of `golden` can cause and mend; each message names the field and the value."""

__all__ = [
    "AnalysisError",
    "CheckpointError",
    "CompiledMissing",
    "DataError",
    "GoldenError",
    "GoldenWarning",
    "ModelError",
    "ShapeError",
    "TopologyError",
]


class GoldenError(ValueError):
    """Any input that `golden` refuses."""

    exit_status = 2


class GoldenWarning(UserWarning):
    """What a user should know of a result that is otherwise as asked for."""


class ShapeError(GoldenError):
    """A layer shape that no Clos network has, or a tensor that does not fit a shape."""


class ModelError(GoldenError):
    """A model, or numbers in it, that cannot be quantised or run in fixed point."""


class DataError(GoldenError):
    """A dataset that is missing or is not what it says."""


class CheckpointError(GoldenError):
    """A model file that cannot be read back."""


class TopologyError(GoldenError):
    """Sizes, degrees or a text that make no topology, or outputs that no input reaches."""


class AnalysisError(GoldenError):
    """An analysis that a topology is too large for, or numbers that do not fit the topology."""


class CompiledMissing(GoldenError):
    """Code in C++ that cannot be built or loaded here; the same in PyTorch can be used."""

    exit_status = 3
