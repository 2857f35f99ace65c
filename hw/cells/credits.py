"""`Credits`: the progress counter by which one engine waits for another."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Credits"]


class Credits(wiring.Component):
    """Counts events of one engine, less those that another has asked for: may that one go on?

    Whoever is to wait takes as many credits as it needs, in one cycle and whether they are there or
    not, and goes on when there are `enough`. So a wait is a single bit, and what is asked for adds
    up: it does not matter which of several events comes first, nor how far they are ahead. See
    docs/architecture.md, section 3, for who counts what.

    There may be 2**width - 1 more events than were asked for, and 2**width fewer; the counter wraps
    beyond that. It never forgets an event, nor counts one twice, but for those of a `start`.

    Parameters
    ----------
    width : int
        Of what is asked for at once.

    Members
    -------
    add : In(1)
        An event. Sampled on every cycle: one for each cycle in which it is high.
    take : In(width)
        So many are asked for, 0 for none. Sampled on every cycle, independent of `add`.
    start : In(1)
        Forget all, and what comes in this cycle as well.
    enough : Out(1)
        All that was asked for before this cycle has come before it. A register, so a `take` or an
        `add` shows in the cycle after it. High at reset.
    """

    def __init__(self, width):
        super().__init__({"add": In(1), "take": In(width), "start": In(1), "enough": Out(1)})

    def elaborate(self, platform):
        m = Module()
        count = Signal(signed(len(self.take) + 1))
        m.d.comb += self.enough.eq(count >= 0)
        m.d.sync += count.eq(count - self.take + self.add)
        with m.If(self.start):
            m.d.sync += count.eq(0)
        return m
