"""What a native model is given, and what it gives back."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Beats", "Cycles", "Probe", "Transfer"]

Beats = npt.NDArray[np.uint32]
"""[count, words of a beat], low word first."""

Cycles = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Transfer:
    """What one run moved.

    Parameters
    ----------
    beats
        Beats that the model gave, uint32 [given, words of a beat].
    in_cycles, out_cycles
        Clock cycle in which each beat was transferred, uint64 [taken] and [given], counted from the
        creation of the model.
    """

    beats: Beats
    in_cycles: Cycles
    out_cycles: Cycles


@dataclass(frozen=True)
class Probe:
    """Finds the spans in which an engine is at something.

    A span is from a cycle in which `active` is high to the one in which in addition all of `high`
    are, and none of `low`, that cycle included.

    Parameters
    ----------
    scope
        The instance that the variables are in, from the top down, with dots.
    active, high, low
        Names of variables, of 32 bits at most.
    """

    scope: str
    active: str
    high: tuple[str, ...] = ()
    low: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All variables."""
        return self.active, *self.high, *self.low
