"""The shift of `BiasUpdate`, which is cut while it is made, against whole numbers."""

from random import Random

import pytest
from amaranth.hdl import Module, Signal, signed

from hw.mac.bias_update import shifted_up
from tests.support.hw_bench import simulate

TRIES = 400


@pytest.mark.parametrize("value_bits, shift_bits, unit, bits", [
    (9, 2, 2, 6), (12, 2, 4, 20), (6, 2, 16, 41), (20, 2, 16, 41), (14, 1, 1, 9), (5, 0, 1, 9),
    (8, 2, 8, 10), (30, 1, 8, 30)])
def test_a_shift_is_cut_to_the_nearest_number(value_bits, shift_bits, unit, bits):
    seed = value_bits * bits
    random = Random(seed)
    value, shift = Signal(signed(value_bits)), Signal(shift_bits)
    found = Signal(signed(bits))
    m = Module()
    m.d.comb += found.eq(shifted_up(value, shift, unit, bits))
    m.d.sync += Signal().eq(found[0])
    low, high = -1 << (value_bits - 1), (1 << (value_bits - 1)) - 1
    least, most = -1 << (bits - 1), (1 << (bits - 1)) - 1

    async def run(ctx):
        for _ in range(TRIES):
            one = random.choice((random.randint(low, high), random.randint(-4, 4), low, high))
            by = random.randrange(1 << shift_bits)
            ctx.set(value, one)
            if shift_bits:
                ctx.set(shift, by)
            await ctx.tick()
            wanted = min(max(one << (by * unit), least), most)
            assert ctx.get(found) == wanted, f"{one} << {by * unit}, seed {seed}"

    simulate(m, run)
