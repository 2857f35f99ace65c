"""`BusTorus`: a torus with its registers, which can be reset alone."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..cells.reset_driver import ResetDriver
from ..top import ClostorusTop
from .bus_streams import BusStreams, last_layout
from .register_file import AccessSignature, RegisterFile

__all__ = ["BusTorus"]


class BusTorus(wiring.Component):
    """A `ClostorusTop` and a `RegisterFile`, between the streams and the registers of a bus.

    A reset by CONTROL reaches the torus alone, in a domain of its own; `BusStreams` says what then
    becomes of beats.

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
        streams = BusStreams(config.host_bits, has_last=self.has_last)
        m.submodules.streams = streams
        wiring.connect(m, wiring.flipped(self.host_in), streams.host_in)
        wiring.connect(m, streams.host_out, wiring.flipped(self.host_out))
        wiring.connect(m, streams.to_torus, torus.host_in)
        wiring.connect(m, torus.host_out, streams.from_torus)
        if self.has_last:
            m.d.comb += [streams.last_beats.eq(registers.last_beats),
                         streams.counts_anew.eq(registers.counts_anew)]
        goes_in = Signal()
        comes_out = Signal()
        m.d.comb += [
            *([registers.faults.eq(torus.faults)] if config.checks else []),
            streams.reset.eq(registers.reset),
            goes_in.eq(self.host_in.valid & self.host_in.ready),
            comes_out.eq(self.host_out.valid & self.host_out.ready),
            registers.running.eq(torus.running),
            registers.taken.eq(goes_in),
            registers.given.eq(comes_out),
            registers.partial.eq(goes_in & self.partial),
            registers.in_waits.eq(self.host_in.valid & ~self.host_in.ready),
            registers.out_waits.eq(self.host_out.valid & ~self.host_out.ready),
        ]
        return m
