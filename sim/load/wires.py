"""`BadWire`: one direction of a line that also cuts frames."""

from random import Random

from sim.model.wire import Damage, Wire

__all__ = ["BadWire"]

_MOST_CUT_BYTES = 60


class BadWire:
    """Damages bytes as a `Wire` does, and now and then loses a row of them.

    Parameters
    ----------
    per_mille
        Of 1000 bytes, so many are damaged: a quarter of them each are dropped, doubled, have a bit
        flipped, or are the first of a row that is lost.
    seed
        Any whole number.
    direction
        0 or 1, as of a `Wire`.

    Attributes
    ----------
    cuts
        Rows of bytes that were lost.
    """

    def __init__(self, per_mille: float, seed: int, direction: int) -> None:
        self._wire = Wire(Damage(0.75 * per_mille, seed), direction)
        self._per_byte = per_mille / 4000
        self._random = Random(f"cuts/{seed}/{direction}")
        self._until_cut = self._draw()
        self.cuts = 0

    @property
    def damaged(self) -> int:
        """How often a byte was dropped, doubled or flipped, or a row of bytes lost."""
        return self._wire.damaged + self.cuts

    def pass_on(self, data: bytes) -> bytes:
        """Return what arrives of `data`."""
        while self._until_cut < len(data):
            at = self._until_cut
            data = data[:at] + data[at + self._random.randint(2, _MOST_CUT_BYTES):]
            self.cuts += 1
            self._until_cut = at + self._draw()
        self._until_cut -= len(data)
        return self._wire.pass_on(data)

    def _draw(self) -> int:
        """Bytes until the next cut."""
        return int(self._random.expovariate(self._per_byte)) if self._per_byte else 1 << 62
