"""`Loop`: the count of one of nested loops, with its end in a register."""

from amaranth import *

__all__ = ["Loop"]


class Loop:
    """A count down to 0 that then begins again: no comparison is in the path of its end.

    Its owner adds the statements of `start` or `step` to a clocked domain; of two in one cycle the
    later one holds. A loop outside steps in the cycles in which this one steps `at_last`.

    Parameters
    ----------
    last : Value
        Of the shape of what it counts from: turns, less one.
    name : str
        Its registers are `{name}` and `at_last_{name}`.

    Attributes
    ----------
    left : Signal
        Turns after this one, 0 at reset.
    at_last : Signal(1)
        There are none; low at reset, so it must be started before it is used.
    """

    def __init__(self, last, name):
        self.left = Signal.like(last, name=name)
        self.at_last = Signal(name=f"at_last_{name}")

    def start(self, last):
        """Statements that begin with the first of `last` + 1 turns."""
        return [self.left.eq(last), self.at_last.eq(last == 0)]

    def step(self, last):
        """Statements that go on to the next turn: after the last one, the first of `last` + 1."""
        return [
            self.left.eq(Mux(self.at_last, last, self.left - 1)),
            self.at_last.eq(Mux(self.at_last, last == 0, self.left == 1)),
        ]
