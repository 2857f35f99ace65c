"""`Multiplier`: a signed product with registers before and behind it."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Multiplier"]


class Multiplier(wiring.Component):
    """Gives one signed product a cycle, two cycles after its operands. It never waits.

    A platform with `get_multiplier(multiplier)` may put a vendor's cell in its place
    (`hw.cells.ecp5`).

    Parameters
    ----------
    a_bits, b_bits : int
        Widths of the operands.

    Members
    -------
    a, b : In(signed)
        Sampled on every cycle.
    product : Out(signed(a_bits + b_bits))
        The product of the operands of two cycles before.
    """

    def __init__(self, a_bits, b_bits):
        self.a_bits = a_bits
        self.b_bits = b_bits
        super().__init__({
            "a": In(signed(a_bits)),
            "b": In(signed(b_bits)),
            "product": Out(signed(a_bits + b_bits)),
        })

    def elaborate(self, platform):
        if hasattr(platform, "get_multiplier"):
            cells = platform.get_multiplier(self)
            if cells is not None:
                return cells
        m = Module()
        a, b = Signal.like(self.a), Signal.like(self.b)
        m.d.sync += [a.eq(self.a), b.eq(self.b), self.product.eq(a * b)]
        return m
