"""`Countdown` and `CountdownToLast`: counts that go down, without a comparison in any path."""

from amaranth import *

__all__ = ["Countdown", "CountdownToLast"]


class Countdown:
    """A count of what is left, and whether that is anything: the sign of a register one below it.

    Its owner adds the statements of `start` or `step` to a clocked domain; of two in one cycle the
    later one holds. After a `step` with nothing left, it must be started before it is used.

    Parameters
    ----------
    bits : int
        Width of the count.
    name : str
        Its register is `{name}_left`.

    Attributes
    ----------
    some : Value
        The count is not 0; it is 0 at reset.
    """

    def __init__(self, bits, name):
        self._less_one = Signal(signed(bits + 1), init=-1, name=f"{name}_left")
        self.some = ~self._less_one[-1]

    def start(self, count):
        """Statements that set the count to a value."""
        return [self._less_one.eq(Value.cast(count) - 1)]

    def step(self):
        """Statements that take one from the count."""
        return [self._less_one.eq(self._less_one - 1)]


class CountdownToLast(Countdown):
    """A count that also says that one is left.

    Attributes
    ----------
    last : Signal(1)
        The count is 1. Its register is `{name}_last`.
    """

    def __init__(self, bits, name):
        super().__init__(bits, name)
        self.last = Signal(name=f"{name}_last")

    def start(self, count):
        return [*super().start(count), self.last.eq(Value.cast(count) == 1)]

    def step(self):
        return [*super().step(), self.last.eq(self._less_one == 1)]
