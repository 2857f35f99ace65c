"""`is_above`: a comparison with a constant, as plain logic."""

from amaranth import *

__all__ = ["is_above"]


def is_above(value, bound):
    """Return whether an unsigned value is above a constant, which may be below 0.

    Synthesis makes a carry chain of each `>`; many constants compared with one value of a few bits
    take half the LUTs as logic that shares its terms.
    """
    if bound < 0:
        return Const(1, 1)
    if bound >> len(value):
        return Const(0, 1)
    above = Const(0, 1)
    for place, bit in enumerate(value):
        above = bit & above if bound >> place & 1 else bit | above
    return above
