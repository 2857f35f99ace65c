"""`FrameGap`: keeps the ends of frames apart, where bytes come without a wire that does."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["FrameGap"]

_GAP_CYCLES = 16


class FrameGap(wiring.Component):
    """Lets bytes through in the cycle in which they come, and after each 0 none for 16 cycles.

    A `FrameReceiver` needs so long to take a frame, while a header may be on its way to the host. A
    UART never brings bytes faster.

    Members
    -------
    i : In(stream)
        Bytes of COBS frames.
    o : Out(stream)
        The same, always taken.
    """

    def __init__(self):
        super().__init__({
            "i": In(stream.Signature(8)),
            "o": Out(stream.Signature(8, always_ready=True)),
        })

    def elaborate(self, platform):
        m = Module()
        cycles_left = Signal(range(_GAP_CYCLES + 1))
        m.d.comb += [
            self.i.ready.eq(cycles_left == 0),
            self.o.valid.eq(self.i.valid & self.i.ready),
            self.o.payload.eq(self.i.payload),
        ]
        with m.If(cycles_left != 0):
            m.d.sync += cycles_left.eq(cycles_left - 1)
        with m.Elif(self.i.valid & (self.i.payload == 0)):
            m.d.sync += cycles_left.eq(_GAP_CYCLES)
        return m
