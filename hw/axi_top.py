"""`AxiTop`: a torus with AXI4-Stream in and out, and its registers on AXI4-Lite."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .bus.axi_lite import AxiLiteSlave, axi_lite_members
from .bus.bus_torus import BusTorus

__all__ = ["AxiTop"]


class AxiTop(wiring.Component):
    """A `BusTorus` with the ports of AMBA AXI4-Stream (IHI 0051) and AXI4-Lite (IHI 0022).

    docs/buses.md says what software reads and writes. A beat whose `tkeep` is not all ones is taken
    as it is, and counts as an error; `tlast` that comes in means nothing, since programs say how
    long they are. `m_axis_tkeep` is always all ones.

    Parameters
    ----------
    config : TorusConfig
    has_last : bool
        Whether there are `m_axis_tlast` and LAST_BEATS, the number of beats of a packet.
    make_pe : callable of (row, col)
        See `Torus`.

    Members
    -------
    s_axis_* : In(1), In(host_bits)
        Beats to the torus.
    m_axis_* : Out(1), Out(host_bits)
        Beats from the torus; `tvalid`, `tdata` and `tlast` hold until the transfer.
    s_axil_* : In
        Registers of 32 bits; see `AxiLiteSlave` for times.
    irq : Out(1)
        High as long as a source of INTERRUPT_ENABLE holds.
    """

    def __init__(self, config, *, has_last=True, make_pe=None):
        self.config = config
        self.has_last = has_last
        self.make_pe = make_pe
        byte_count = config.host_bits // 8
        super().__init__({
            "s_axis": Out(wiring.Signature({
                "tvalid": In(1), "tready": Out(1), "tdata": In(config.host_bits),
                "tkeep": In(byte_count, init=(1 << byte_count) - 1), "tlast": In(1)})),
            "m_axis": Out(wiring.Signature({
                "tvalid": Out(1), "tready": In(1), "tdata": Out(config.host_bits),
                "tkeep": Out(byte_count), **({"tlast": Out(1)} if has_last else {})})),
            "s_axil": Out(wiring.Signature(axi_lite_members())),
            "irq": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.slave = slave = AxiLiteSlave()
        m.submodules.torus = torus = BusTorus(self.config, has_last=self.has_last,
                                              make_pe=self.make_pe)
        wiring.connect(m, wiring.flipped(self.s_axil), slave.bus)
        wiring.connect(m, slave.registers, torus.registers)
        goes_in, comes_out = self.s_axis, self.m_axis
        m.d.comb += [
            torus.host_in.valid.eq(goes_in.tvalid),
            torus.host_in.payload.eq(goes_in.tdata),
            torus.partial.eq(~goes_in.tkeep.all()),
            goes_in.tready.eq(torus.host_in.ready),
            comes_out.tvalid.eq(torus.host_out.valid),
            comes_out.tdata.eq(torus.host_out.p.beat),
            comes_out.tkeep.eq(~0),
            torus.host_out.ready.eq(comes_out.tready),
            self.irq.eq(torus.irq),
        ]
        if self.has_last:
            m.d.comb += comes_out.tlast.eq(torus.host_out.p.last)
        return m
