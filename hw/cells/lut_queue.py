"""`LutQueue`: a short first-in, first-out queue in LUT memory."""

from amaranth import *
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["LutQueue"]


class LutQueue(wiring.Component):
    """Holds up to `depth` items in order; an item can leave in the cycle after it came.

    `i.ready` and `o.valid` are registers. In each cycle an item can come and another one leave.

    Parameters
    ----------
    shape
        Shape of an item.
    depth : int
        Items held: a power of two, at least 2.

    Members
    -------
    i : In(stream)
        Accepted while there is room; `i.ready` does not depend on `o.ready`.
    o : Out(stream)
        The oldest item. Its payload is read from the memory in the same cycle.
    """

    def __init__(self, shape, depth):
        if depth < 2 or depth & (depth - 1):
            raise ValueError(f"depth must be a power of two, at least 2, not {depth}")
        self.shape = shape
        self.depth = depth
        super().__init__({
            "i": In(stream.Signature(shape)),
            "o": Out(stream.Signature(shape)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.items = items = memory.Memory(shape=self.shape, depth=self.depth, init=[])
        write, read = items.write_port(), items.read_port(domain="comb")

        write_at = Signal(range(self.depth))
        read_at = Signal(range(self.depth))
        full = Signal()
        put = Signal()
        take = Signal()
        m.d.comb += [
            put.eq(self.i.valid & self.i.ready),
            take.eq(self.o.valid & self.o.ready),
            self.i.ready.eq(~full),
            write.en.eq(put),
            write.addr.eq(write_at),
            write.data.eq(self.i.payload),
            read.addr.eq(read_at),
            self.o.payload.eq(read.data),
        ]
        # These have as many bits as the addresses, so that they wrap.
        write_next = (write_at + 1)[:len(write_at)]
        read_next = (read_at + 1)[:len(read_at)]
        with m.If(put):
            m.d.sync += write_at.eq(write_next)
        with m.If(take):
            m.d.sync += read_at.eq(read_next)
        with m.If(put & ~take):
            m.d.sync += [full.eq(write_next == read_at), self.o.valid.eq(1)]
        with m.If(take & ~put):
            m.d.sync += [full.eq(0), self.o.valid.eq(read_next != write_at)]
        return m
