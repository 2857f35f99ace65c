"""`Ft245`: bytes from and to an FT2232H or FT232H in its synchronous FIFO mode."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import AsyncFIFOBuffered
from amaranth.lib.wiring import In, Out

__all__ = ["Ft245", "ft245_members"]

_DATA_BITS = 8
_SPARE_BYTES = 4  # Bytes that may still come when a read is told to end, and what a count lags by.
_TURN_BYTES = 512  # Most of a turn where the other direction waits: a packet of USB.
_QUIET_CYCLES, _FLUSH_CYCLES = 64, 8


def ft245_members():
    """Members of the pins of the chip; a top gives them on as they are."""
    return {
        "clkout": In(1), "rxf_n": In(1, init=1), "txe_n": In(1, init=1), "data_i": In(_DATA_BITS),
        "data_o": Out(_DATA_BITS), "data_oe": Out(1), "oe_n": Out(1, init=1),
        "rd_n": Out(1, init=1), "wr_n": Out(1, init=1), "siwu_n": Out(1, init=1),
    }


class Ft245(wiring.Component):
    """Moves bytes between two streams and the "FT245 style synchronous FIFO" of FTDI's chips.

    The chip gives a clock of 60 MHz, CLKOUT, to whose rising edges everything on its pins is
    timed (FT2232H data sheet, FT245 synchronous FIFO interface; AN_130). All pins but CLKOUT are
    sampled, or change, at these edges; all outputs come from registers. In one cycle:

    - A byte comes from the chip at an edge at which RXF# and RD# are low. OE# is low for a cycle
      before RD# is, and until RD# is high; while it is low, the chip drives the data pins.
    - A byte goes to the chip at an edge at which TXE# and WR# are low. If TXE# is found high, the
      byte stays, and WR# is high from that edge on until TXE# is low again.
    - `data_oe` is low for at least a cycle before OE# is low, and after it: never do both drive.
    - SIWU# is low for 8 cycles when no byte has gone to the chip for 64 cycles, and none waits: the
      chip then does not wait for a full packet of USB.

    Either direction moves a byte a cycle. A turn ends when there are no bytes, or no room, or after
    512 bytes if the other direction waits; between two turns are 4 cycles.

    Between CLKOUT and the clock of the streams are two queues whose counts cross in Gray code. No
    reset reaches this block: it begins as configured, and what a reset would lose the host link
    finds out. CLKOUT may stop and start again: nothing is lost.

    Parameters
    ----------
    depth : int
        Bytes of each queue, a power of two of at least 16.

    Members
    -------
    clkout, rxf_n, txe_n, data_i : In
        Pins from the chip.
    data_o, data_oe, oe_n, rd_n, wr_n, siwu_n : Out
        Pins to the chip; `data_oe` says that `data_o` is to be driven.
    i : In(stream)
        Bytes to the host.
    o : Out(stream)
        Bytes from the host.
    """

    def __init__(self, depth=64):
        self.depth = depth
        super().__init__({**ft245_members(), "i": In(stream.Signature(_DATA_BITS)),
                          "o": Out(stream.Signature(_DATA_BITS))})

    def elaborate(self, platform):
        m = Module()
        m.domains.chip = ClockDomain(local=True, reset_less=True)
        m.domains.inner = ClockDomain(local=True, reset_less=True)
        m.d.comb += [ClockSignal("chip").eq(self.clkout), ClockSignal("inner").eq(ClockSignal())]
        m.submodules.come = come = AsyncFIFOBuffered(
            width=_DATA_BITS, depth=self.depth + 1, w_domain="chip", r_domain="inner")
        m.submodules.go = go = AsyncFIFOBuffered(
            width=_DATA_BITS, depth=self.depth + 1, w_domain="inner", r_domain="chip")
        m.d.comb += [
            self.o.payload.eq(come.r_data), self.o.valid.eq(come.r_rdy),
            come.r_en.eq(self.o.ready & come.r_rdy),
            go.w_data.eq(self.i.payload), go.w_en.eq(self.i.valid & go.w_rdy),
            self.i.ready.eq(go.w_rdy),
        ]

        came, went = Signal(), Signal()  # A byte moves at this edge.
        pending = Signal()               # `data_o` has a byte that has not gone yet.
        room = Signal()
        left = Signal(range(_TURN_BYTES + 1))
        read_waits, write_waits, loads = Signal(), Signal(), Signal()
        m.d.comb += [
            came.eq(~self.rd_n & ~self.rxf_n),
            went.eq(~self.wr_n & ~self.txe_n),
            come.w_data.eq(self.data_i),
            come.w_en.eq(came),
            read_waits.eq(~self.rxf_n & room),
            write_waits.eq((pending | go.r_rdy) & ~self.txe_n),
            go.r_en.eq(loads),
        ]
        m.d.chip += room.eq(come.w_level < self.depth - _SPARE_BYTES)
        with m.If((came | went) & (left != 0)):
            m.d.chip += left.eq(left - 1)
        self._flush(m, went, pending | go.r_rdy)

        with m.FSM(domain="chip"):
            with m.State("Idle"):
                m.d.chip += left.eq(_TURN_BYTES)
                with m.If(read_waits):
                    m.d.chip += self.oe_n.eq(0)
                    m.next = "Before read"
                with m.Elif(write_waits):
                    m.d.chip += self.data_oe.eq(1)
                    m.next = "Write"
            with m.State("Before read"):
                m.d.chip += self.rd_n.eq(0)
                m.next = "Read"
            with m.State("Read"):
                with m.If(self.rxf_n | ~room | ((left == 0) & write_waits)):
                    m.d.chip += self.rd_n.eq(1)
                    m.next = "After read"
            with m.State("After read"):
                m.d.chip += [self.oe_n.eq(1), left.eq(_TURN_BYTES)]
                m.next = "Turn"
            with m.State("Turn"):
                m.next = "Idle"
                with m.If(write_waits):  # Now it is its turn, whatever comes.
                    m.d.chip += self.data_oe.eq(1)
                    m.next = "Write"
            with m.State("Write"):
                m.d.comb += loads.eq(go.r_rdy & (~pending | went) & ~((left == 0) & read_waits))
                with m.If(loads):
                    m.d.chip += [self.data_o.eq(go.r_data), pending.eq(1)]
                with m.Elif(went):
                    m.d.chip += pending.eq(0)
                # What is in `data_o` from the next cycle on is offered while the chip has room.
                m.d.chip += self.wr_n.eq(self.txe_n | ~(loads | (pending & ~went)))
                with m.If(~loads & (went | ~pending | self.txe_n)):
                    m.d.chip += [self.data_oe.eq(0), self.wr_n.eq(1)]
                    m.next = "Idle"
        return m

    def _flush(self, m, went, more):
        """Strobe SIWU# once when nothing has gone, or could, for a while after the last byte."""
        quiet_cycles = Signal(range(_QUIET_CYCLES + _FLUSH_CYCLES))
        owed = Signal()
        m.d.chip += self.siwu_n.eq(1)
        with m.If(went):
            m.d.chip += owed.eq(1)
        with m.If(went | more):
            m.d.chip += quiet_cycles.eq(0)
        with m.Elif(owed):
            m.d.chip += [quiet_cycles.eq(quiet_cycles + 1),
                         self.siwu_n.eq(quiet_cycles < _QUIET_CYCLES)]
            with m.If(quiet_cycles == _QUIET_CYCLES + _FLUSH_CYCLES - 1):
                m.d.chip += [owed.eq(0), quiet_cycles.eq(0)]
