"""How sums leave the stages of a layer."""

import dataclasses

from golden.fixed.finish import Finish

__all__ = ["Requantised"]


@dataclasses.dataclass(frozen=True)
class Requantised:
    """How sums leave the stages of a layer: their right shifts, and what ends the last.

    `gain_bits` is m of a dense layer's partial sums, which are added times 2**m.
    """

    shifts: tuple[int, ...]
    finish: Finish
    gain_bits: int = 0
