"""`Loop`: nested loops against Python's."""

from itertools import product

import pytest
from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.cells.loop import Loop
from tests.support.hw_bench import simulate


class Nest(wiring.Component):
    """Two loops, the inner one stepping with `step`."""

    def __init__(self):
        super().__init__({"start": In(1), "step": In(1), "inner": In(4), "outer": In(4),
                          "left": Out(8), "ends": Out(2)})

    def elaborate(self, platform):
        m = Module()
        inner, outer = Loop(self.inner, "inner_left"), Loop(self.outer, "outer_left")
        m.d.comb += [
            self.left.eq(Cat(inner.left, outer.left)),
            self.ends.eq(Cat(inner.at_last, outer.at_last)),
        ]
        with m.If(self.step):
            m.d.sync += inner.step(self.inner)
        with m.If(self.step & inner.at_last):
            m.d.sync += outer.step(self.outer)
        with m.If(self.start):
            m.d.sync += [*inner.start(self.inner), *outer.start(self.outer)]
        return m


@pytest.mark.parametrize("inner, outer", [(0, 0), (0, 3), (3, 0), (1, 1), (2, 4), (15, 15)])
def test_loops_end_and_begin_again(inner, outer):
    dut = Nest()

    async def bench(ctx):
        ctx.set(dut.inner, inner)
        ctx.set(dut.outer, outer)
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        for number, (_, out, into) in enumerate(
                product(range(2), range(outer, -1, -1), range(inner, -1, -1))):
            for step in (0, 1) if number % 3 == 0 else (1,):
                ctx.set(dut.step, step)
                assert ctx.get(dut.left) == into + (out << 4)
                assert ctx.get(dut.ends) == (into == 0) + 2 * (out == 0)
                await ctx.tick()

    simulate(dut, bench)


def test_a_start_in_the_midst_of_it():
    dut = Nest()

    async def bench(ctx):
        ctx.set(dut.step, 1)
        for inner in (5, 2):
            ctx.set(dut.inner, inner)
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            assert ctx.get(dut.left) == inner
            await ctx.tick()
            assert ctx.get(dut.left) == inner - 1

    simulate(dut, bench)
