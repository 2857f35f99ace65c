"""`LogicRom`: words that never change, as logic instead of a memory."""

from amaranth import *
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["AS_LOGIC", "LogicRom"]

# Without them a synthesiser may make a block RAM of words that never change, since they are read
# between two registers. Each has names of its own: Yosys takes the first, Vivado `rom_style`,
# Quartus `ramstyle` and `romstyle`, Synplify and what Lattice has the last two.
AS_LOGIC = {"ram_style": "registers", "rom_style": "distributed", "ramstyle": "logic",
            "romstyle": "logic", "syn_ramstyle": "registers", "syn_romstyle": "logic"}


class LogicRom(wiring.Component):
    """A `BlockRam` that nothing is written to: its words are a function of the address.

    A word read is on `read_data` two cycles after its address, as in a `BlockRam`.

    Parameters
    ----------
    width : int
        Bits of a word.
    words : list of int
        Unsigned contents, from address 0 up. What is read beyond them is undefined.
    addr_bits : int
        Bits of an address; there may be fewer words than addresses.

    Members
    -------
    read_en, read_addr : In
        The address is taken where `read_en` is high; else the address before it stays.
    out_en : In(1)
        The register takes the word at the address that was taken, else it holds.
    read_data : Out(width)
        The register.
    """

    def __init__(self, width, words, addr_bits):
        self.width = width
        self.words = list(words) or [0]
        super().__init__({"read_en": In(1), "read_addr": In(addr_bits), "out_en": In(1),
                          "read_data": Out(width)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.words = words = memory.Memory(
            shape=self.width, depth=len(self.words), init=self.words, attrs=AS_LOGIC)
        read = words.read_port(domain="comb")
        address = Signal(len(self.read_addr), reset_less=True)
        out = Signal(self.width, reset_less=True)
        m.d.comb += [read.addr.eq(address), self.read_data.eq(out)]
        with m.If(self.read_en):
            m.d.sync += address.eq(self.read_addr)
        with m.If(self.out_en):
            m.d.sync += out.eq(read.data)
        return m
