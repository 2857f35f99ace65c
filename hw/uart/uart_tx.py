"""`UartTransmitter`: puts bytes onto a UART's wire."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["UartTransmitter"]


class UartTransmitter(wiring.Component):
    """Sends bytes with 8 data bits, no parity and one stop bit, back to back if they are there.

    Parameters
    ----------
    bit_cycles : int
        Clock cycles of a bit.

    Members
    -------
    i : In(stream)
        Bytes.
    tx : Out(1)
        The wire. Idle is high.
    """

    def __init__(self, bit_cycles):
        self.bit_cycles = bit_cycles
        super().__init__({
            "i": In(stream.Signature(8)),
            "tx": Out(1, init=1),
        })

    def elaborate(self, platform):
        m = Module()
        cycles_left = Signal(range(self.bit_cycles))
        bits_left = Signal(range(10))  # Bits after the one on the wire.
        bits = Signal(9, init=0x1ff)   # These bits, the next one lowest; the last is the stop bit.

        m.d.comb += self.i.ready.eq((cycles_left == 0) & (bits_left == 0))
        with m.If(cycles_left != 0):
            m.d.sync += cycles_left.eq(cycles_left - 1)
        with m.Elif(bits_left != 0):
            m.d.sync += [
                self.tx.eq(bits[0]),
                bits.eq(Cat(bits[1:], 1)),
                bits_left.eq(bits_left - 1),
                cycles_left.eq(self.bit_cycles - 1),
            ]
        with m.Elif(self.i.valid):
            m.d.sync += [
                self.tx.eq(0),
                bits.eq(Cat(self.i.payload, 1)),
                bits_left.eq(9),
                cycles_left.eq(self.bit_cycles - 1),
            ]
        return m
