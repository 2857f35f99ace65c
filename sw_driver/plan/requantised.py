"""How sums leave the stages of a layer."""

import dataclasses

__all__ = ["Requantised"]


@dataclasses.dataclass(frozen=True)
class Requantised:
    """How sums leave the stages of a layer: their right shifts, and a ReLU at the end.

    `gain_bits` is m of a dense layer's partial sums, which are added times 2**m.
    """

    shifts: tuple[int, ...]
    relu: bool
    gain_bits: int = 0
