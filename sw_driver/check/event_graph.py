"""A graph of the events of a program, and which come before which, whatever the timing."""

import graphlib

from sw_driver.errors import ProgramError

__all__ = ["Event", "EventGraph", "Ordering"]

Event = tuple[str, int, str]
"""Queue, number of the unit in it, and what happens."""


class EventGraph:
    """Events, and for each event those that wait for it."""

    def __init__(self) -> None:
        self._after: dict[Event, list[Event]] = {}
        self._sorter: graphlib.TopologicalSorter[Event] = graphlib.TopologicalSorter()

    def add_edge(self, first: Event, second: Event) -> None:
        """Let `second` wait for `first`."""
        self._after.setdefault(first, []).append(second)
        self._after.setdefault(second, [])
        self._sorter.add(second, first)

    def ordering(self) -> "Ordering":
        """Find which events come before which; to be called once, when all edges are there.

        Raises
        ------
        ProgramError
            If there is a cycle; the message has its events.
        """
        return Ordering(self.in_order(), self._after)

    def in_order(self) -> list[Event]:
        """List all events, each after those that it waits for; raises as `ordering` does."""
        try:
            return list(self._sorter.static_order())
        except graphlib.CycleError as error:
            cycle: list[Event] = error.args[1]
            steps = [f"{queue} repetition {number} {event}" for queue, number, event in cycle]
            raise ProgramError(
                "the program would lock up, since each of these comes before the next: "
                + " -> ".join(steps)
            ) from error


class Ordering:
    """Which events come before which, in a graph without cycles.

    Parameters
    ----------
    order
        All events, each after those that it waits for.
    after
        For each event, those that wait for it.
    """

    def __init__(self, order: list[Event], after: dict[Event, list[Event]]) -> None:
        # A set of events is a number with a bit for each event.
        self._bit = {event: 1 << index for index, event in enumerate(order)}
        self._after: dict[Event, int] = {}
        for event in reversed(order):
            reached = 0
            for following in after[event]:
                reached |= self._bit[following] | self._after[following]
            self._after[event] = reached

    def before(self, first: Event, second: Event) -> bool:
        """Whether `first` always comes before `second`."""
        return bool(self._after[first] & self._bit[second])
