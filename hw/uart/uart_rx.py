"""`UartReceiver`: takes bytes from a UART's wire."""

from amaranth import *
from amaranth.lib import cdc, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["UartReceiver"]


class UartReceiver(wiring.Component):
    """Takes bytes of 8 data bits, no parity and one stop bit; each bit is sampled in its middle.

    After a byte without a stop bit it waits until the wire is idle. It gives that byte all the
    same, since frames have a CRC.

    Parameters
    ----------
    bit_cycles : int
        Clock cycles of a bit, at least 4.

    Members
    -------
    rx : In(1)
        The wire, asynchronous. Idle is high.
    o : Out(stream)
        Each byte, for one cycle.
    """

    def __init__(self, bit_cycles):
        self.bit_cycles = bit_cycles
        super().__init__({
            "rx": In(1, init=1),
            "o": Out(stream.Signature(8, always_ready=True)),
        })

    def elaborate(self, platform):
        m = Module()
        wire = Signal(init=1)
        m.submodules.synchroniser = cdc.FFSynchronizer(self.rx, wire, init=1)

        cycles_left = Signal(range(self.bit_cycles + self.bit_cycles // 2))
        bits_left = Signal(range(10))  # The data bits and the stop bit that are still to come.
        byte = Signal(8)
        m.d.comb += self.o.payload.eq(byte)
        m.d.sync += self.o.valid.eq(0)
        with m.If(bits_left == 0):
            # The start bit begins in this cycle. A bit and a half later the first data bit is at
            # its middle.
            with m.If(~wire):
                m.d.sync += [
                    bits_left.eq(9),
                    cycles_left.eq(self.bit_cycles + self.bit_cycles // 2 - 1),
                ]
        with m.Elif(cycles_left != 0):
            m.d.sync += cycles_left.eq(cycles_left - 1)
        with m.Elif(bits_left != 1):
            m.d.sync += [
                byte.eq(Cat(byte[1:], wire)),
                bits_left.eq(bits_left - 1),
                cycles_left.eq(self.bit_cycles - 1),
                self.o.valid.eq(bits_left == 2),
            ]
        with m.Elif(wire):
            m.d.sync += bits_left.eq(0)
        return m
