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
    "one_line",
]


def one_line(text: str) -> str:
    """Return a message as one line: what a name of a stranger may hold is shown, not printed.

    Line ends become spaces; other characters that are not printed, such as those that steer a
    terminal, are written as Python writes them in texts.
    """
    if text.isprintable():
        return text
    return "".join(
        " " if one in "\n\r" else one if one.isprintable() else repr(one)[1:-1] for one in text
    )


class GoldenError(ValueError):
    """Any input that `golden` refuses; its message is one line."""

    exit_status = 2

    def __str__(self) -> str:
        """Return the message."""
        return one_line(super().__str__())


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
