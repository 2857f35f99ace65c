"""Bytes through the FIFO of an FT2232H, whose model checks every edge of its clock."""

from random import Random

import pytest
from amaranth.sim import Simulator

from hw.bus.ft245 import Ft245
from tests.support.ft245_chip import Ft245Chip
from tests.support.hw_bench import getter, putter

CHIP_PERIOD_S = 1 / 60e6
PINS = ("oe_n", "rd_n", "wr_n", "data_oe", "data_o", "siwu_n")


def rtl(to_fpga, to_host, *, clock_mhz, pauses, stall, seed, stops=False):
    """Move bytes both ways; return the bytes that came at either end, and the chip."""
    dut = Ft245(depth=16)
    chip, came = Ft245Chip(to_fpga, pauses, seed), []

    async def pins(ctx):
        random = Random(seed)
        while True:
            pause = CHIP_PERIOD_S / 2 * (1 + 20 * (stops and random.random() < 0.02))
            await ctx.delay(pause)
            outputs = {name: ctx.get(getattr(dut, name)) for name in PINS}
            ctx.set(dut.clkout, 1)
            # Inputs change after the edge, when the FPGA has taken them.
            await ctx.delay(CHIP_PERIOD_S / 2)
            chip.edge(**outputs)
            ctx.set(dut.clkout, 0)
            ctx.set(dut.rxf_n, chip.rxf_n)
            ctx.set(dut.txe_n, chip.txe_n)
            ctx.set(dut.data_i, chip.data)

    sim = Simulator(dut)
    sim.add_clock(1 / (clock_mhz * 1e6))
    done = []

    async def feed(ctx):
        await putter(dut.i, to_host, stall, seed + 1)(ctx)
        done.append("fed")

    async def take(ctx):
        await getter(dut.o, len(to_fpga), came, stall, seed + 2)(ctx)
        done.append("taken")

    sim.add_testbench(pins, background=True)
    sim.add_testbench(feed)
    sim.add_testbench(take)

    async def end(ctx):
        for _ in range(40_000):
            await ctx.tick()
            if len(done) == 2 and len(chip.from_fpga) >= len(to_host) and (
                    chip.flushes or not to_host):
                return

    sim.add_testbench(end)
    sim.run()
    return bytes(came), bytes(chip.from_fpga), chip


@pytest.mark.parametrize("clock_mhz", [25, 60, 100])
@pytest.mark.parametrize("pauses, stall, stops, seed", [
    (0.0, 0.0, False, 1), (0.1, 0.0, False, 2), (0.05, 0.3, True, 3)])
def test_bytes_go_both_ways(clock_mhz, pauses, stall, stops, seed):
    print(f"seed {seed}")
    random = Random(seed)
    to_fpga, to_host = random.randbytes(700), random.randbytes(600)
    came, went, chip = rtl(to_fpga, to_host, clock_mhz=clock_mhz, pauses=pauses, stall=stall,
                           seed=seed, stops=stops)
    assert came == to_fpga and went == to_host and chip.flushes >= 1


def test_a_byte_a_cycle_but_for_the_turns():
    """At a clock that is faster than the chip's, each direction alone and both at once."""
    data = Random(4).randbytes(1500)
    for to_fpga, to_host in ((data, b""), (b"", data), (data, data)):
        came, went, chip = rtl(to_fpga, to_host, clock_mhz=150, pauses=0.0, stall=0.0, seed=4)
        assert came == to_fpga and went == to_host
        waits = chip.moved_at - chip.busy_cycles
        assert waits < 200, f"{waits} cycles of {chip.moved_at}"
