"""`Loop`: the count of one of nested loops, with a register that is high in its last turn."""

from amaranth import *

__all__ = ["Loop"]


class Loop:
    """Counts down to 0 and then begins again. Its end is a register, so nobody compares.

    Its owner adds the statements of `start` or `step` to a clocked domain; if both hold in one
    cycle, those that were added later count. The loop around this one steps in the cycles in which
    this one steps while `at_last` is high.

    Parameters
    ----------
    last : Value
        The number of turns less one; only its shape is used.
    name : str
        Its registers are `{name}` and `at_last_{name}`.

    Attributes
    ----------
    left : Signal
        Turns after this one, 0 at reset.
    at_last : Signal(1)
        No turn comes after this one. Low at reset, so the loop must be started before it is used.
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
