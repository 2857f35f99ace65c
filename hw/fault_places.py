"""Where a torus with `checks` finds faults: the places, and the order of the nodes that have flags.

It needs the standard library.
"""

import enum
from typing import Any

__all__ = ["FaultPlace", "fault_units", "flag_bits"]


class FaultPlace(enum.IntEnum):
    """Bits of a node's flags: where it has found something wrong.

    WEIGHTS, BUFFER, BIASES
        In the memory of weights, a gather buffer, or the memory of biases of a PE.
    PROGRAM
        In the program memory of a PE, of a gateway, or of the bridge.
    LINK
        In a word that came over a link into a PE or a gateway.
    SUM
        With `checks` of 2 or more: a sum of a PE is not what its words, weights and bias give,
        modulo 3. With `checks` of 2 also: a register on the way of a sum differs from its twin.
    CONTROL
        With `checks` of 3: a register of the node, or of a link into it, differs from its twin; or
        a beat in a queue of a gateway is not the one that was put there.
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
    SUM = 5
    CONTROL = 6
    GRADIENTS = 7
    VELOCITIES = 8
    PARTIALS = 9
    BACK_LINK = 10
    RANDOM = 11


def fault_units(config: Any) -> int:
    """Count the nodes that have flags: the PEs of each row with its gateway last, and the bridge.

    The PE of row r and column c is number `r * (cols + 1) + c`, the gateway of row r is number
    `r * (cols + 1) + cols`, and the bridge comes last.
    """
    return config.rows * (config.cols + 1) + 1


def flag_bits(config: Any) -> int:
    """Count the flags of a node, those of `FaultPlace` from the first on.

    They are 5, 6 or 7 by `checks`, and all in a torus that trains.
    """
    return len(FaultPlace) if config.training is not None else FaultPlace.LINK + config.checks
