"""`LinkLoop`: the RTL of a host link whose beats come back inverted, in place of a torus's."""

# Amaranth makes the attributes of a component at run time.
# pyright: reportAttributeAccessIssue=false, reportOptionalMemberAccess=false
# pyright: reportArgumentType=false, reportGeneralTypeIssues=false

import functools

from amaranth import Module, ResetInserter
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.bus.ft245 import Ft245, ft245_members
from hw.emit import emit_verilog
from hw.ring.link import Link
from hw.uart.host_link import HostLink

__all__ = ["HARDWARE_ID", "WORD_BITS", "LinkLoop", "loop_verilog"]

HARDWARE_ID = 0x0123_4567_89AB_00FF
WORD_BITS = 16


class LinkLoop(wiring.Component):
    """Gives every beat back with all its bits inverted; it holds up to two."""

    def __init__(self, link, host_bits):
        self.link = link
        self.host_bits = host_bits
        self.pins = ft245_members() if link.fifo else {"rx": In(1, init=1), "tx": Out(1, init=1)}
        super().__init__({**self.pins, "led": Out(1)})

    def elaborate(self, platform):
        """Build it."""
        m = Module()
        carrier = None
        if self.link.fifo:
            m.submodules.fifo = carrier = Ft245()
        m.submodules.host = host = HostLink(self.link, self.host_bits, HARDWARE_ID,
                                            word_bits=WORD_BITS)
        m.submodules.loop = loop = ResetInserter(host.reset)(Link(self.host_bits))
        wiring.connect(m, host.to_torus, loop.i)
        m.d.comb += [
            host.from_torus.payload.eq(~loop.o.payload),
            host.from_torus.valid.eq(loop.o.valid),
            loop.o.ready.eq(host.from_torus.ready),
            self.led.eq(host.opened),
        ]
        if carrier is not None:
            wiring.connect(m, carrier.o, host.from_host)
            wiring.connect(m, host.to_host, carrier.i)
        for name, member in self.pins.items():
            inner, outer = getattr(carrier or host, name), getattr(self, name)
            m.d.comb += inner.eq(outer) if member.flow == In else outer.eq(inner)
        return m


@functools.cache
def loop_verilog(link, host_bits=64):
    """The Verilog of a `LinkLoop`, whose top is the module `link_loop`."""
    return emit_verilog(LinkLoop(link, host_bits), "link_loop")
