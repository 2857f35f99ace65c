"""What a native model is given, and what it gives back."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sw_driver.arrays import Beats

from ..errors import SimError

__all__ = ["Cycles", "Probe", "Stalls", "Transfer"]

Cycles = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Stalls:
    """How often the host is not ready: random cycles, the same ones for the same seed.

    Parameters
    ----------
    in_per_mille
        Of 1000 cycles in which a beat could be offered, those in which none is. A beat that was
        offered stays so until it is taken.
    out_per_mille
        Of 1000 cycles, those in which no beat is accepted.
    seed
        Any whole number.
    """

    in_per_mille: int = 0
    out_per_mille: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("in_per_mille", "out_per_mille"):
            value = getattr(self, name)
            if not 0 <= value <= 1000:
                raise SimError(f"{name} must be 0 to 1000, not {value}")


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

    def missing(self, in_count: int, out_count: int, cycles: int) -> str | None:
        """Say how far a transfer of so many beats came in so many cycles; None if to its end."""
        if len(self.in_cycles) == in_count and len(self.beats) == out_count:
            return None
        stamps = [*self.in_cycles[-1:].tolist(), *self.out_cycles[-1:].tolist()]
        when = f"the last in cycle {max(stamps)}" if stamps else "nothing was transferred"
        return (
            f"took {len(self.in_cycles)} of {in_count} beats and gave {len(self.beats)} of "
            f"{out_count} within {cycles} cycles; {when}"
        )


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
