# amaranth: UnusedElaboratable=no
"""`part`: a block that knows some members of an interface is connected to these."""

import pytest
from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.cells.part import part
from tests.support.hw_bench import simulate

SOME = wiring.Signature({"ask": Out(4), "answer": In(4)})
ALL = wiring.Signature({**SOME.members, "more": Out(1)})


class Asks(wiring.Component):
    side: Out(SOME)
    word: In(4)

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.side.ask.eq(self.word)
        return m


class Answers(wiring.Component):
    side: In(ALL)

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.side.answer.eq(self.side.ask + self.side.more)
        return m


class Both(wiring.Component):
    more: In(1)

    def __init__(self):
        super().__init__()
        self.asks, self.answers = Asks(), Answers()

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = ClockDomain()  # There is no register.
        m.submodules.asks, m.submodules.answers = self.asks, self.answers
        wiring.connect(m, self.asks.side, part(self.answers.side, SOME.flip()))
        m.d.comb += self.answers.side.more.eq(self.more)
        return m


def test_a_part_is_connected_and_the_rest_is_free():
    dut = Both()

    async def bench(ctx):
        for word, more in ((3, 0), (3, 1), (8, 1)):
            ctx.set(dut.asks.word, word)
            ctx.set(dut.more, more)
            assert ctx.get(dut.asks.side.answer) == word + more
            await ctx.delay(1e-6)

    simulate(dut, bench)


def test_members_that_are_not_there():
    with pytest.raises(AttributeError, match="less"):
        part(ALL.create(), wiring.Signature({"less": Out(1)}))


def test_directions_that_do_not_fit_are_refused_when_it_is_connected():
    with pytest.raises(wiring.ConnectionError):
        wiring.connect(Module(), SOME.create(), part(ALL.create(), SOME))
