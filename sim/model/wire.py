"""`Wire`: what becomes of bytes on their way, and how many there were."""

import dataclasses
from random import Random

from .transfers import Cycles

__all__ = ["Damage", "Wire"]


@dataclasses.dataclass(frozen=True)
class Damage:
    """How often a byte is dropped, doubled, or has a bit flipped: each a third of the cases.

    Parameters
    ----------
    per_mille
        Of 1000 bytes.
    seed
        Any whole number.
    """

    per_mille: float = 0.0
    seed: int = 0


class Wire:
    """One direction of a UART.

    Parameters
    ----------
    damage
        What it does to bytes.
    direction
        0 or 1: the two directions draw from sequences of their own.

    Attributes
    ----------
    damaged : int
        Bytes that were dropped, doubled or flipped.
    bytes, frames : int
        Bytes at the board's end of the wire, and zeros among them, which end frames.
    first_cycle, last_cycle : int or None
        When the first and the last of these began, from the creation of the board's model.
    """

    def __init__(self, damage: Damage, direction: int) -> None:
        self._per_mille = damage.per_mille
        self._random = Random(2 * damage.seed + direction)
        self.clear()

    def clear(self) -> None:
        """Count anew."""
        self.damaged = self.bytes = self.frames = 0
        self.first_cycle: int | None = None
        self.last_cycle: int | None = None

    def pass_on(self, data: bytes) -> bytes:
        """Return what arrives of `data`."""
        if not self._per_mille:
            return data
        out = bytearray()
        for byte in data:
            if self._random.random() * 1000 >= self._per_mille:
                out.append(byte)
                continue
            self.damaged += 1
            kind = self._random.randrange(3)
            if kind == 1:
                out += bytes([byte, byte])
            elif kind == 2:
                out.append(byte ^ 1 << self._random.randrange(8))
        return bytes(out)

    def count(self, data: bytes, cycles: Cycles) -> None:
        """Count bytes at the board's end, with the cycle in which each began."""
        if not data:
            return
        if self.first_cycle is None:
            self.first_cycle = int(cycles[0])
        self.last_cycle = int(cycles[-1])
        self.bytes += len(data)
        self.frames += data.count(0)
