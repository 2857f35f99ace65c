"""`with_twins`: a flag for every bit of every register that flips, and none else."""

from random import Random

import pytest
from amaranth import *
from amaranth.hdl import Fragment
from amaranth.lib import fifo, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from hw.cells.doubled import with_twins


class Inner(Elaboratable):
    """Registers that are assigned in every way, of which a reset clears some."""

    def __init__(self):
        self.enable, self.data = Signal(), Signal(8)
        self.whole = Signal(8, init=5)
        self.kept = Signal(signed(8), reset_less=True)
        self.parts = Signal(8)
        self.mixed = Signal(8)  # Its upper half is no register.
        self.low, self.high = Signal(3), Signal(5)

    def elaborate(self, platform):
        m = Module()
        m.submodules.fifo = queue = fifo.SyncFIFO(width=8, depth=4)
        m.d.comb += [queue.w_data.eq(self.data), queue.w_en.eq(self.enable),
                     queue.r_en.eq(self.data[0]), self.mixed[4:].eq(self.data)]
        m.d.sync += [self.whole.eq(self.whole + 3), self.mixed[:4].eq(self.data),
                     Cat(self.low, self.high).eq(self.data),
                     self.parts.word_select(self.data[:2], 2).eq(self.data[4:])]
        with m.If(self.enable):
            m.d.sync += self.kept.eq(self.data.as_signed() - 7)
        with m.FSM():
            with m.State("One"):
                with m.If(self.enable):
                    m.next = "Two"
            with m.State("Two"):
                with m.If(self.data[3]):
                    m.next = "One"
        return m


class Outer(wiring.Component):
    def __init__(self, covered):
        self.covered = covered
        self.inner = Inner()
        super().__init__({"enable": In(1), "data": In(8), "flag": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.inner = self.inner
        m.d.comb += [self.inner.enable.eq(self.enable), self.inner.data.eq(self.data)]
        self.fragment = with_twins(m, platform, self.flag, self.covered)
        return self.fragment


def run(flipped=None, covered=lambda path, name: False, cycles=60):
    """Return whether the flag was set, where a bit of a register flips in the middle."""
    dut, random = Outer(covered), Random(1)
    fragment = Fragment.get(dut, None)
    simulator = Simulator(fragment)
    simulator.add_clock(1e-6)
    found = []

    async def testbench(ctx):
        for cycle in range(cycles):
            ctx.set(dut.enable, random.getrandbits(1))
            ctx.set(dut.data, random.getrandbits(8))
            if cycle == cycles // 2 and flipped is not None:
                name, bit = flipped
                register = getattr(dut.inner, name)
                ctx.set(register.as_unsigned(), ctx.get(register.as_unsigned()) ^ 1 << bit)
            await ctx.tick()
            found.append(ctx.get(dut.flag))
    simulator.add_testbench(testbench)
    simulator.run()
    return found


def test_nothing_is_flagged_without_a_flip():
    assert not any(run(cycles=400))


@pytest.mark.parametrize("name, bits", [
    ("whole", 8), ("kept", 8), ("parts", 8), ("low", 3), ("high", 5)])
def test_every_flip_is_flagged_two_cycles_later(name, bits):
    for bit in range(bits):
        found = run((name, bit))
        assert found == [0] * 31 + [1] * 29


def test_what_is_covered_has_no_twin():
    asked = set()

    def covered(path, name):
        asked.add((path, name))
        return name == "whole"
    assert not any(run(("whole", 3), covered))
    assert (("inner",), "whole") in asked and (("inner", "fifo"), "level") in asked
    assert (("inner",), "fsm_state") in asked
