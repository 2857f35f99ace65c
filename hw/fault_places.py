"""Where a torus with `checks` finds faults: the places, and the order of the nodes that have flags.

It needs the standard library.
"""

import enum
from typing import Any

__all__ = ["FaultPlace", "fault_units"]


class FaultPlace(enum.IntEnum):
    """Bits of a node's flags: where it has found a word whose parity is wrong.

    WEIGHTS, BUFFER, BIASES
        In the memory of weights, a gather buffer, or the memory of biases of a PE.
    PROGRAM
        In the program memory of a PE, of a gateway, or of the bridge.
    LINK
        In a word that came over a link into a PE or a gateway.
    GRADIENTS
        In a memory of gradients or of targets of a PE that trains.
    VELOCITIES
        In a memory of accumulated gradients of a PE that trains.
    PARTIALS
        In a queue of a reduce engine of a PE that trains: partial sums, or shares to be added.
    BACK_LINK
        In a partial sum that came over a link back into a PE or a gateway.
    RANDOM
        In the random generator of a PE that trains.
    """

    WEIGHTS = 0
    BUFFER = 1
    BIASES = 2
    PROGRAM = 3
    LINK = 4
    GRADIENTS = 5
    VELOCITIES = 6
    PARTIALS = 7
    BACK_LINK = 8
    RANDOM = 9


def fault_units(config: Any) -> int:
    """Count the nodes that have flags: the PEs of each row with its gateway last, and the bridge.

    The PE of row r and column c is number `r * (cols + 1) + c`, the gateway of row r is number
    `r * (cols + 1) + cols`, and the bridge comes last.
    """
    return config.rows * (config.cols + 1) + 1
