"""`Credits`: the progress counter by which one engine waits for another."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Credits"]


class Credits(wiring.Component):
    """Counts events of one engine, less those that another engine asks for, which may then go on.

    The engine that has to wait takes as many credits as it needs, in one cycle and whether they are
    there or not, and goes on when there are `enough`. So a wait is a single bit, and what is asked
    for adds up: it does not matter which of several events comes first, nor how far they are ahead.
    See docs/architecture.md, section 3, for who counts what, and docs/waveforms.md for a figure.

    There may be 2**width - 1 more events than were asked for, and 2**width fewer; the counter wraps
    beyond that. It counts every event once, and only a `start` makes it forget any.

    Parameters
    ----------
    width : int
        Bits of `take`.

    Members
    -------
    add : In(1)
        Sampled on every cycle: each cycle in which it is high is an event.
    take : In(width)
        So many events are asked for, 0 for none. Sampled on every cycle, independent of `add`.
    start : In(1)
        Forget all events and all that was asked for, those of this cycle included.
    enough : Out(1)
        As many events came before this cycle as were asked for before it. A register, so a `take`
        or an `add` shows in the cycle after it. High at reset.
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
