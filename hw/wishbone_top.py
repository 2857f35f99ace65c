"""`WishboneTop`: a torus whose registers and beats are reached over one Wishbone bus."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from .bus.bus_torus import BusTorus
from .bus.wishbone import WishboneSlave, wishbone_members

__all__ = ["WishboneTop"]


class WishboneTop(wiring.Component):
    """A `BusTorus` behind a `WishboneSlave`. docs/buses.md says what software reads and writes.

    Parameters
    ----------
    config : TorusConfig
    make_pe : callable of (row, col)
        See `Torus`.

    Members
    -------
    wb_* : In
        Wishbone B4, classic cycles of 32 bits; see `WishboneSlave` for times.
    irq : Out(1)
        High as long as a source of INTERRUPT_ENABLE holds.
    """

    def __init__(self, config, *, make_pe=None):
        self.config = config
        self.make_pe = make_pe
        super().__init__({
            "wb": Out(wiring.Signature(wishbone_members())),
            "irq": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.slave = slave = WishboneSlave(self.config.host_bits)
        m.submodules.torus = torus = BusTorus(self.config, make_pe=self.make_pe)
        wiring.connect(m, wiring.flipped(self.wb), slave.bus)
        wiring.connect(m, slave.registers, torus.registers)
        wiring.connect(m, slave.o, torus.host_in)
        m.d.comb += [
            slave.i.payload.eq(torus.host_out.p.beat),
            slave.i.valid.eq(torus.host_out.valid),
            torus.host_out.ready.eq(slave.i.ready),
            slave.clear.eq(torus.cleared),
            self.irq.eq(torus.irq),
        ]
        return m
