"""The error of a machine without a compiler."""

from golden.errors import GoldenError

__all__ = ["CompiledMissing"]


class CompiledMissing(GoldenError):
    """The compiled golden model cannot be built or loaded here; the PyTorch form can be used."""

    exit_status = 3
