"""What happens in a cycle, and who looks at it."""

from typing import NamedTuple, Protocol

from sw_driver.cycle_model.lanes import Mask
from sw_driver.cycle_model.steps import Step

__all__ = ["Observer", "Signals"]


class Signals(NamedTuple):
    """What happens in a cycle; each where it does.

    Parameters
    ----------
    arriving, received
        A word is offered to a node by the one upstream of it, and taken.
    load, filled
        An output register may take a word, and does.
    passed_on
        A word leaves the buffer of a PE, or passes it by.
    step
        What the MACs do.
    ring_begin, ring_finish
        Repetitions of ring engines.
    mac_begin
        Repetitions of the MAC; they finish with `step`.
    gateway_finish
        Repetitions of gateways.
    gave, took
        Whether the host gives a beat, and whether it takes one.
    """

    arriving: Mask
    received: Mask
    load: Mask
    filled: Mask
    passed_on: Mask
    step: Step
    ring_begin: Mask
    ring_finish: Mask
    mac_begin: Mask
    gateway_finish: Mask
    gave: bool
    took: bool


class Observer(Protocol):
    """Looks at a `Machine` in every cycle, before its registers change."""

    def see(self, signals: Signals) -> None:
        """Look at one."""
        ...
