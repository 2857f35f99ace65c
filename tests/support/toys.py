"""Small components with a known answer, for the tests of the simulation plumbing."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.ring.link import Link

TOP = "toy"


class HostToy(wiring.Component):
    """A host top that inverts every beat; it takes none after the first `deaf_after`."""

    def __init__(self, host_bits, deaf_after=None):
        self.host_bits = host_bits
        self.deaf_after = deaf_after
        super().__init__({
            "host_in": In(stream.Signature(host_bits)),
            "host_out": Out(stream.Signature(host_bits)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.link = link = Link(self.host_bits)
        deaf = Signal()
        if self.deaf_after is not None:
            taken = Signal(range(self.deaf_after + 1))
            m.d.comb += deaf.eq(taken == self.deaf_after)
            m.d.sync += taken.eq(taken + (self.host_in.valid & self.host_in.ready))
        m.d.comb += [
            link.i.payload.eq(~self.host_in.payload),
            link.i.valid.eq(self.host_in.valid & ~deaf),
            self.host_in.ready.eq(link.i.ready & ~deaf),
        ]
        wiring.connect(m, link.o, wiring.flipped(self.host_out))
        return m


class Claims(wiring.Component):
    """Passes 32-bit beats on, and asserts that none of them is 7."""

    host_in: In(stream.Signature(32))
    host_out: Out(stream.Signature(32))

    def elaborate(self, platform):
        m = Module()
        wiring.connect(m, wiring.flipped(self.host_in), wiring.flipped(self.host_out))
        m.d.sync += Assert((self.host_in.payload != 7) | ~self.host_in.valid)
        return m


class BrokenLink(wiring.Component):
    """A register slice with a mistake: `valid_falls` or `data_changes` while the output waits."""

    def __init__(self, word_bits, mistake):
        self.word_bits = word_bits
        self.mistake = mistake
        super().__init__({
            "i": In(stream.Signature(word_bits)),
            "o": Out(stream.Signature(word_bits)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.link = link = Link(self.word_bits)
        wiring.connect(m, wiring.flipped(self.i), link.i)
        beat = Signal()
        m.d.sync += beat.eq(~beat)
        m.d.comb += [
            self.o.valid.eq(link.o.valid & (beat | (self.mistake != "valid_falls"))),
            self.o.payload.eq(link.o.payload ^ (beat & (self.mistake == "data_changes"))),
            link.o.ready.eq(self.o.ready & self.o.valid),
        ]
        return m
