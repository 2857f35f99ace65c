"""`ResetDriver`: drives a reset that thousands of registers listen to."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["ResetDriver"]


class ResetDriver(wiring.Component):
    """Passes a reset on in the same cycle.

    A platform with `get_reset_driver(driver)` may put a vendor's cell in its place
    (`hw.cells.ecp5`), so that the reset does not take the wires of the data.

    Members
    -------
    i, o : In(1), Out(1)
        The reset as it comes in, and as it goes to the registers.
    """

    i: In(1)
    o: Out(1)

    def elaborate(self, platform):
        if hasattr(platform, "get_reset_driver"):
            return platform.get_reset_driver(self)
        m = Module()
        m.d.comb += self.o.eq(self.i)
        return m
