"""`BlockRam`: a memory with one write and one read port, and a register behind the read port."""

from amaranth import *
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["BlockRam"]


class BlockRam(wiring.Component):
    """A block memory as FPGAs have it; the register behind its output makes it twice as fast.

    A word is on `read_data` two cycles after its address: one cycle takes it into the memory's own
    output latch, one into the register. A read of the address that is written in the same cycle
    gives the old word or the new one: never rely on it.

    A platform with `get_block_ram(ram)` may put a vendor's cell in its place (`hw.cells.ecp5`).

    Parameters
    ----------
    width, depth : int
        Size of the memory: bits of a word, and words.
    init : list of int
        Unsigned contents after configuration, from address 0 up; the rest is zero. Reset does not
        change the contents.

    Members
    -------
    write_en, write_addr, write_data : In
        Sampled on every cycle; the word can be read from the next cycle on.
    read_en, read_addr : In
        The latch takes the word at `read_addr` where `read_en` is high, else it holds.
    out_en : In(1)
        The register takes what the latch holds, else it holds.
    read_data : Out(width)
        The register.
    """

    def __init__(self, width, depth, init=()):
        self.width = width
        self.depth = depth
        self.init = list(init)
        addr_bits = (depth - 1).bit_length()
        super().__init__({
            "write_en": In(1), "write_addr": In(addr_bits), "write_data": In(width),
            "read_en": In(1), "read_addr": In(addr_bits),
            "out_en": In(1), "read_data": Out(width),
        })

    def elaborate(self, platform):
        if hasattr(platform, "get_block_ram"):
            cells = platform.get_block_ram(self)
            if cells is not None:
                return cells
        m = Module()
        # Without the attribute Yosys spends a LUT a bit on such reads.
        m.submodules.words = words = memory.Memory(
            shape=self.width, depth=self.depth, init=self.init, attrs={"no_rw_check": 1})
        write, read = words.write_port(), words.read_port()
        m.d.comb += [
            write.en.eq(self.write_en),
            write.addr.eq(self.write_addr),
            write.data.eq(self.write_data),
            read.en.eq(self.read_en),
            read.addr.eq(self.read_addr),
        ]
        out = Signal(self.width, reset_less=True)
        m.d.comb += self.read_data.eq(out)
        with m.If(self.out_en):
            m.d.sync += out.eq(read.data)
        return m
