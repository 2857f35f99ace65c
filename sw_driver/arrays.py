"""Arrays that pass between the rooms of the compiler and the devices."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["Beats", "IntArray"]

IntArray = NDArray[np.int64]
"""Whole numbers: words, features, addresses; the shape is said where it is used."""

Beats = NDArray[np.uint32]
"""What a host moves: [beats, host_bits / 32], low part first."""
