"""`Countdown`: a count that goes down, with what control asks of it in registers."""

from amaranth import *

__all__ = ["Countdown"]


class Countdown:
    """A count of what is left, and whether that is anything, or one: no comparison in any path.

    Its owner adds the statements of `start` or `step` to a clocked domain; of two in one cycle the
    later one holds. After a `step` with nothing left, it must be started before it is used.

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
        It is not 0; it is 1.
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
