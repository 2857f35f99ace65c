"""How long work tells how far it has come."""

from collections.abc import Callable

__all__ = ["Progress"]

Progress = Callable[[str, int, int], object]
"""Called with what is being done, how much of it is done, and how much there is."""
