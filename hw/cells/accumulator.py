"""`Accumulator`: sums of a stream of products, one after the other, each from its own start."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Accumulator"]


class Accumulator(wiring.Component):
    """Does `sum <= (start if first else sum) + term` in every cycle in which `en` is high.

    A platform with `get_accumulator(accumulator)` may put a vendor's cells in its place
    (`hw.cells.ecp5`): an FPGA's carry cell can choose and add at once, which no synthesiser infers.

    Parameters
    ----------
    bits, term_bits, start_bits : int
        Widths of the sum, the term and the start; the sum wraps.

    Members
    -------
    en, first : In(1)
        A term is added in this cycle; it is the first of its sum.
    term : In(signed(term_bits))
        What is added.
    start : In(signed(start_bits))
        What a sum begins with; used with `first` only.
    sum : Out(signed(bits))
        A register.
    """

    def __init__(self, bits, term_bits, start_bits):
        self.bits = bits
        super().__init__({
            "en": In(1), "first": In(1),
            "term": In(signed(term_bits)),
            "start": In(signed(start_bits)),
            "sum": Out(signed(bits)),
        })

    def elaborate(self, platform):
        if hasattr(platform, "get_accumulator"):
            cells = platform.get_accumulator(self)
            if cells is not None:
                return cells
        m = Module()
        with m.If(self.en):
            m.d.sync += self.sum.eq(Mux(self.first, self.start, self.sum) + self.term)
        return m
