"""`Countdown`: a count that goes down, with registers that say whether it is at 0 or at 1."""

from amaranth import *

__all__ = ["Countdown"]


class Countdown:
    """Counts what is left. Registers say whether that is more than 0, or 1, so nobody compares.

    Its owner adds the statements of `start` or `step` to a clocked domain; if both hold in one
    cycle, those that were added later count. After a `step` at 0 the count must be started before
    it is used again.

    Parameters
    ----------
    bits : int
        Width of the count.
    name : str
        Its registers are `{name}_left`, `{name}_some` and `{name}_last`.

    Attributes
    ----------
    left : Signal(bits)
        The count, 0 at reset.
    some, last : Signal(1)
        The count is not 0; the count is 1.
    """

    def __init__(self, bits, name):
        self.left = Signal(bits, name=f"{name}_left")
        self.some = Signal(name=f"{name}_some")
        self.last = Signal(name=f"{name}_last")

    def start(self, count):
        """Statements that set the count to a value."""
        count = Value.cast(count)
        return [self.left.eq(count), self.some.eq(count != 0), self.last.eq(count == 1)]

    def step(self):
        """Statements that take one from the count."""
        return [
            self.left.eq(self.left - 1),
            self.some.eq(~self.last),
            self.last.eq(self.left == 2),
        ]
