"""`saturated`: a value clipped to a narrower word."""

from amaranth import *

__all__ = ["saturated"]


def saturated(value, bits):
    """Return a signed value clipped to a word of `bits` bits, two's complement.

    A value of no more bits comes back as it is.
    """
    if len(value) <= bits:
        return value.as_signed()
    sign = value[-1]
    fits = ~(value[bits - 1:-1] ^ sign.replicate(len(value) - bits)).any()
    return Mux(fits, value[:bits], Cat((~sign).replicate(bits - 1), sign)).as_signed()
