"""`WishboneSlave`: classic cycles of Wishbone, for registers and for beats."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .register_file import WORD_BITS, AccessSignature
from .register_map import ADDRESS_BITS, Register

__all__ = ["WishboneSlave", "wishbone_members"]


def wishbone_members():
    """The ports of a slave of Wishbone with 32 bits; `dat_w` is what the master writes."""
    return {
        "cyc": In(1), "stb": In(1), "we": In(1), "adr": In(ADDRESS_BITS),
        "sel": In(WORD_BITS // 8), "dat_w": In(WORD_BITS), "dat_r": Out(WORD_BITS),
        "ack": Out(1), "err": Out(1),
    }


class WishboneSlave(wiring.Component):
    """A slave of Wishbone (B4, classic cycles) in front of a `RegisterFile` and of two streams.

    Every access ends in the cycle after it began, by `ack` or by `err`; it never waits, so that a
    torus that computes cannot hold up a bus. `err` says that nothing was done: there is no such
    register, or the register DATA could not be served.

    DATA is 32 bits of a beat, lowest first. A write is refused while the beat before is still on
    offer to the torus, a read while there is no beat of the torus. A write to DATA takes the whole
    word, whatever `sel` is.

    Parameters
    ----------
    host_bits : int
        Width of a beat: a multiple of 32.

    Members
    -------
    bus : Wishbone
        `wishbone_members`. `adr` counts bytes; its low two bits are ignored.
    registers : Out
        What a `RegisterFile` has: `AccessSignature`, flipped.
    o, i : Out(stream), In(stream)
        Beats to the torus, and from it.
    clear : In(1)
        The torus is reset in this cycle: parts of a beat are forgotten.
    """

    def __init__(self, host_bits):
        self.host_bits = host_bits
        super().__init__({
            "bus": Out(wiring.Signature(wishbone_members())),
            "registers": In(AccessSignature()),
            "o": Out(stream.Signature(host_bits)),
            "i": In(stream.Signature(host_bits)),
            "clear": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        bus, registers = self.bus, self.registers
        parts = self.host_bits // WORD_BITS
        place = bus.adr[2:]
        is_data = place == Register.DATA // 4
        active = Signal()
        m.d.comb += [
            active.eq(bus.cyc & bus.stb & ~bus.ack & ~bus.err),
            registers.read_place.eq(place),
            registers.read.eq(active & ~bus.we),
            registers.write_place.eq(place),
            registers.write.eq(active & bus.we),
            registers.write_data.eq(bus.dat_w),
            registers.write_bytes.eq(bus.sel),
        ]

        out_part = Signal(range(parts))
        in_part = Signal(range(parts))
        done = Signal()
        word = Signal(WORD_BITS)
        m.d.comb += [
            done.eq(Mux(bus.we, registers.writable, registers.readable)),
            word.eq(registers.read_data),
        ]
        with m.If(is_data):
            m.d.comb += [
                done.eq(Mux(bus.we, ~self.o.valid, self.i.valid)),
                word.eq(self.i.payload.word_select(in_part, WORD_BITS)),
                self.i.ready.eq(active & ~bus.we & (in_part == parts - 1)),
            ]
        m.d.sync += [
            bus.ack.eq(active & done),
            bus.err.eq(active & ~done),
            bus.dat_r.eq(word),
        ]
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(active & is_data & done):
            with m.If(bus.we):
                m.d.sync += [
                    self.o.payload.word_select(out_part, WORD_BITS).eq(bus.dat_w),
                    out_part.eq(Mux(out_part == parts - 1, 0, out_part + 1)),
                    self.o.valid.eq(out_part == parts - 1),
                ]
            with m.Else():
                m.d.sync += in_part.eq(Mux(in_part == parts - 1, 0, in_part + 1))
        with m.If(self.clear):
            m.d.sync += [out_part.eq(0), in_part.eq(0), self.o.valid.eq(0)]
        return m
