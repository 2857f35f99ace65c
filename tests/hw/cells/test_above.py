"""`is_above` against whole numbers, every value and constant of some widths."""

import pytest
from amaranth.hdl import Cat, Module, Signal

from hw.cells.above import is_above
from tests.support.hw_bench import simulate


@pytest.mark.parametrize("bits", [0, 1, 3, 6])
def test_every_constant(bits):
    bounds = range(-2, (1 << bits) + 2)
    value, found = Signal(bits), Signal(len(bounds))
    m = Module()
    m.d.comb += found.eq(Cat(is_above(value, bound) for bound in bounds))
    m.d.sync += Signal().eq(found[0])

    async def run(ctx):
        for one in range(1 << bits):
            if bits:
                ctx.set(value, one)
            await ctx.tick()
            wanted = sum((one > bound) << at for at, bound in enumerate(bounds))
            assert ctx.get(found) == wanted, f"{one} of {bits} bits"

    simulate(m, run)
