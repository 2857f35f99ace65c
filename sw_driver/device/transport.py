"""`Transport`: whatever moves the beats of a torus."""

import abc
from collections.abc import Callable, Generator
from typing import TypeVar

from sw_driver.arrays import Beats
from sw_driver.compiled import Compiled
from sw_driver.program.events import Receive, Send

__all__ = ["Moved", "Transport", "carry_out"]

Result = TypeVar("Result")

Moved = Callable[[int, int], object]
"""Called now and then with the beats that the torus has taken and given since an exchange began."""


class Transport(abc.ABC):
    """Opens a torus and moves beats, nothing else."""

    @abc.abstractmethod
    def open(self, compiled: Compiled) -> bool:
        """Make a torus of `compiled.config` ready, fresh from reset; none is open.

        Returns whether it holds the weights and biases of the net already.
        """

    @abc.abstractmethod
    def exchange(
        self, events: Generator[Send | Receive, Beats | None, Result], moved: Moved | None = None
    ) -> tuple[Result, int | None]:
        """Carry out every Send and Receive in order, giving back the beats of each Receive.

        What is sent may be on its way while what comes next is received. Returns what the generator
        returns, and the clock cycles from the first beat moved to the last; None where there is no
        clock.
        """

    @abc.abstractmethod
    def close(self) -> None:
        """Let go of the torus; nothing is done if none is open."""


def carry_out(
    events: Generator[Send | Receive, Beats | None, Result],
    send: Callable[[Beats], object],
    receive: Callable[[int], Beats],
) -> Result:
    """Go through events in order, sending and receiving beats; return what they return."""
    reply: Beats | None = None
    while True:
        try:
            event = events.send(reply)
        except StopIteration as end:
            return end.value
        if isinstance(event, Receive):
            reply = receive(event.beats)
        else:
            reply = None
            send(event.beats)
