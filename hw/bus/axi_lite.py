"""`AxiLiteSlave`: reads and writes of AXI4-Lite, one at a time each."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .register_file import WORD_BITS, AccessSignature
from .register_map import ADDRESS_BITS

__all__ = ["AxiLiteSlave", "axi_lite_members"]

_OKAY, _SLVERR = 0, 2


def axi_lite_members():
    """The ports of a slave of AXI4-Lite with 32 bits, named as its specification does."""
    return {
        "awaddr": In(ADDRESS_BITS), "awprot": In(3), "awvalid": In(1), "awready": Out(1),
        "wdata": In(WORD_BITS), "wstrb": In(WORD_BITS // 8), "wvalid": In(1), "wready": Out(1),
        "bresp": Out(2), "bvalid": Out(1), "bready": In(1),
        "araddr": In(ADDRESS_BITS), "arprot": In(3), "arvalid": In(1), "arready": Out(1),
        "rdata": Out(WORD_BITS), "rresp": Out(2), "rvalid": Out(1), "rready": In(1),
    }


class AxiLiteSlave(wiring.Component):
    """A slave of AXI4-Lite in front of a `RegisterFile` (AMBA AXI specification, IHI 0022, part B).

    Address and data of a write may come in any order and apart; each waits in a register for the
    other. All outputs are registers, so no path leads from an input of the bus to an output. A
    write whose second half is taken in one cycle is done in the next, and its response is on offer
    in the cycle after that; a read likewise. While a response waits to be taken, one more request
    of its kind is taken, and no further. So reads and writes pass every second cycle. An unknown
    register, or a write to one that is read only, answers SLVERR and changes nothing. The low two
    bits of an address and `prot` are ignored.

    Members
    -------
    bus : AXI4-Lite
        `axi_lite_members`.
    registers : Out
        What a `RegisterFile` has: `AccessSignature`, flipped.
    """

    def __init__(self):
        super().__init__({
            "bus": Out(wiring.Signature(axi_lite_members())),
            "registers": In(AccessSignature()),
        })

    def elaborate(self, platform):
        m = Module()
        bus, registers = self.bus, self.registers

        address_held = Signal()
        data_held = Signal()
        write = Signal()
        m.d.comb += [
            bus.awready.eq(~address_held),
            bus.wready.eq(~data_held),
            write.eq(address_held & data_held & (~bus.bvalid | bus.bready)),
            registers.write.eq(write),
        ]
        with m.If(bus.bready):
            m.d.sync += bus.bvalid.eq(0)
        with m.If(write):
            m.d.sync += [
                address_held.eq(0),
                data_held.eq(0),
                bus.bvalid.eq(1),
                bus.bresp.eq(Mux(registers.writable, _OKAY, _SLVERR)),
            ]
        with m.If(bus.awvalid & bus.awready):
            m.d.sync += [address_held.eq(1), registers.write_place.eq(bus.awaddr[2:])]
        with m.If(bus.wvalid & bus.wready):
            m.d.sync += [
                data_held.eq(1),
                registers.write_data.eq(bus.wdata),
                registers.write_bytes.eq(bus.wstrb),
            ]

        asked = Signal()
        read = Signal()
        m.d.comb += [
            bus.arready.eq(~asked),
            read.eq(asked & (~bus.rvalid | bus.rready)),
            registers.read.eq(read),
        ]
        with m.If(bus.rready):
            m.d.sync += bus.rvalid.eq(0)
        with m.If(read):
            m.d.sync += [
                asked.eq(0),
                bus.rvalid.eq(1),
                bus.rdata.eq(registers.read_data),
                bus.rresp.eq(Mux(registers.readable, _OKAY, _SLVERR)),
            ]
        with m.If(bus.arvalid & bus.arready):
            m.d.sync += [asked.eq(1), registers.read_place.eq(bus.araddr[2:])]
        return m
