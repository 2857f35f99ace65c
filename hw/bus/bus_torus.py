"""`BusTorus`: a torus with its registers, which can be reset alone."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..cells.reset_driver import ResetDriver
from ..ring.link import Link
from ..top import ClostorusTop
from .register_file import AccessSignature, RegisterFile

__all__ = ["BusTorus", "last_layout"]


def last_layout(host_bits):
    """A beat, and whether it is the last of a packet."""
    return data.StructLayout({"beat": host_bits, "last": 1})


class BusTorus(wiring.Component):
    """A `ClostorusTop` and a `RegisterFile`, between the streams and the registers of a bus.

    A reset by CONTROL reaches the torus alone, in a domain of its own. Behind the torus is a `Link`
    that it does not reach: a beat that is on offer stays on offer until it is taken, as the rules
    of streams want it, so that up to two beats of before may come after a reset. No beat is taken
    in the cycle of a reset.

    Parameters
    ----------
    config : TorusConfig
    has_last : bool
        Whether packets of LAST_BEATS beats have a `last`.
    make_pe : callable of (row, col)
        See `Torus`.

    Members
    -------
    host_in, host_out : In(stream), Out(stream)
        Beats of `host_bits`; those that come out are of `last_layout`.
    partial : In(1)
        The beat that is taken in this cycle has bytes missing; it is taken as it is.
    registers : In
        `AccessSignature`.
    irq : Out(1)
        See `RegisterFile`.
    cleared : Out(1)
        High in the cycle of a reset by CONTROL.
    """

    def __init__(self, config, *, has_last=False, make_pe=None):
        self.config = config
        self.has_last = has_last
        self.make_pe = make_pe
        super().__init__({
            "host_in": In(stream.Signature(config.host_bits)),
            "host_out": Out(stream.Signature(last_layout(config.host_bits))),
            "partial": In(1),
            "registers": Out(AccessSignature()),
            "irq": Out(1),
            "cleared": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.registers = registers = RegisterFile(config, has_last=self.has_last)
        wiring.connect(m, wiring.flipped(self.registers), registers.access)

        # By a domain of its own, since a PE may be an instance that takes clock and reset by name.
        m.domains.torus = ClockDomain(local=True)
        m.submodules.reset_driver = reset_driver = ResetDriver()
        m.d.comb += [
            ClockSignal("torus").eq(ClockSignal()),
            reset_driver.i.eq(ResetSignal() | registers.reset),
            ResetSignal("torus").eq(reset_driver.o),
            self.cleared.eq(registers.reset),
            self.irq.eq(registers.irq),
        ]
        torus = ClostorusTop(config, make_pe=self.make_pe, tells=True)
        m.submodules.torus = DomainRenamer("torus")(torus)
        m.submodules.behind = behind = Link(last_layout(config.host_bits))
        wiring.connect(m, behind.o, wiring.flipped(self.host_out))
        goes_in = Signal()
        comes_out = Signal()
        m.d.comb += [
            torus.host_in.payload.eq(self.host_in.payload),
            torus.host_in.valid.eq(self.host_in.valid & ~registers.reset),
            self.host_in.ready.eq(torus.host_in.ready & ~registers.reset),
            behind.i.p.beat.eq(torus.host_out.payload),
            behind.i.valid.eq(torus.host_out.valid & ~registers.reset),
            torus.host_out.ready.eq(behind.i.ready),
            goes_in.eq(self.host_in.valid & self.host_in.ready),
            comes_out.eq(self.host_out.valid & self.host_out.ready),
            registers.running.eq(torus.running),
            registers.taken.eq(goes_in),
            registers.given.eq(comes_out),
            registers.partial.eq(goes_in & self.partial),
            registers.in_waits.eq(self.host_in.valid & ~self.host_in.ready),
            registers.out_waits.eq(self.host_out.valid & ~self.host_out.ready),
        ]
        if self.has_last:
            self._count(m, registers, behind.i)
        return m

    def _count(self, m, registers, beats):
        """Mark the last beat of each packet, as it goes into the link: there it stays as it is."""
        before = Signal(32)  # Beats of the packet before this one.
        m.d.comb += beats.p.last.eq(before + 1 == registers.last_beats)
        with m.If(beats.valid & beats.ready):
            m.d.sync += before.eq(Mux(beats.p.last, 0, before + 1))
        with m.If(registers.counts_anew | registers.reset):
            m.d.sync += before.eq(0)

