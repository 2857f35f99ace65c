"""What the MACs of all PEs do in a cycle."""

from typing import NamedTuple

from sw_driver.cycle_model.lanes import Mask

__all__ = ["IDLE", "NOTHING", "Landing", "Step"]


class Landing(NamedTuple):
    """Results that are written in a cycle, in the lanes of the ring engines that they go to.

    `last` are the last ones of a repetition.
    """

    written: Mask
    last: Mask


class Step(NamedTuple):
    """Steps, last ones of a sum, and last ones of a repetition, in the lanes of the PEs.

    `freed` are last ones backwards that take a row of gradients.

    In those of ring engines: `consumed` and `reread`, whose words those of a repetition were, read
    forwards and backwards; and `given`, to whose reduce engines a sum goes that ends in this cycle.
    """

    done: Mask
    sum_ended: Mask
    rep_ended: Mask
    consumed: Mask
    reread: Mask = 0
    given: Mask = 0
    freed: Mask = 0


NOTHING = Landing(0, 0)
IDLE = Step(0, 0, 0, 0)
