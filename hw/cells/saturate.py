"""Saturation of a value to a narrower word."""

from amaranth import *

__all__ = ["saturated"]


def saturated(value, bits):
    """A signed value clipped to `bits` bits, two's complement; wider words are kept whole."""
    if len(value) <= bits:
        return value.as_signed()
    sign = value[-1]
    fits = ~(value[bits - 1:-1] ^ sign.replicate(len(value) - bits)).any()
    return Mux(fits, value[:bits], Cat((~sign).replicate(bits - 1), sign)).as_signed()
