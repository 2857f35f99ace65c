"""Digits modulo 3, against Python's remainders."""

import itertools

import pytest
from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.cells.mod3 import added, differ, digits, folded, multiplied
from tests.support.hw_bench import simulate


class Digits(wiring.Component):
    """What each function gives of two digits, and the remainder of a number."""

    def __init__(self, bits, keep):
        self.keep = keep
        super().__init__({"a": In(2), "b": In(2), "number": In(signed(bits)), "sum": Out(2),
                          "product": Out(2), "differ": Out(1), "remainder": Out(2)})

    def elaborate(self, platform):
        m = Module()
        parts = folded(m, digits(self.number), keep=self.keep) if self.keep > 1 else digits(
            self.number)
        assert self.keep == 1 or len(parts) <= self.keep
        m.d.comb += [
            self.sum.eq(added(m, self.a, self.b)),
            self.product.eq(multiplied(m, self.a, self.b)),
            self.differ.eq(differ(m, self.a, self.b)),
            self.remainder.eq(folded(m, parts)),
        ]
        m.d.sync += Signal().eq(1)  # The testbench needs a clock.
        return m


def test_every_pair_of_digits():
    dut = Digits(4, 1)

    async def testbench(ctx):
        for a, b in itertools.product(range(4), repeat=2):
            ctx.set(dut.a, a)
            ctx.set(dut.b, b)
            await ctx.delay(1e-9)
            assert ctx.get(dut.sum) % 3 == (a + b) % 3
            assert ctx.get(dut.product) % 3 == a * b % 3
            assert ctx.get(dut.differ) == ((a - b) % 3 != 0)
            await ctx.tick()
    simulate(dut, testbench)


@pytest.mark.parametrize("bits, keep", [(4, 1), (5, 2), (8, 4), (9, 1)])
def test_every_number(bits, keep):
    """Of even and of odd widths; and every single flip gives another remainder."""
    dut = Digits(bits, keep)

    async def testbench(ctx):
        found = {}
        for number in range(-1 << bits - 1, 1 << bits - 1):
            ctx.set(dut.number, number)
            await ctx.delay(1e-9)
            found[number & (1 << bits) - 1] = ctx.get(dut.remainder) % 3
            assert ctx.get(dut.remainder) % 3 == number % 3
            await ctx.tick()
        assert all(found[number] != found[number ^ 1 << bit]
                   for number in found for bit in range(bits))
    simulate(dut, testbench)
