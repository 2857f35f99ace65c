"""The CRC-32 of frames, as a definition for proofs."""

from amaranth import *

__all__ = ["crc_after"]

_POLYNOMIAL = 0xEDB88320


def crc_after(crc: Value, byte: Value) -> Value:
    """Return the CRC-32 register after one more byte, low bit first."""
    crc = crc ^ byte
    for _ in range(8):
        crc = (crc >> 1)[:32] ^ Mux(crc[0], _POLYNOMIAL, 0)
    return crc
